package thread

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// install is rt_sigaction(2) with an empty mask. The handler needs no restorer:
// where it returns at all, it makes the system call itself.
func install(signal int32, handler, flags uintptr) {
	action := [4]uintptr{handler, flags}
	syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}

// retirePC is the entry address of the handler that ends a parked thread.
func retirePC() uintptr

// What package runtime/debug calls SetGCPercent and SetMemoryLimit. That package cannot
// be imported: it imports os.
//
//go:linkname setGCPercent runtime/debug.setGCPercent
func setGCPercent(percent int32) int32

//go:linkname setMemoryLimit runtime/debug.setMemoryLimit
func setMemoryLimit(bytes int64) int64

// procPin keeps the goroutine from being preempted. The runtime keeps it for packages
// outside the standard library.
//
//go:linkname procPin runtime.procPin
func procPin() int

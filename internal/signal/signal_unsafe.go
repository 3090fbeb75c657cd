package signal

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

// sigaction is rt_sigaction(2); a and old may be nil.
func sigaction(n int32, a, old *action) sys.Errno {
	_, _, errno := syscall.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n),
		uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(old)), unsafe.Sizeof(a.mask), 0, 0)
	return errno
}

// handlerPC is the entry address of the assembly handler.
func handlerPC() uintptr

package porttest

import (
	"syscall"
	"unsafe"
)

// resetReserved gives the two signals that the C library keeps to itself their
// default disposition: make, for one, hands them down ignored, and a port program
// would hand that on to whatever the tests look at.
func resetReserved() {
	// struct sigaction of the kernel: handler, flags, restorer, mask.
	var action [4]uintptr
	for _, signal := range [...]uintptr{32, 33} {
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	}
}

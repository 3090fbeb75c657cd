package porttest

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Handlers of signal.h.
const (
	sigDfl = 0
	sigIgn = 1
)

// setHandler gives a signal one of the two fixed dispositions, without the Go
// runtime, which does not touch all of them (rt_sigaction(2)).
func setHandler(signal int, handler uint64) error {
	// struct sigaction of the kernel: handler, flags, restorer, mask.
	action := [4]uint64{handler}
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	if errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// resetReserved gives the two signals that the C library keeps to itself their
// default disposition: make, for one, hands them down ignored, and a port program
// would hand that on to whatever the tests look at.
func resetReserved() error {
	for _, signal := range [...]int{32, 33} {
		if err := setHandler(signal, sigDfl); err != nil {
			return err
		}
	}
	return nil
}

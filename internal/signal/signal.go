// Package signal installs the port program's signal handler with raw system
// calls and keeps the Go runtime's handlers out of the way.
//
// The handler is a few instructions of assembly: it writes the 128-byte
// siginfo_t of the signal to descriptor 4, the write end of the process's own
// signal pipe, where the event loop picks it up. It never enters Go. When the
// pipe is full the signal is dropped and Lost reports it. A SIGSEGV, SIGBUS,
// SIGFPE or SIGILL that the kernel raised for the process's own fault gets its
// default action back, so the process ends with that signal instead of looping.
package signal

import (
	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

const (
	// InfoSize is the size of a siginfo_t in bytes.
	InfoSize = 128
	// Max is the highest signal number of Linux (signal(7)).
	Max = 64
)

// Disposition is what happens at a signal (sigaction(2)).
type Disposition uint8

const (
	// Default is SIG_DFL.
	Default Disposition = iota
	// Ignore is SIG_IGN.
	Ignore
	// Info is this package's handler.
	Info
)

// action is the kernel's struct sigaction. The restorer is missing on riscv64,
// see layout in action_*.go.
type action struct {
	handler uintptr
	flags   uint64
	restorer
	mask sys.Sigset
}

// Set installs d for signal number n. The numbers that the C library keeps to
// itself (32 and 33) are refused as it does.
//
// Errors: EINVAL for numbers outside 1..64, for SIGKILL and SIGSTOP, and for 32
// and 33.
func Set(n int32, d Disposition) sys.Errno {
	if reserved(n) {
		return unix.EINVAL
	}
	return set(n, d)
}

// Get is the present disposition of signal number n.
//
// Errors: as Set, but SIGKILL and SIGSTOP may be asked for.
func Get(n int32) (Disposition, sys.Errno) {
	if reserved(n) {
		return Default, unix.EINVAL
	}
	var old action
	if errno := sigaction(n, nil, &old); errno != 0 {
		return Default, errno
	}
	return disposition(old.handler), 0
}

// disposition names a handler; there is only one besides the two fixed values.
func disposition(handler uintptr) Disposition {
	switch handler {
	case sigDfl:
		return Default
	case sigIgn:
		return Ignore
	}
	return Info
}

// Values of signal.h that golang.org/x/sys/unix does not carry; the same on
// every architecture this program runs on.
const (
	sigDfl    = 0
	sigIgn    = 1
	saSiginfo = 0x4
	saOnstack = 0x08000000
)

func reserved(n int32) bool { return n == 32 || n == 33 }

func set(n int32, d Disposition) sys.Errno {
	a := action{handler: sigIgn}
	switch d {
	case Default:
		a.handler = sigDfl
	case Info:
		a = action{handler: handlerPC(), flags: handlerFlags, mask: ^sys.Sigset(0)}
		a.setRestorer()
	}
	return sigaction(n, &a, nil)
}

// CatchAll installs the handler for every signal that accepts one. The two that
// the C library keeps to itself get their inherited disposition back.
func CatchAll(ignored sys.Sigset) {
	for n := int32(1); n <= Max; n++ {
		if reserved(n) {
			restore(n, ignored)
			continue
		}
		set(n, Info)
	}
}

// Restore gives every signal its inherited disposition back: ignored where the set
// has its bit, default elsewhere. The Go runtime has installed handlers of its own.
func Restore(ignored sys.Sigset) {
	for n := int32(1); n <= Max; n++ {
		restore(n, ignored)
	}
}

func restore(n int32, ignored sys.Sigset) {
	d := Default
	if ignored&Bit(n) != 0 {
		d = Ignore
	}
	set(n, d)
}

// Bit is the bit of signal number n in a signal set.
func Bit(n int32) sys.Sigset { return 1 << (n - 1) }

// Lost reports whether a signal was dropped since the last call because the
// signal pipe was full.
func Lost() bool {
	if lost == 0 {
		return false
	}
	lost = 0
	return true
}

// lost is set by the handler.
var lost uint32

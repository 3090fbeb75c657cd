// Package inherited knows what the program was started with where the Go runtime
// and package syscall change it before any other code runs: the signal mask (the
// runtime unblocks SIGTERM and others), the ignored signals (it catches them) and
// the soft limit of open files (syscall raises it). Executed programs and the
// process itself have to see the original values.
//
// There is one hook early enough: the runtime's start-up code calls the function
// that the variable _cgo_init points to, if any, before everything else. In a
// program with cgo that is the C library's side of things; in this one it is a few
// instructions of assembly that ask the kernel and write the answers down.
package inherited

import "alcove/internal/sys"

// retiring is the signal that ends the runtime's threads, see package thread. They
// must not inherit it blocked, so capture unblocks it.
//
//lint:ignore U1000 read by assembly
var retiring uint64 = 1 << (sys.RetireSignal - 1)

// Written by capture in assembly.
var (
	mask    uint64
	ignored uint64
	nofile  [2]uint64 // soft, hard
)

// Mask is the set of signals that were blocked.
func Mask() sys.Sigset { return sys.Sigset(mask) }

// Ignored is the set of signals that were ignored.
func Ignored() sys.Sigset { return sys.Sigset(ignored) }

// OpenFiles is the limit of open files, RLIMIT_NOFILE of getrlimit(2).
func OpenFiles() sys.Rlimit { return sys.Rlimit{Cur: nofile[0], Max: nofile[1]} }

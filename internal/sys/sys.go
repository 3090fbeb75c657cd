// Package sys makes raw Linux system calls.
//
// The port program runs its event loop on the only thread of a process whose
// Go scheduler has nobody left to talk to (see package thread), so every call
// here goes straight to the kernel: no scheduler hooks, no retry on EINTR, no
// flag added, no allocation. Each function makes exactly the one system call
// that its comment names, because callers install seccomp filters around
// these processes. An error is the bare errno; zero means success.
//
// Strings handed to the kernel are byte slices that carry their terminating
// zero byte themselves.
package sys

import "golang.org/x/sys/unix"

// Errno is a Linux error number; zero means success.
type Errno = unix.Errno

// Errors that this program raises by itself.
const (
	EBADF  = unix.EBADF
	EAGAIN = unix.EAGAIN
	EINTR  = unix.EINTR
	ENOMEM = unix.ENOMEM
	EINVAL = unix.EINVAL
)

// RetireSignal is the real-time signal that ends the runtime's threads at the start;
// qemu-user cannot send the highest.
const RetireSignal = 40

// PollFD is struct pollfd of poll(2).
type PollFD = unix.PollFd

// Rlimit is struct rlimit64 of prlimit(2).
type Rlimit = unix.Rlimit

// Timespec is struct timespec of pselect(2).
type Timespec = unix.Timespec

// FDSet is fd_set of pselect(2): 1024 bits.
type FDSet = unix.FdSet

// Utsname is struct new_utsname of uname(2).
type Utsname = unix.Utsname

// Pipe is both ends of a pipe(2) or a socketpair(2): read end first.
type Pipe [2]int32

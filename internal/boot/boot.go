// Package boot prepares the descriptors and limits of the port process before its
// event loop starts (wire.md §2.1).
package boot

import (
	"golang.org/x/sys/unix"

	"alcove/internal/fdnum"
	"alcove/internal/sys"
)

// firstFree is the lowest number for a descriptor that has to make room.
const firstFree = 8

// defaultStack replaces an unlimited soft stack limit, in bytes.
const defaultStack = 8 << 20

// Stack gives a soft stack limit to a process without one.
func Stack() sys.Errno {
	var limit sys.Rlimit
	if errno := sys.Getrlimit(unix.RLIMIT_STACK, &limit); errno != 0 {
		return errno
	}
	if limit.Cur != unix.RLIM_INFINITY {
		return 0
	}
	limit.Cur = defaultStack
	return sys.Setrlimit(unix.RLIMIT_STACK, &limit)
}

// MakeRoom moves descriptors that were open at start out of the numbers that the
// program keeps for itself, to the lowest free ones from 8. They keep their
// close-on-exec flag.
//
// Errors: EINVAL when the limit of open files is below 9, EMFILE.
func MakeRoom() sys.Errno {
	for fd := int32(fdnum.Signals); fd < fdnum.Reserved; fd++ {
		flags, errno := sys.Fcntl(fd, unix.F_GETFD, 0)
		if errno != 0 {
			continue
		}
		dup := int32(unix.F_DUPFD)
		if flags&unix.FD_CLOEXEC != 0 {
			dup = unix.F_DUPFD_CLOEXEC
		}
		if _, errno := sys.Fcntl(fd, dup, firstFree); errno != 0 {
			return errno
		}
		sys.Close(fd)
	}
	return 0
}

// SignalPipe makes the signal pipe on descriptors 3 and 4.
//
// Preconditions: 3 and 4 are free.
func SignalPipe() sys.Errno {
	var p sys.Pipe
	if errno := sys.Pipe2(&p, unix.O_CLOEXEC|unix.O_NONBLOCK); errno != 0 {
		return errno
	}
	if errno := place(p[0], fdnum.Signals); errno != 0 {
		return errno
	}
	return place(p[1], fdnum.SignalsIn)
}

// Fifo makes the control fifo and opens it on descriptor 5 for both reading and
// writing. Erlang sees its end when the last writer is gone.
//
// Errors: those of mkfifo(3), an existing path (EEXIST) among them, and open(2).
func Fifo(path string) sys.Errno {
	const mode = 0o644
	name := append([]byte(path), 0)
	if errno := sys.Mknodat(name, unix.S_IFIFO|mode); errno != 0 {
		return errno
	}
	fd, errno := sys.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errno != 0 {
		return errno
	}
	return place(fd, fdnum.Control)
}

// place moves a close-on-exec descriptor to a number that is free, or that it
// already has.
func place(fd, number int32) sys.Errno {
	if fd == number {
		return 0
	}
	if errno := sys.Dup3(fd, number, unix.O_CLOEXEC); errno != 0 {
		return errno
	}
	return sys.Close(fd)
}

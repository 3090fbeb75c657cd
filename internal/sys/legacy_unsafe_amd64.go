package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file have numbers of their own only on amd64; the other
// architectures reach them through the *at forms (legacy_unsafe_generic.go).

const sysNewfstatat = unix.SYS_NEWFSTATAT

// Poll is poll(2); timeout in milliseconds, -1 for none.
func Poll(fds []PollFD, timeout int32) (int, Errno) {
	n, errno := call(unix.SYS_POLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(timeout), 0, 0, 0)
	return int(n), errno
}

// Chmod is chmod(2).
func Chmod(path []byte, mode uint32) Errno {
	return errnoOf(unix.SYS_CHMOD, ptr(path), uintptr(mode), 0, 0, 0, 0)
}

// Chown is chown(2).
func Chown(path []byte, owner, group uint32) Errno {
	return errnoOf(unix.SYS_CHOWN, ptr(path), uintptr(owner), uintptr(group), 0, 0, 0)
}

// Link is link(2).
func Link(old, new []byte) Errno { return errnoOf(unix.SYS_LINK, ptr(old), ptr(new), 0, 0, 0, 0) }

// Symlink is symlink(2).
func Symlink(old, new []byte) Errno { return errnoOf(unix.SYS_SYMLINK, ptr(old), ptr(new), 0, 0, 0, 0) }

// Unlink is unlink(2).
func Unlink(path []byte) Errno { return errnoOf(unix.SYS_UNLINK, ptr(path), 0, 0, 0, 0, 0) }

// Rmdir is rmdir(2).
func Rmdir(path []byte) Errno { return errnoOf(unix.SYS_RMDIR, ptr(path), 0, 0, 0, 0, 0) }

// Mkdir is mkdir(2).
func Mkdir(path []byte, mode uint32) Errno {
	return errnoOf(unix.SYS_MKDIR, ptr(path), uintptr(mode), 0, 0, 0, 0)
}

// Getpgrp is getpgrp(2).
func Getpgrp() int32 {
	r, _ := call(unix.SYS_GETPGRP, 0, 0, 0, 0, 0, 0)
	return int32(r)
}

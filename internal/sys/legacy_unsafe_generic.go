//go:build arm64 || riscv64

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const sysNewfstatat = unix.SYS_FSTATAT

// Poll is ppoll(2) without a signal mask; timeout in milliseconds, -1 for none.
func Poll(fds []PollFD, timeout int32) (int, Errno) {
	var limit *unix.Timespec
	var ts unix.Timespec
	if timeout >= 0 {
		ts = unix.Timespec{Sec: int64(timeout / 1000), Nsec: int64(timeout%1000) * 1e6}
		limit = &ts
	}
	n, errno := call(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)), uintptr(unsafe.Pointer(limit)), 0, 0, 0)
	return int(n), errno
}

// Chmod is fchmodat(2).
func Chmod(path []byte, mode uint32) Errno {
	return errnoOf(unix.SYS_FCHMODAT, atFdcwd, ptr(path), uintptr(mode), 0, 0, 0)
}

// Chown is fchownat(2).
func Chown(path []byte, owner, group uint32) Errno {
	return errnoOf(unix.SYS_FCHOWNAT, atFdcwd, ptr(path), uintptr(owner), uintptr(group), 0, 0)
}

// Link is linkat(2).
func Link(old, new []byte) Errno {
	return errnoOf(unix.SYS_LINKAT, atFdcwd, ptr(old), atFdcwd, ptr(new), 0, 0)
}

// Symlink is symlinkat(2).
func Symlink(old, new []byte) Errno {
	return errnoOf(unix.SYS_SYMLINKAT, ptr(old), atFdcwd, ptr(new), 0, 0, 0)
}

// Unlink is unlinkat(2).
func Unlink(path []byte) Errno {
	return errnoOf(unix.SYS_UNLINKAT, atFdcwd, ptr(path), 0, 0, 0, 0)
}

// Rmdir is unlinkat(2) with AT_REMOVEDIR.
func Rmdir(path []byte) Errno {
	return errnoOf(unix.SYS_UNLINKAT, atFdcwd, ptr(path), unix.AT_REMOVEDIR, 0, 0, 0)
}

// Mkdir is mkdirat(2).
func Mkdir(path []byte, mode uint32) Errno {
	return errnoOf(unix.SYS_MKDIRAT, atFdcwd, ptr(path), uintptr(mode), 0, 0, 0)
}

// Getpgrp is getpgid(0), see getpgid(2).
func Getpgrp() int32 {
	r, _ := call(unix.SYS_GETPGID, 0, 0, 0, 0, 0, 0)
	return int32(r)
}

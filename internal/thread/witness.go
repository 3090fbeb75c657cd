//go:build !emulated

package thread

import (
	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

// emulated lets the handler accept a thread that stands on its system call; see
// witness_emulated.go.
var emulated uint32

// single asks the kernel whether the process has one thread: unshare(2) with
// CLONE_THREAD does nothing then and fails with EINVAL otherwise. Where a
// filter keeps unshare from being called, the retiring signal tells: sent to the
// process and still pending, nobody was left to take it.
//
//go:nosplit
func single() bool {
	switch sys.Unshare(unix.CLONE_THREAD) {
	case 0:
		return true
	case unix.EINVAL:
		return false
	}
	return untaken()
}

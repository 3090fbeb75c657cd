//go:build !emulated

package thread

import (
	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

// emulated lets the handler accept a thread that stands on its system call; see
// witness_emulated.go.
//
//lint:ignore U1000 read by assembly
var emulated uint32

// single reports whether the process has one thread. unshare(2) with CLONE_THREAD
// does nothing then and fails with EINVAL otherwise; it needs neither privilege nor
// /proc. Where a filter refuses it, as container engines do, /proc knows: the task
// directory has a link for every thread. Where that is missing as well, the threads
// that the runtime made are counted, and those that left.
func single() bool {
	switch sys.Unshare(unix.CLONE_THREAD) {
	case 0:
		return true
	case unix.EINVAL:
		return false
	}
	if n := sys.Links(tasks); n > 0 {
		return n == ownLinks+1
	}
	return allLeft()
}

// tasks is the directory of this process's threads; see proc(5).
var tasks = []byte("/proc/self/task\x00")

// ownLinks is how many links a directory has without any thread in it.
const ownLinks = 2

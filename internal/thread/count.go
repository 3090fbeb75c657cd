package thread

import (
	"runtime"

	"alcove/internal/sys"
)

// retired counts the threads that the handler has ended. It is read between system
// calls, so that an ordinary load will do.
var retired uint32

// leaving is how long a thread may take from being counted to being gone, in
// nanoseconds.
const leaving = 1e6

// allLeft reports whether every thread that the runtime has made, but this one, was
// ended.
func allLeft() bool {
	if !counted() {
		return false
	}
	sys.Sleep(leaving)
	return counted()
}

func counted() bool {
	made, _ := runtime.ThreadCreateProfile(nil)
	return retired+1 >= uint32(made)
}

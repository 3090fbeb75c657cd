package thread

import "alcove/internal/sys"

// proofs is how often in a row the signal has to be found pending: a thread
// that is just being made blocks all signals for a moment.
const proofs = 50

// untaken sends the retiring signal and reports whether it stays pending.
//
//go:nosplit
func untaken() bool {
	sys.Kill(sys.Getpid(), retireSignal)
	for range proofs {
		sys.Sleep(pause)
		if !pending() {
			return false
		}
	}
	return true
}

// pending reports whether the retiring signal waits for somebody to take it.
//
//go:nosplit
func pending() bool { return sys.Sigpending()>>(retireSignal-1)&1 != 0 }

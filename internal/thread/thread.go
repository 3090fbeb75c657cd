// Package thread makes the process single-threaded before main starts.
//
// Every process of the tree is a fork that goes on running, so the port program
// must own the one thread that clone(2) copies: namespaces, credentials,
// seccomp and ptrace act on a thread, and a runtime lock held by a thread that
// the fork left behind would never be released. The Go runtime starts a monitor
// thread and a few workers before any package is initialised; once main is about
// to run, all of them are parked in the kernel, and this package ends them.
//
// How: during initialisation the main goroutine is wired to the thread-group
// leader. It blocks one real-time signal for itself and sends it to the process
// until it is alone. The assembly handler ends the thread it runs on, but only if
// that thread was waiting in the kernel: the interrupted instruction stands right
// behind a system call that returned EINTR, so the thread holds no lock of the
// runtime. Whether the process is alone the kernel says, see witness.go.
//
// From then on nothing may enter the scheduler: no goroutine, channel, timer or
// blocking mutex. Allocation and stack growth still work; the garbage collector is
// switched off for good, and the main goroutine is never asked to yield.
//
// A program that imports this package is single-threaded. Test binaries must not.
package thread

import (
	"math"

	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

const retireSignal = sys.RetireSignal

// limit is how long the other threads may take to leave, in nanoseconds.
const limit = 2e9

// volley is how many signals are sent at once, one for every thread that the
// runtime is likely to have. This thread then sleeps for pause nanoseconds; on a
// loaded machine, after a number of rounds, longer and longer up to maxPause, so
// that the others get the processor.
const (
	volley   = 4
	pause    = 30e3
	rounds   = 10
	maxPause = 1e6
)

var alone bool

// Alone reports whether the process became single-threaded within two seconds.
// The program must not go on otherwise.
func Alone() bool { return alone }

func init() {
	// Whatever GOGC and GOMEMLIMIT say: the collector is idle when this returns and
	// never starts again. It would need threads.
	setMemoryLimit(math.MaxInt64)
	setGCPercent(-1)
	// A pinned goroutine is not preempted: a yield would wait for a thread that is
	// gone.
	procPin()
	alone = retire()
}

// retire ends every other thread and reports whether that worked.
func retire() bool {
	// The runtime's preemption signal must not show up later.
	install(int32(unix.SIGURG), sigIgn, 0)
	old := sys.Block(1 << (retireSignal - 1))
	install(retireSignal, retirePC(), handlerFlags)
	// Short sleeps shall be short. Slack 0 stands for the original value
	// (PR_SET_TIMERSLACK(2const)).
	sys.TimerSlack(1)
	pid := sys.Getpid()
	deadline := sys.Monotonic() + limit
	ok := single()
	wait := int64(pause)
	for round := 0; !ok && sys.Monotonic() < deadline; round++ {
		// What nobody has taken yet will do: a thread that is not parked would
		// have to work off all that piles up.
		if !pending() {
			for range volley {
				sys.Kill(pid, retireSignal)
			}
		}
		if round > rounds {
			wait = min(2*wait, maxPause)
		}
		sys.Sleep(wait)
		ok = single()
	}
	sys.TimerSlack(0)
	// Ignoring the signal discards what is left pending.
	install(retireSignal, sigIgn, 0)
	sys.SetMask(old)
	return ok
}

// pending reports whether the retiring signal waits for somebody to take it.
func pending() bool { return sys.Sigpending()>>(retireSignal-1)&1 != 0 }

// sigIgn is SIG_IGN of signal.h.
const sigIgn = 1

// handlerFlags is SA_SIGINFO, SA_ONSTACK, and SA_RESTORER because amd64 delivers no
// signal without it; the handler never returns to the (null) restorer.
const handlerFlags = 0x4 | 0x08000000 | 0x04000000

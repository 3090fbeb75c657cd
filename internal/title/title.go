// Package title gives access to the memory in which the kernel left the
// program's arguments and environment, and overwrites it with a process title.
//
// The kernel lays the argument strings out back to back, the environment
// strings behind them, and shows the former in /proc/PID/cmdline (proc(5)): as
// long as the byte that ended the last argument stays zero, the file keeps its
// length; otherwise it goes on to the first zero byte.
package title

// Max is the longest title in bytes.
const Max = 255

// Area is the memory of the argument and environment strings.
type Area struct {
	args, env []string
	// region runs from the first byte of argument 0 to the terminator of the
	// last environment string.
	region []byte
	// name is a copy of argument 0.
	name   []byte
	wiped  bool
	frozen bool
}

// Args is a copy of the arguments.
func (a *Area) Args() []string { return a.args }

// Environ is a copy of the environment strings as the program got them.
func (a *Area) Environ() []string { return a.env }

// Freeze makes Set a no-op.
func (a *Area) Freeze() { a.frozen = true }

// Set makes title visible as the command line, cut to what there is room for
// and to Max bytes. An empty title stands for the original argument 0; one that
// begins with a zero byte changes nothing. A title of exactly the length of
// argument 0 gets a space behind it.
func (a *Area) Set(title []byte) {
	if len(title) == 0 {
		title = a.name
	}
	if a.frozen || len(a.region) == 0 || len(title) == 0 || title[0] == 0 {
		return
	}
	if i := indexZero(title); i >= 0 {
		title = title[:i]
	}
	wipe := a.region
	if a.wiped {
		wipe = wipe[:min(len(wipe), Max+1)]
	}
	clear(wipe)
	a.wiped = true
	n := copy(a.region[:len(a.region)-1], title[:min(len(title), Max)])
	if n == len(a.name) && n+1 < len(a.region) {
		a.region[n] = ' '
	}
}

func indexZero(b []byte) int {
	for i, c := range b {
		if c == 0 {
			return i
		}
	}
	return -1
}

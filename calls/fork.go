package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/sys"
)

// namespaces are the flags of clone(2) that make sense for a process that goes on
// in the event loop: the rest would share memory, descriptors or the signal that
// tells the parent of the end. CLONE_NEWTIME is not among them: its bit means
// something else in this system call.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

func (p *Process) fork() Outcome {
	if !p.mayFork() {
		return p.fail(sys.EAGAIN)
	}
	return p.spawn(0)
}

// mayFork reports whether neither the depth nor the child table is exhausted.
func (p *Process) mayFork() bool {
	return p.Depth < int(p.Options.MaxForkDepth) && !p.Children.Full()
}

// clone is fork with namespace flags. A process that may not fork says so even
// if the flags are wrong, and where the original has to allocate a stack as large
// as the soft limit, an unlimited one is refused.
func (p *Process) clone(flags int32) Outcome {
	if flags&^namespaces != 0 {
		return p.fail(sys.EINVAL)
	}
	var stack sys.Rlimit
	if errno := sys.Getrlimit(unix.RLIMIT_STACK, &stack); errno == 0 && stack.Cur == unix.RLIM_INFINITY {
		return p.fail(sys.ENOMEM)
	}
	return p.spawn(flags)
}

// plumbing is the descriptors between a process and its child, in the order in
// which they are made.
type plumbing struct {
	ctl, in, out, err sys.Pipe
	// made is how many of the four exist.
	made int
}

// pairs gives access to all four.
func (f *plumbing) pairs() [4]*sys.Pipe { return [...]*sys.Pipe{&f.ctl, &f.in, &f.out, &f.err} }

func (f *plumbing) open() sys.Errno {
	for i, pair := range f.pairs() {
		var errno sys.Errno
		if i == 0 {
			errno = sys.Socketpair(pair, unix.AF_UNIX, unix.SOCK_STREAM, 0)
		} else {
			errno = sys.Pipe2(pair, 0)
		}
		if errno != 0 {
			f.close()
			return errno
		}
		f.made++
	}
	return 0
}

func (f *plumbing) close() {
	for i, pair := range f.pairs() {
		if i < f.made {
			sys.Close(pair[0])
			sys.Close(pair[1])
		}
	}
}

// spawn makes a child in the namespaces that flags ask for. It returns in both
// processes: the parent replies {ok, Pid}, the child's outcome is Forked.
func (p *Process) spawn(flags int32) Outcome {
	var f plumbing
	if errno := f.open(); errno != 0 {
		return p.fail(errno)
	}
	mask := sys.Block(^sys.Sigset(0))
	pid, errno := sys.Clone(uintptr(flags) | uintptr(unix.SIGCHLD))
	if errno == 0 && pid == 0 {
		p.becomeChild(&f)
		sys.SetMask(mask)
		return Forked
	}
	sys.SetMask(mask)
	if errno != 0 {
		f.close()
		return p.fail(errno)
	}
	p.adopt(pid, &f)
	return p.okInt(int64(pid), 0)
}

// adopt enters a new child into the table and keeps this process's ends of the
// plumbing: all close-on-exec, the child's stdin non-blocking.
func (p *Process) adopt(pid int32, f *plumbing) {
	s := child.Slot{
		Pid:         pid,
		Flow:        p.Options.FlowControl,
		SignalOneOf: p.Options.SignalOneOf,
		Ctl:         f.ctl[1],
		Stdin:       f.in[1],
		Stdout:      f.out[0],
		Stderr:      f.err[0],
	}
	for _, fd := range [...]int32{f.ctl[0], f.in[0], f.out[1], f.err[1]} {
		sys.Close(fd)
	}
	for _, fd := range [...]int32{s.Ctl, s.Stdin, s.Stdout, s.Stderr} {
		sys.Fcntl(fd, unix.F_SETFD, unix.FD_CLOEXEC)
	}
	sys.Fcntl(s.Stdin, unix.F_SETFL, unix.O_WRONLY|unix.O_NONBLOCK)
	p.Children.Add(s)
}

// becomeChild turns the copy of the parent into a control process of its own:
// its ends of the plumbing on 0, 1, 2 and 5, a new signal pipe on 3 and 4, nothing
// left of the parent's children. It ends the process where that fails.
//
// Preconditions: all signals are blocked.
func (p *Process) becomeChild(f *plumbing) {
	var wake sys.Pipe
	must(sys.Pipe2(&wake, unix.O_CLOEXEC|unix.O_NONBLOCK))
	sources := [fdnum.Reserved]int32{f.in[0], f.out[1], f.err[1], wake[0], wake[1], f.ctl[0]}
	// A source that stands where another one has to go moves out of the way.
	for i, fd := range sources {
		if fd < fdnum.Reserved && fd != int32(i) {
			moved, errno := sys.Fcntl(fd, unix.F_DUPFD, fdnum.Reserved)
			must(errno)
			sources[i] = moved
		}
	}
	for i, fd := range sources {
		if fd == int32(i) {
			_, errno := sys.Fcntl(fd, unix.F_SETFD, 0)
			must(errno)
			continue
		}
		must(sys.Dup3(fd, int32(i), 0))
		sys.Close(fd)
	}
	_, errno := sys.Fcntl(fdnum.Control, unix.F_SETFD, unix.FD_CLOEXEC)
	must(errno)
	for _, fd := range [...]int32{f.in[1], f.out[0], f.err[0], f.ctl[1]} {
		if fd >= fdnum.Reserved {
			sys.Close(fd)
		}
	}
	p.Children.CloseAll(fdnum.Reserved)
	p.Children.Clear()
	p.Depth++
	p.denied = p.deniedBelow
	p.HasControl = true
	p.Output = 0
}

// must ends a child that cannot be set up: its parent sees the error number as
// its exit status.
func must(errno sys.Errno) {
	if errno != 0 {
		sys.Exit(int32(errno))
	}
}

// Package dispatch runs the event loop of a control process: it takes frames from
// standard input, carries out calls, relays the stdio of children and tells what
// becomes of them (wire.md §3, §5, §6).
//
// Every process of the tree runs this loop, one after the other: a fork returns
// into it in the child with the state reset. Nothing in it blocks but a write of a
// whole frame to standard output and the system call of a request; nothing in it
// allocates.
package dispatch

import (
	"golang.org/x/sys/unix"

	"alcove/calls"
	"alcove/etf"
	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/signal"
	"alcove/internal/sys"
)

// oversizedStatus is the exit status of a process whose reply does not fit.
const oversizedStatus = 111

// The buffers of the loop. Each exists once and is used by one part of it.
var (
	// request holds the frame that is being read from standard input.
	request [maxFrame]byte
	// reply holds the frame of a call reply; the term begins behind its header.
	reply [maxFrame]byte
	// notice holds a frame that this process makes up: events, closed
	// descriptors, refused input. The term begins behind two headers.
	notice [proxySize + headerSize + noticeSize]byte
	// chunk holds output of a child, a header in front.
	chunk [proxySize + 2*maxFrame]byte
	// siginfo is the signal that is being reported.
	siginfo [signal.InfoSize]byte
)

// noticeSize is enough for the longest term made up here, a signal event.
const noticeSize = 256

// Loop is the event loop with the state of its process.
type Loop struct {
	Process calls.Process

	// have is how much of a frame stands in request.
	have int
	// notices encodes into notice.
	notices etf.Encoder
	// polled is the list for poll(2): standard input, signals, then up to four
	// descriptors a child.
	polled []sys.PollFD
	// batch collects frames of a child for one write.
	batch batch
	// part is the one part of other writes.
	part [1]sys.Iovec
}

// fixed is how many descriptors are always polled, perChild how many a child may
// add.
const (
	fixed    = 2
	perChild = 4
)

// stackRoom is more than the loop ever needs, in bytes.
const stackRoom = 32 << 10

// reserveStack makes the goroutine's stack grow now: later, under a seccomp
// filter, the memory for it might not be had.
//
//go:noinline
func reserveStack() byte {
	var room [stackRoom]byte
	return room[len(request)%stackRoom]
}

// Start prepares the buffers of the loop.
func (l *Loop) Start() {
	reserveStack()
	l.Process.Reply = etf.NewEncoder(reply[headerSize:])
	l.notices = etf.NewEncoder(notice[proxySize+headerSize:])
}

// Ready sends the frame that tells Erlang, or the parent of a process that was
// replaced by this program, that the loop is about to start: a call reply ok.
func (l *Loop) Ready() sys.Errno {
	e := l.notice()
	e.Atom("ok")
	return l.sendNotice(typeCall)
}

// Run serves requests until the end of input, which ends the process.
func (l *Loop) Run() {
	for {
		l.turn()
	}
}

// turn waits for something to do and does one step of everything that is due.
func (l *Loop) turn() {
	fds := l.pollList()
	if _, errno := sys.Poll(fds, -1); errno != 0 {
		if errno == sys.EINTR {
			return
		}
		l.shutdown(errno)
	}
	if fds[0].Revents != 0 && l.readRequest() {
		// A new child starts over with its own descriptors.
		return
	}
	if fds[1].Revents != 0 {
		l.readSignal()
	}
	if len(fds) > fixed {
		l.serveChildren(fds)
	}
}

// pollList lists the descriptors that matter now, and tells each slot its place.
func (l *Loop) pollList() []sys.PollFD {
	table := &l.Process.Children
	if n := fixed + perChild*table.Max(); n > len(l.polled) {
		l.growPolled(n)
	}
	l.polled[0] = sys.PollFD{Fd: fdnum.Stdin, Events: unix.POLLIN}
	l.polled[1] = sys.PollFD{Fd: fdnum.Signals, Events: unix.POLLIN}
	n, left := fixed, table.Len()
	slots := table.Slots()
	for i := 0; left > 0; i++ {
		s := &slots[i]
		if s.Pid == 0 {
			continue
		}
		left--
		s.Polled, s.Poll = true, int32(n)
		interests(s, l.polled[n:n+perChild])
		n += perChild
	}
	return l.polled[:n]
}

// growPolled makes the list long enough for a table that has grown.
func (l *Loop) growPolled(n int) {
	polled, errno := sys.MapOf[sys.PollFD](n)
	if errno != 0 {
		l.shutdown(errno)
	}
	if l.polled != nil {
		sys.UnmapOf(l.polled)
	}
	l.polled = polled
}

// The places of a child's descriptors in its part of the list, in the order in
// which they are served.
const (
	ctlPlace = iota
	stdinPlace
	stdoutPlace
	stderrPlace
)

// interests fills in what to poll for a child. A negative descriptor is skipped
// by poll(2) and keeps the places fixed.
func interests(s *child.Slot, fds []sys.PollFD) {
	fds[ctlPlace] = sys.PollFD{Fd: s.Ctl, Events: unix.POLLIN}
	fds[stdinPlace] = sys.PollFD{Fd: child.Closed, Events: unix.POLLOUT}
	if s.Pending() > 0 {
		fds[stdinPlace].Fd = s.Stdin
	}
	fds[stdoutPlace] = sys.PollFD{Fd: s.Stdout, Events: unix.POLLIN}
	fds[stderrPlace] = sys.PollFD{Fd: s.Stderr, Events: unix.POLLIN}
	if held(s) {
		fds[stdoutPlace].Fd = child.Closed
		fds[stderrPlace].Fd = child.Closed
	}
}

// held reports whether flow control keeps the output of a child back: a pipe that
// is not read must not be polled either, since a hang-up would report at once.
func held(s *child.Slot) bool { return s.Flow == 0 && !s.Control() && !s.Reaped }

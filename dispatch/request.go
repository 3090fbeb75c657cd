package dispatch

import (
	"golang.org/x/sys/unix"

	"alcove/calls"
	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/sys"
)

// readRequest reads what is there of the frame at hand, and serves it once it is
// complete. It reports whether this process is a new child.
//
// It never reads beyond the frame: what follows may belong to a program that this
// one is about to be replaced by. It never waits for the rest of a frame either.
func (l *Loop) readRequest() bool {
	if l.have < lengthSize {
		l.readInput(lengthSize)
		if l.have < lengthSize {
			return false
		}
	}
	size := lengthSize + get16(request[:])
	if l.have < size {
		if !readable(fdnum.Stdin) {
			return false
		}
		l.readInput(size)
		if l.have < size {
			return false
		}
	}
	l.have = 0
	return l.serve(request[lengthSize:size])
}

// readInput reads up to position end of the request. The end of input ends the
// process.
func (l *Loop) readInput(end int) {
	n, errno := sys.Read(fdnum.Stdin, request[l.have:end])
	switch {
	case errno == sys.EINTR || errno == sys.EAGAIN:
	case errno != 0 || n == 0:
		l.shutdown(errno)
	default:
		l.have += n
	}
}

// readable reports whether a read would not block, be it because it fails.
func readable(fd int32) bool {
	probe[0] = sys.PollFD{Fd: fd, Events: unix.POLLIN}
	n, errno := sys.Poll(probe[:], 0)
	return errno == 0 && n > 0
}

// probe is the list that readable polls.
var probe [1]sys.PollFD

// serve takes one frame without its length field. A frame that makes no sense
// ends the process.
func (l *Loop) serve(frame []byte) bool {
	// An empty frame, or half a type of zero, counts as data for process 0.
	if len(frame) == 0 || len(frame) == 1 && frame[0] == 0 {
		l.badpid(0)
		return false
	}
	if len(frame) < typeSize {
		l.shutdown(0)
	}
	body := frame[typeSize:]
	switch get16(frame) {
	case typeStdin:
		if len(body) < pidSize {
			l.shutdown(0)
		}
		l.input(get32(body), body[pidSize:])
	case typeCall:
		const numberSize = 2
		if len(body) <= numberSize {
			l.shutdown(0)
		}
		return l.call(uint16(get16(body)), body[numberSize:])
	default:
		l.shutdown(0)
	}
	return false
}

// call carries out a call and replies. It reports whether this process is a new
// child.
func (l *Loop) call(number uint16, term []byte) bool {
	switch l.Process.Call(number, term) {
	case calls.Forked:
		return true
	case calls.Oversized:
		l.shutdown(oversizedStatus)
	}
	l.finishWaited()
	l.sendReply()
	return false
}

// input passes data on to a child.
func (l *Loop) input(pid uint32, data []byte) {
	s := l.Process.Children.Find(int32(pid))
	switch {
	case s == nil || s.Reaped:
		l.badpid(pid)
	case len(data) == 0 || s.Stdin == child.Closed:
	case s.Pending() > 0:
		l.refuse(s, 0)
	default:
		l.feed(s, data)
	}
}

// feed writes data to a child. What a program does not take is dropped, and the
// number of bytes taken is reported. A control process gets its frame whole: what
// its pipe has no room for waits.
func (l *Loop) feed(s *child.Slot, data []byte) {
	taken := 0
	for taken < len(data) {
		n, errno := sys.Write(s.Stdin, data[taken:])
		switch {
		case errno == sys.EINTR:
		case errno == sys.EAGAIN && s.Control() && taken > 0:
			l.Process.Children.Queue(s, data[taken:])
			return
		case errno == sys.EAGAIN:
			l.refuse(s, taken)
			return
		case errno != 0:
			return
		default:
			taken += n
		}
	}
}

// feedRest writes what waits for a control process. Nobody will read it if the pipe
// is broken; not writing then spares this process a SIGPIPE.
func (l *Loop) feedRest(s *child.Slot, broken bool) {
	rest := l.Process.Children.Queued(s)
	if broken {
		s.Sent(len(rest))
		return
	}
	n, errno := sys.Write(s.Stdin, rest)
	switch {
	case errno == sys.EINTR || errno == sys.EAGAIN:
	case errno != 0:
		s.Sent(len(rest))
	default:
		s.Sent(n)
	}
}

// refuse tells that a child took only n bytes.
func (l *Loop) refuse(s *child.Slot, n int) {
	l.notice().Int(int64(n))
	l.sendNoticeOf(uint32(s.Pid), typePipe)
}

// badpid tells that a frame was addressed to a process that is no child.
func (l *Loop) badpid(pid uint32) {
	l.notice().Atom("badpid")
	l.sendNoticeOf(pid, typeCtl)
}

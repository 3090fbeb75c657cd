package dispatch

import (
	"golang.org/x/sys/unix"

	"alcove/calls"
	"alcove/internal/child"
	"alcove/internal/sys"
)

// serveChildren serves the descriptors of children that poll reported: lower slots
// first, and in a slot the control socket before the streams.
func (l *Loop) serveChildren(fds []sys.PollFD) {
	slots := l.Process.Children.Slots()
	for i := range slots {
		s := &slots[i]
		if s.Pid == 0 || !s.Polled {
			continue
		}
		s.Polled = false
		l.serveChild(s, fds[s.Poll:][:perChild])
	}
}

// due reports whether poll found something on a descriptor that the slot still
// has.
func due(p sys.PollFD, fd int32) bool { return p.Revents != 0 && fd >= 0 && p.Fd == fd }

func (l *Loop) serveChild(s *child.Slot, fds []sys.PollFD) {
	readCtl := due(fds[ctlPlace], s.Ctl)
	if readCtl {
		l.readCtl(s)
	}
	if due(fds[stdinPlace], s.Stdin) && s.Pending() > 0 {
		l.feedRest(s, fds[stdinPlace].Revents&unix.POLLERR != 0)
	}
	// The end of the control socket makes readCtl read standard output as well: what
	// poll found there may be gone, and a read would wait.
	if due(fds[stdoutPlace], s.Stdout) && !held(s) && (!readCtl || readable(s.Stdout)) {
		l.readStdout(s)
	}
	if due(fds[stderrPlace], s.Stderr) && !held(s) {
		l.readStream(s, &s.Stderr)
	}
	l.release(s)
}

// release frees the slot of a process that is gone and has nothing left to say.
func (l *Loop) release(s *child.Slot) {
	if s.Pid != 0 && s.Reaped && s.Drained() {
		l.Process.Children.Release(s)
	}
}

// readStdout reads a child's standard output once: frames of a control process,
// plain bytes of a program.
func (l *Loop) readStdout(s *child.Slot) {
	if s.Control() {
		l.readFrames(s)
		return
	}
	l.readStream(s, &s.Stdout)
}

// readStream relays one chunk of a stream of bytes.
func (l *Loop) readStream(s *child.Slot, fd *int32) {
	n, errno := sys.Read(*fd, chunk[proxySize:][:calls.ReplyLimit(l.Process.Depth)])
	switch {
	case errno == sys.EINTR || errno == sys.EAGAIN:
	case errno != 0:
		drop(fd)
	case n == 0:
		l.ended(s, fd)
	default:
		if !s.Control() && s.Flow > 0 {
			s.Flow--
		}
		l.sendStream(s, fd, n)
	}
}

// sendStream sends n bytes of chunk as output of a child. Where that fails the
// stream is closed.
func (l *Loop) sendStream(s *child.Slot, fd *int32, n int) {
	kind := typeStdout
	if fd == &s.Stderr {
		kind = typeStderr
	}
	putProxy(chunk[:], kind, uint32(s.Pid), n)
	if l.write(chunk[:proxySize+n]) != 0 {
		drop(fd)
	}
}

// drop closes a descriptor of a slot without a word.
func drop(fd *int32) {
	if *fd >= 0 {
		sys.Close(*fd)
		*fd = child.Closed
	}
}

// ended closes a stream at its end, and says so if that is wanted.
func (l *Loop) ended(s *child.Slot, fd *int32) {
	wanted, name := l.Process.Options.StdoutClosed, "stdout_closed"
	if fd == &s.Stderr {
		wanted, name = l.Process.Options.StderrClosed, "stderr_closed"
	}
	drop(fd)
	if wanted {
		l.sendCtl(s, name)
	}
}

// readFrames reads what is there of a control process's output and relays the
// frames that are complete.
func (l *Loop) readFrames(s *child.Slot) {
	table := &l.Process.Children
	partial := s.HasHeld()
	buf := chunk[proxySize:]
	have := table.Held(s, buf)
	n, errno := sys.Read(s.Stdout, buf[have:][:maxFrame])
	switch {
	case errno == sys.EINTR || errno == sys.EAGAIN:
		table.Hold(s, buf[:have])
		return
	case errno != 0 || n == 0 && partial:
		drop(&s.Stdout)
		return
	case n == 0:
		l.ended(s, &s.Stdout)
		return
	}
	// What was read may hold output of a program that took the child's place
	// meanwhile; then the child has announced where that begins.
	gone := l.syncCtl(s)
	l.relayFrames(s, buf[:have+n], gone)
}

// relayFrames relays the complete frames at the beginning of b. The child's
// control socket has reached its end if gone is set.
func (l *Loop) relayFrames(s *child.Slot, b []byte, gone bool) {
	framed := len(b)
	if gone && s.HasMark {
		framed = int(min(uint64(framed), s.Due()))
	}
	rest := b[:framed]
	for len(rest) >= lengthSize {
		size := lengthSize + get16(rest)
		if size == lengthSize || size > child.MaxFrame {
			// Does not fit into a frame of this process, or is none. What came
			// before it is as good as ever.
			l.flush()
			drop(&s.Stdout)
			return
		}
		if len(rest) < size {
			break
		}
		l.batch.add(uint32(s.Pid), rest[:size])
		rest = rest[size:]
		if l.batch.full() && l.flush() != 0 {
			drop(&s.Stdout)
			return
		}
	}
	if l.flush() != 0 {
		drop(&s.Stdout)
		return
	}
	consumed := framed - len(rest)
	s.Output += uint64(consumed)
	if gone && s.HasMark && s.Due() == 0 {
		l.execed(s)
		l.sendRest(s, b[consumed:])
		return
	}
	if len(rest) > 0 {
		l.Process.Children.Hold(s, rest)
	}
}

// sendRest sends bytes that were read along with the last frames of a control
// process and belong to the program that replaced it. They stand in chunk, no
// nearer to its beginning than the header that they get.
func (l *Loop) sendRest(s *child.Slot, b []byte) {
	for len(b) > 0 && s.Stdout >= 0 {
		n := copy(chunk[proxySize:][:calls.ReplyLimit(l.Process.Depth)], b)
		b = b[n:]
		if s.Flow > 0 {
			s.Flow--
		}
		l.sendStream(s, &s.Stdout, n)
	}
}

// readCtl reads from the control socket of a child, and acts on its end.
func (l *Loop) readCtl(s *child.Slot) {
	if l.syncCtl(s) {
		l.finishFrames(s)
	}
}

// syncCtl takes everything that is there from a child's control socket and
// reports whether it has reached its end. Whatever is no announcement makes this
// process stop listening: the child has to be a control process for good.
func (l *Loop) syncCtl(s *child.Slot) bool {
	for s.Ctl >= 0 && readable(s.Ctl) {
		n, errno := sys.Read(s.Ctl, s.NoteRoom())
		switch {
		case errno == sys.EINTR || errno == sys.EAGAIN:
			return false
		case errno == unix.ECONNRESET:
			return true
		case errno != 0:
			drop(&s.Ctl)
		case n == 0:
			return true
		case !s.Noted(n):
			drop(&s.Ctl)
		}
	}
	return false
}

// finishFrames relays the last frames of a control process whose control socket
// has reached its end: up to where it announced, or all there is of one that
// ended.
func (l *Loop) finishFrames(s *child.Slot) {
	for s.Stdout >= 0 && s.Control() && !(s.HasMark && s.Due() == 0) && readable(s.Stdout) {
		l.readFrames(s)
	}
	if s.Control() {
		l.execed(s)
	}
}

// execed notes that a child does not run the event loop any more.
func (l *Loop) execed(s *child.Slot) {
	sys.Close(s.Ctl)
	s.Ctl = child.Execed
	l.sendCtl(s, "fdctl_closed")
}

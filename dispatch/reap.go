package dispatch

import (
	"golang.org/x/sys/unix"

	"alcove/calls"
	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/signal"
	"alcove/internal/sys"
)

// readSignal takes one signal from the signal pipe: SIGCHLD makes this process
// look after its children, any other is reported.
func (l *Loop) readSignal() {
	n, errno := sys.Read(fdnum.Signals, siginfo[:])
	if errno == sys.EINTR || errno == sys.EAGAIN {
		return
	}
	if errno != 0 || n != len(siginfo) {
		l.shutdown(errno)
	}
	number := int32(siginfo[0]) | int32(siginfo[1])<<8 | int32(siginfo[2])<<16 | int32(siginfo[3])<<24
	chld := number == int32(unix.SIGCHLD) && !l.Process.ReportSIGCHLD
	if !chld {
		l.report(number)
	}
	// What was lost may have been a SIGCHLD.
	if (chld || signal.Lost()) && !l.Process.ReportSIGCHLD {
		l.reap()
	}
}

// report sends the event {signal, Name, Info}.
func (l *Loop) report(number int32) {
	e := l.notice()
	e.Tuple(3)
	e.Atom("signal")
	e.Atom(calls.SignalName(number))
	e.Binary(siginfo[:])
	if errno := l.sendNotice(typeEvent); errno != 0 {
		l.shutdown(errno)
	}
}

// reap waits for every process that has ended. A stopped tracee is none.
func (l *Loop) reap() {
	for {
		var status int32
		pid, errno := sys.Wait4(-1, &status, unix.WNOHANG)
		if errno == sys.EINTR {
			continue
		}
		if errno != 0 || pid == 0 {
			return
		}
		w := unix.WaitStatus(status)
		if !w.Exited() && !w.Signaled() {
			continue
		}
		if s := l.Process.Children.Find(pid); s != nil {
			l.bury(s, w)
		}
	}
}

// bury tells the end of a child, after everything that it left in its pipes. The
// slot stays until nobody has the pipes open.
func (l *Loop) bury(s *child.Slot, w unix.WaitStatus) {
	s.Reaped = true
	l.drain(s)
	if s.Stdin != child.Closed && l.Process.Options.StdinClosed {
		l.sendCtl(s, "stdin_closed")
	}
	drop(&s.Stdin)
	l.obituary(s, w)
	l.release(s)
}

// obituary sends {exit_status, N} or {termsig, Name} if that is wanted.
func (l *Loop) obituary(s *child.Slot, w unix.WaitStatus) {
	options := &l.Process.Options
	e := l.notice()
	e.Tuple(2)
	switch {
	case w.Exited() && options.ExitStatus:
		e.Atom("exit_status")
		e.Int(int64(w.ExitStatus()))
	case w.Signaled() && options.TermSig:
		e.Atom("termsig")
		e.Atom(calls.SignalName(int32(w.Signal())))
	default:
		return
	}
	l.sendNoticeOf(uint32(s.Pid), typeEvent)
}

// drainLimit bounds how much output is relayed at the end of a child whose pipes
// somebody else still fills: the largest pipe an unprivileged process may have.
const drainLimit = 1 << 20

// drain relays everything that a child has left. What the last poll found on its
// descriptors is used up then.
func (l *Loop) drain(s *child.Slot) {
	s.Polled = false
	if s.Ctl >= 0 {
		l.syncCtl(s)
		if s.Ctl >= 0 {
			l.finishFrames(s)
		}
	}
	start := l.Process.Output
	for s.Stdout >= 0 && l.Process.Output-start < drainLimit && readable(s.Stdout) {
		l.readStdout(s)
	}
	start = l.Process.Output
	for s.Stderr >= 0 && l.Process.Output-start < drainLimit && readable(s.Stderr) {
		l.readStream(s, &s.Stderr)
	}
}

// finishWaited gives up the slot of a child that a waitpid call has waited for,
// after relaying what it left. No event tells its end: the reply does.
func (l *Loop) finishWaited() {
	table := &l.Process.Children
	if !table.Waited {
		return
	}
	table.Waited = false
	slots := table.Slots()
	for i := range slots {
		s := &slots[i]
		if s.Pid == 0 || !s.Waited {
			continue
		}
		l.drain(s)
		for _, fd := range [...]*int32{&s.Ctl, &s.Stdin, &s.Stdout, &s.Stderr} {
			drop(fd)
		}
		table.Release(s)
	}
}

// shutdown ends the process: programs that children were replaced with get their
// signal, control processes see the end of their input and do the same.
func (l *Loop) shutdown(status sys.Errno) {
	if l.Process.Options.SignalOneOf > 0 {
		slots := l.Process.Children.Slots()
		for i := range slots {
			if s := &slots[i]; s.Pid != 0 && !s.Control() && !s.Reaped {
				hangUp(s)
			}
		}
	}
	sys.Exit(int32(status))
}

// hangUp signals a program, and its process group if it leads one, and continues
// it in case it is stopped.
func hangUp(s *child.Slot) {
	if sys.Kill(-s.Pid, s.SignalOneOf) == 0 || sys.Kill(s.Pid, s.SignalOneOf) == 0 {
		sys.Kill(s.Pid, int32(unix.SIGCONT))
	}
}

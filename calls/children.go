package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/sys"
)

// cpidSize is the most that one child takes in the reply of cpid, in bytes.
const cpidSize = 56

// cpid replies the child table, one record a child in slot order.
func (p *Process) cpid() Outcome {
	if 2+cpidSize*p.Children.Len() > ReplyLimit(p.Depth) {
		return Badarg
	}
	slots := p.Children.Slots()
	for i := range slots {
		s := &slots[i]
		if s.Pid == 0 {
			continue
		}
		p.Reply.Cell()
		p.Reply.Tuple(8)
		p.Reply.Atom("alcove_pid")
		for _, v := range [...]int32{s.Pid, s.Flow, s.SignalOneOf, s.Ctl, s.Stdin, s.Stdout, s.Stderr} {
			p.Reply.Int(int64(v))
		}
	}
	p.Reply.Nil()
	return Replied
}

// setcpid changes the flowcontrol or signaloneof value of a child; true as well
// when there is no such child.
func (p *Process) setcpid(pid uint32, name []byte, value int32) Outcome {
	var none child.Slot
	s := p.Children.Find(int32(pid))
	if s == nil {
		s = &none
	}
	switch {
	case string(name) == "flowcontrol":
		s.Flow = max(value, -1)
	case value < 0:
		return Badarg
	case string(name) == "signaloneof":
		s.SignalOneOf = min(value, maxByte)
	default:
		return p.boolean(false)
	}
	return p.boolean(true)
}

// waitpid replies {ok, Pid, Status, List}, List telling what became of the
// process. The slot of a child that ended is left to the event loop, which
// forwards its last output and gives it up before the reply goes out.
func (p *Process) waitpid(pid, options int32) Outcome {
	var status int32
	pid, errno := sys.Wait4(pid, &status, options)
	if errno != 0 {
		return p.fail(errno)
	}
	w := unix.WaitStatus(status)
	if s := p.Children.Find(pid); s != nil && (w.Exited() || w.Signaled()) {
		s.Reaped = true
		s.Waited = true
		p.Children.Waited = true
	}
	p.okTuple(4)
	p.Reply.Int(int64(pid))
	p.Reply.Int(int64(status))
	switch {
	case pid == 0:
	case w.Exited():
		p.statusCell("exit_status")
		p.Reply.Int(int64(w.ExitStatus()))
	case w.Signaled():
		p.statusCell("termsig")
		p.Reply.Atom(signalName(int32(w.Signal())))
	case w.Stopped():
		p.statusCell("stopsig")
		p.Reply.Atom(signalName(int32(w.StopSignal())))
	case w.Continued():
		p.Reply.Cell()
		p.Reply.Atom("continued")
	}
	p.Reply.Nil()
	return Replied
}

// statusCell begins the list of a wait status: a pair with the given tag.
func (p *Process) statusCell(tag string) {
	p.Reply.Cell()
	p.Reply.Tuple(2)
	p.Reply.Atom(tag)
}

package calls

import (
	"alcove/internal/sys"
	"alcove/internal/version"
)

func (p *Process) getpid() Outcome { return p.int(int64(sys.Getpid())) }

func (p *Process) getpgrp() Outcome { return p.int(int64(sys.Getpgrp())) }

func (p *Process) setpgid(pid, group int32) Outcome { return p.result(sys.Setpgid(pid, group)) }

func (p *Process) getsid(pid int32) Outcome {
	sid, errno := sys.Getsid(pid)
	return p.okInt(int64(sid), errno)
}

func (p *Process) setsid() Outcome {
	sid, errno := sys.Setsid()
	return p.okInt(int64(sid), errno)
}

// getpriority turns the kernel's answer, 20 - nice, into the nice value.
func (p *Process) getpriority(which, who int32) Outcome {
	v, errno := sys.Getpriority(which, who)
	return p.okInt(int64(20-v), errno)
}

func (p *Process) setpriority(which, who, nice int32) Outcome {
	return p.result(sys.Setpriority(which, who, nice))
}

func (p *Process) setproctitle(title []byte) Outcome {
	p.Title.Set(title)
	return p.ok()
}

func (p *Process) version() Outcome {
	p.Reply.BinaryString(version.Number)
	return Replied
}

func (p *Process) iolistToBin(data []byte) Outcome {
	p.Reply.Binary(data)
	return p.single()
}

// alloc replies {ok, Buffer, Struct}: the bytes of a structure, addresses
// included, and what it was made from.
func (p *Process) alloc(s *operand) Outcome {
	p.okTuple(3)
	p.Reply.Binary(s.buf)
	p.echo(s)
	return Replied
}

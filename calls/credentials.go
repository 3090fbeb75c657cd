package calls

import "alcove/internal/sys"

func (p *Process) getuid() Outcome { return p.int(int64(sys.Getuid())) }

func (p *Process) getgid() Outcome { return p.int(int64(sys.Getgid())) }

func (p *Process) getresuid() Outcome { return p.ids(sys.Getresuid()) }

func (p *Process) getresgid() Outcome { return p.ids(sys.Getresgid()) }

// ids replies {ok, Real, Effective, Saved}.
func (p *Process) ids(ids [3]uint32, errno sys.Errno) Outcome {
	if errno != 0 {
		return p.fail(errno)
	}
	p.okTuple(4)
	for _, id := range ids {
		p.Reply.Uint(uint64(id))
	}
	return Replied
}

func (p *Process) setuid(uid uint32) Outcome { return p.result(sys.Setuid(uid)) }

func (p *Process) setgid(gid uint32) Outcome { return p.result(sys.Setgid(gid)) }

func (p *Process) setresuid(real, effective, saved uint32) Outcome {
	return p.result(sys.Setresuid(real, effective, saved))
}

func (p *Process) setresgid(real, effective, saved uint32) Outcome {
	return p.result(sys.Setresgid(real, effective, saved))
}

func (p *Process) setgroups(groups []uint32) Outcome { return p.result(sys.Setgroups(groups)) }

// getgroups replies the groups in the reverse of the kernel's order.
func (p *Process) getgroups() Outcome {
	n, errno := sys.Getgroups(nil)
	if errno == 0 {
		n, errno = sys.Getgroups(uint32Mem[:n])
	}
	if errno != 0 {
		return p.fail(errno)
	}
	p.okTuple(2)
	for i := n - 1; i >= 0; i-- {
		p.Reply.Cell()
		p.Reply.Uint(uint64(uint32Mem[i]))
	}
	p.Reply.Nil()
	return Replied
}

package calls

import "alcove/internal/sys"

// ok replies ok.
func (p *Process) ok() Outcome {
	p.Reply.Atom("ok")
	return Replied
}

// atom replies an atom alone.
func (p *Process) atom(name string) Outcome {
	p.Reply.Atom(name)
	return Replied
}

// boolean replies true or false.
func (p *Process) boolean(v bool) Outcome {
	if v {
		return p.atom("true")
	}
	return p.atom("false")
}

// int replies an integer alone.
func (p *Process) int(v int64) Outcome {
	p.Reply.Int(v)
	return Replied
}

// fail replies {error, Name} for an error number.
func (p *Process) fail(errno sys.Errno) Outcome { return p.failWith(errnoName(errno)) }

func (p *Process) failWith(name string) Outcome {
	p.Reply.Tuple(2)
	p.Reply.Atom("error")
	p.Reply.Atom(name)
	return Replied
}

// result replies ok or {error, Name}.
func (p *Process) result(errno sys.Errno) Outcome {
	if errno != 0 {
		return p.fail(errno)
	}
	return p.ok()
}

// okTuple begins a reply tuple of n elements with ok.
func (p *Process) okTuple(n int) {
	p.Reply.Tuple(n)
	p.Reply.Atom("ok")
}

// okInt replies {ok, V} or {error, Name}.
func (p *Process) okInt(v int64, errno sys.Errno) Outcome {
	if errno != 0 {
		return p.fail(errno)
	}
	p.okTuple(2)
	p.Reply.Int(v)
	return Replied
}

// okBinary replies {ok, Binary}.
func (p *Process) okBinary(v []byte) Outcome {
	p.okTuple(2)
	p.Reply.Binary(v)
	return Replied
}

// single is for calls whose reply is one term: when it does not fit, the answer
// is badarg instead.
func (p *Process) single() Outcome {
	if p.Reply.Overflow() {
		return Badarg
	}
	return Replied
}

package calls

import (
	"golang.org/x/sys/unix"

	"alcove/etf"
	"alcove/internal/sys"
)

func (p *Process) socket(domain, kind, protocol int32) Outcome {
	fd, errno := sys.Socket(domain, kind, protocol)
	return p.okInt(int64(fd), errno)
}

func (p *Process) connect(fd int32, address *operand) Outcome {
	return p.result(sys.Connect(fd, address.buf))
}

// setSize is FD_SETSIZE of select(2).
const setSize = 1024

// fdset is a set of descriptors.
type fdset struct {
	bits    sys.FDSet
	highest int32
}

// fdsetMem holds the sets of one select.
var fdsetMem [3]fdset

// fdset is a list of fewer than 1024 open descriptors below 1024; anything else
// is a bad descriptor.
func (a *args) fdset() *fdset {
	if a.failed() {
		return nil
	}
	s := &fdsetMem[a.operands]
	a.operands++
	*s = fdset{highest: -1}
	s.decode(a)
	if a.failed() {
		a.failure = BadDescriptor
	}
	return s
}

func (s *fdset) decode(a *args) {
	if a.d.Peek() == etf.String {
		v, ok := a.d.String()
		a.check(ok && len(v) < setSize)
		for _, fd := range v {
			a.check(s.add(int32(fd)))
		}
		return
	}
	count := 0
	a.list(func(a *args) {
		fd := a.int32()
		count++
		a.check(count < setSize && s.add(fd))
	})
}

// add adds a descriptor if it can be a member.
func (s *fdset) add(fd int32) bool {
	if fd < 0 || fd >= setSize {
		return false
	}
	if _, errno := sys.Fcntl(fd, unix.F_GETFD, 0); errno != 0 {
		return false
	}
	s.bits.Set(int(fd))
	s.highest = max(s.highest, fd)
	return true
}

// select_ replies {ok, Read, Write, Except}. A failing system call, and times
// below zero, answer badarg as the original does, an interrupted one included.
func (p *Process) select_(r, w, x *fdset, t timeval) Outcome {
	const million = 1000000
	var limit *sys.Timespec
	if !t.forever {
		if t.sec < 0 || t.usec < 0 || t.sec+t.usec/million < 0 {
			return Badarg
		}
		limit = &sys.Timespec{Sec: t.sec + t.usec/million, Nsec: t.usec % million * 1000}
	}
	highest := max(r.highest, w.highest, x.highest, 0)
	if _, errno := sys.Pselect(int(highest)+1, &r.bits, &w.bits, &x.bits, limit); errno != 0 {
		return Badarg
	}
	p.okTuple(4)
	for _, s := range [...]*fdset{r, w, x} {
		for fd := range int(highest) + 1 {
			if s.bits.IsSet(fd) {
				p.Reply.Cell()
				p.Reply.Int(int64(fd))
			}
		}
		p.Reply.Nil()
	}
	return Replied
}

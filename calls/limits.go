package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/sys"
)

func (p *Process) getrlimit(resource int32) Outcome {
	var limit sys.Rlimit
	if errno := sys.Getrlimit(resource, &limit); errno != 0 {
		return p.fail(errno)
	}
	p.okTuple(2)
	p.Reply.Tuple(3)
	p.Reply.Atom("alcove_rlimit")
	p.Reply.Uint(limit.Cur)
	p.Reply.Uint(limit.Max)
	return Replied
}

// setrlimit keeps the limit of open files above what the children need, and the
// child table within that limit.
func (p *Process) setrlimit(resource int32, limit rlimit) Outcome {
	files := resource == unix.RLIMIT_NOFILE
	if files && !(p.fdsWithin(limit.cur) && child.Fits(p.Children.Len(), limit.cur)) {
		return p.fail(sys.EINVAL)
	}
	errno := sys.Setrlimit(resource, &sys.Rlimit{Cur: limit.cur, Max: limit.max})
	if errno == 0 && files {
		if n := child.Fitting(limit.cur); n < uint64(p.Children.Max()) {
			p.Children.Resize(int(n))
		}
	}
	return p.result(errno)
}

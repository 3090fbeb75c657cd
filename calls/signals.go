package calls

import (
	"golang.org/x/sys/unix"

	"alcove/etf"
	"alcove/internal/signal"
	"alcove/internal/sys"
)

func (p *Process) kill(pid, number int32) Outcome { return p.result(sys.Kill(pid, number)) }

// handler is what sigaction is to install.
type handler struct {
	// ask leaves things as they are.
	ask         bool
	disposition signal.Disposition
}

// dispositionNames are the atoms of the dispositions, in exact spelling.
var dispositionNames = [...]string{signal.Default: "sig_dfl", signal.Ignore: "sig_ign", signal.Info: "sig_info"}

// handler is the empty list or an empty binary to ask, or the name of a
// disposition.
func (a *args) handler() handler {
	if a.failed() {
		return handler{}
	}
	if a.d.Nil() {
		return handler{ask: true}
	}
	if a.d.Peek() == etf.Binary {
		v, ok := a.d.Binary()
		a.check(ok && len(v) == 0)
		return handler{ask: true}
	}
	name := a.atom()
	for d, s := range dispositionNames {
		if string(name) == s {
			return handler{disposition: signal.Disposition(d)}
		}
	}
	a.check(false)
	return handler{}
}

// sigaction replies {ok, Previous}. What the kernel refuses answers sig_dfl and
// changes nothing, as the original does. SIGCHLD always has the handler installed;
// its disposition is whether the event loop reports it.
func (p *Process) sigaction(number int32, h handler) Outcome {
	if number == int32(unix.SIGCHLD) {
		return p.reportSIGCHLD(h)
	}
	old, errno := signal.Get(number)
	if errno == 0 && !h.ask {
		if signal.Set(number, h.disposition) != 0 {
			old = signal.Default
		}
	}
	return p.disposition(old)
}

func (p *Process) reportSIGCHLD(h handler) Outcome {
	old := signal.Default
	if p.ReportSIGCHLD {
		old = signal.Info
	}
	if !h.ask {
		p.ReportSIGCHLD = h.disposition == signal.Info
	}
	return p.disposition(old)
}

func (p *Process) disposition(d signal.Disposition) Outcome {
	p.okTuple(2)
	p.Reply.Atom(dispositionNames[d])
	return Replied
}

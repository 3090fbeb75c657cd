package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/sys"
)

// Options are what a control process can be told with setopt; a new child starts
// with its parent's (wire.md §5.8).
type Options struct {
	// ExitStatus and TermSig report the end of children.
	ExitStatus, TermSig bool
	// StdinClosed, StdoutClosed and StderrClosed report the closing of a child's
	// streams.
	StdinClosed, StdoutClosed, StderrClosed bool
	// FlowControl and SignalOneOf are what new children start with; a
	// SignalOneOf of 0 also keeps this process from signalling its children.
	FlowControl, SignalOneOf int32
	// OversizedBadarg makes a call whose reply does not fit answer badarg, and read
	// return what fits, instead of ending the process. The original does not know
	// it.
	OversizedBadarg bool
	// MaxForkDepth is the depth at which fork and clone refuse.
	MaxForkDepth int32
}

// DefaultOptions are the options of a program that was just started.
func DefaultOptions() Options {
	return Options{
		ExitStatus:   true,
		TermSig:      true,
		FlowControl:  -1,
		SignalOneOf:  int32(unix.SIGTERM),
		MaxForkDepth: 16,
	}
}

// Bounds of options.
const (
	maxByte     = 255
	maxMaxchild = 65535
)

// flag is an option that is on or off.
func (o *Options) flag(name []byte) *bool {
	switch string(name) {
	case "exit_status":
		return &o.ExitStatus
	case "termsig":
		return &o.TermSig
	case "stdin_closed":
		return &o.StdinClosed
	case "stdout_closed":
		return &o.StdoutClosed
	case "stderr_closed":
		return &o.StderrClosed
	case "oversized_badarg":
		return &o.OversizedBadarg
	}
	return nil
}

// number is an option that is a number of at most 255.
func (o *Options) number(name []byte) *int32 {
	switch string(name) {
	case "signaloneof":
		return &o.SignalOneOf
	case "maxforkdepth":
		return &o.MaxForkDepth
	}
	return nil
}

func (p *Process) getopt(name []byte) Outcome {
	if v := p.Options.flag(name); v != nil {
		if *v {
			return p.int(1)
		}
		return p.int(0)
	}
	if v := p.Options.number(name); v != nil {
		return p.int(int64(*v))
	}
	switch string(name) {
	case "flowcontrol":
		return p.int(int64(p.Options.FlowControl))
	case "maxchild":
		return p.int(int64(p.Children.Max()))
	}
	return p.boolean(false)
}

func (p *Process) setopt(name []byte, value int32) Outcome {
	if string(name) == "flowcontrol" {
		p.Options.FlowControl = max(value, -1)
		return p.boolean(true)
	}
	if value < 0 {
		return Badarg
	}
	if v := p.Options.flag(name); v != nil {
		*v = value != 0
		return p.boolean(true)
	}
	if v := p.Options.number(name); v != nil {
		*v = min(value, maxByte)
		return p.boolean(true)
	}
	if string(name) == "maxchild" {
		return p.boolean(p.setMaxchild(min(int(value), maxMaxchild)))
	}
	return p.boolean(false)
}

// setMaxchild resizes the child table where the children and the limit of open
// files allow it.
func (p *Process) setMaxchild(n int) bool {
	var limit sys.Rlimit
	if n < p.Children.Len() || sys.Getrlimit(unix.RLIMIT_NOFILE, &limit) != 0 {
		return false
	}
	if !child.Fits(n, limit.Cur) || !p.fdsWithin(limit.Cur) {
		return false
	}
	return p.Children.Resize(n) == 0
}

// fdsWithin reports whether every descriptor of the child table is at most
// limit.
func (p *Process) fdsWithin(limit uint64) bool {
	highest := p.Children.HighestFD()
	return highest == child.Closed || uint64(highest) <= limit
}

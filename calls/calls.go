// Package calls carries out the 100 calls of the port protocol, one system call
// each, in the process that a request reached (calls.md).
//
// The way of a request: Process.Call looks the number up in the generated table
// (zstubs.go), the stub decodes the arguments (args.go), the method of the same
// name does the work and appends the reply term. Nothing on that way allocates:
// arguments, structures and replies live in buffers that exist once.
package calls

import (
	"alcove/etf"
	"alcove/internal/child"
	"alcove/internal/sys"
	"alcove/internal/title"
)

// maxMessage is the largest frame without its length field.
const maxMessage = 65535

// ReplyLimit is the size of the largest reply term of a process at depth, its
// version byte included: every process on the way to Erlang adds 8 bytes.
func ReplyLimit(depth int) int { return maxMessage - 8*(depth+1) }

// Outcome is how a call ended.
type Outcome uint8

const (
	// Replied: the reply term is in Process.Reply.
	Replied Outcome = iota
	// Badarg: an argument is wrong. Call turns it into a reply.
	Badarg
	// Undef: the call is filtered or does not exist here. Call turns it into a
	// reply.
	Undef
	// Unsupported: an argument names a constant that the table does not have. Call
	// turns it into the reply {error, enotsup}.
	Unsupported
	// BadDescriptor: a descriptor set holds what is not open. Call turns it into the
	// reply {error, ebadf}.
	BadDescriptor
	// Oversized: the call was carried out, but the reply does not fit, and that is
	// to end the process.
	Oversized
	// Forked: this process is the new child of the process that was called.
	Forked
)

// entry is a row of the generated call table.
type entry struct {
	name  string
	arity int
	// run is nil for a call that Linux does not have.
	run func(*Process, *args) Outcome
}

// Process is the state of a control process as far as calls see it.
type Process struct {
	// Depth is how many forks the process is away from the port.
	Depth int
	// Options are what setopt sets.
	Options Options
	// Children is the table of forked processes.
	Children child.Table
	// Environ is the environment.
	Environ Environ
	// Title is the memory behind the process title.
	Title title.Area
	// HasControl tells that descriptor fd.Control is a control socket whose other
	// end is the parent's.
	HasControl bool
	// Output is how many bytes this program image wrote to its standard output.
	Output uint64
	// ReportSIGCHLD is set while SIGCHLD is reported instead of acted upon.
	ReportSIGCHLD bool
	// Reply holds the reply term after Call.
	Reply etf.Encoder

	// denied are the calls that answer undef here, deniedBelow those that a new
	// child starts with.
	denied      bitset
	deniedBelow bitset
	args        args
}

// Call carries out call number with the arguments in term, a tuple with version
// byte (wire.md §3.4). Bytes behind the tuple are ignored.
//
// Postconditions: Replied, Oversized or Forked.
func (p *Process) Call(number uint16, term []byte) Outcome {
	p.Reply.Reset(ReplyLimit(p.Depth))
	p.Reply.Version()
	switch outcome := p.dispatch(number, term); outcome {
	case Badarg:
		return p.bare("badarg")
	case Undef:
		return p.bare("undef")
	case Unsupported:
		return p.failWith("enotsup")
	case BadDescriptor:
		return p.fail(sys.EBADF)
	case Replied:
		switch {
		case !p.Reply.Overflow():
			return Replied
		case p.Options.OversizedBadarg:
			return p.bare("badarg")
		}
		return Oversized
	default:
		return outcome
	}
}

func (p *Process) dispatch(number uint16, term []byte) Outcome {
	if int(number) >= len(table) {
		return Badarg
	}
	if p.denied.has(number) {
		return Undef
	}
	a := &p.args
	a.begin(term)
	if !a.d.Version() {
		return Badarg
	}
	call := &table[number]
	if arity, ok := a.d.Tuple(); !ok || arity != call.arity {
		return Badarg
	}
	if call.run == nil {
		return Undef
	}
	return call.run(p, a)
}

// bare replaces the reply by an atom alone.
func (p *Process) bare(atom string) Outcome {
	p.Reply.Reset(ReplyLimit(p.Depth))
	p.Reply.Version()
	p.Reply.Atom(atom)
	return Replied
}

// bitset is a set of call numbers: number n is bit n mod 8 of byte n div 8.
type bitset [16]byte

func (b *bitset) has(n uint16) bool { return b[n/8]>>(n%8)&1 != 0 }

func (b *bitset) add(v []byte) {
	for i, c := range v {
		b[i] |= c
	}
}

// filter forbids calls in this process (own) and in children made from now on.
func (p *Process) filter(own, children []byte) Outcome {
	p.denied.add(own)
	p.deniedBelow.add(children)
	return p.ok()
}

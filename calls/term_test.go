package calls

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"alcove/etf"
)

// Terms for requests: integers of any Go type take the shortest form that Erlang
// would, []byte is a binary.
type (
	atom   string
	str    string   // list of bytes in the compact form
	list   []any    // proper list
	tuple  []any    // small form
	raw    string   // bytes in hex
	dotted struct { // improper list
		elements list
		tail     any
	}
)

// bytesOf is the external format of a term, without version byte.
func bytesOf(t testing.TB, v any) []byte {
	t.Helper()
	var b []byte
	all := func(elements []any) {
		for _, e := range elements {
			b = append(b, bytesOf(t, e)...)
		}
	}
	header := func(n int) { b = append(b, byte(etf.List), byte(n>>24), byte(n>>16), byte(n>>8), byte(n)) }
	switch v := v.(type) {
	case atom:
		b = append(b, byte(etf.SmallAtomUTF8), byte(len(v)))
		b = append(b, v...)
	case str:
		b = append(b, byte(etf.String), byte(len(v)>>8), byte(len(v)))
		b = append(b, v...)
	case []byte:
		n := len(v)
		b = append(b, byte(etf.Binary), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		b = append(b, v...)
	case list:
		if len(v) > 0 {
			header(len(v))
			all(v)
		}
		b = append(b, byte(etf.Nil))
	case dotted:
		header(len(v.elements))
		all(v.elements)
		all([]any{v.tail})
	case tuple:
		b = append(b, byte(etf.SmallTuple), byte(len(v)))
		all(v)
	case raw:
		d, err := hex.DecodeString(strings.ReplaceAll(string(v), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b = d
	case int:
		e := etf.NewEncoder(make([]byte, 16))
		switch {
		case v == int(int32(v)) && (v < 0 || v > 255):
			b = []byte{byte(etf.Integer), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
		default:
			e.Int(int64(v))
			b = e.Bytes()
		}
	case uint64:
		e := etf.NewEncoder(make([]byte, 16))
		e.Uint(v)
		b = e.Bytes()
	default:
		t.Fatalf("no term: %T", v)
	}
	return b
}

// request is the term of a call with arguments.
func request(t testing.TB, arguments ...any) []byte {
	t.Helper()
	return append([]byte{etf.Version}, bytesOf(t, tuple(arguments))...)
}

// show writes a term as Erlang would, binaries as Go strings.
func show(b []byte) string {
	d := etf.NewDecoder(b)
	var out strings.Builder
	if !d.Version() || !showTerm(&d, &out) || len(d.Rest()) != 0 {
		return fmt.Sprintf("no term: %x", b)
	}
	return out.String()
}

func showTerm(d *etf.Decoder, out *strings.Builder) bool {
	if probe := *d; true {
		if v, ok := probe.Int64(); ok {
			*d = probe
			out.WriteString(strconv.FormatInt(v, 10))
			return true
		}
	}
	switch d.Peek() {
	case etf.SmallBig:
		v, ok := d.Uint64()
		out.WriteString(strconv.FormatUint(v, 10))
		return ok
	case etf.Binary:
		v, ok := d.Binary()
		out.WriteString(strconv.Quote(string(v)))
		return ok
	case etf.SmallTuple:
		n, ok := d.Tuple()
		out.WriteByte('{')
		for i := range n {
			if i > 0 {
				out.WriteByte(',')
			}
			ok = ok && showTerm(d, out)
		}
		out.WriteByte('}')
		return ok
	case etf.Nil, etf.List:
		return showList(d, out)
	}
	var buf [etf.MaxAtom]byte
	v, ok := d.Atom(&buf)
	out.Write(v)
	return ok
}

// showList writes a list and whatever lists are its tail.
func showList(d *etf.Decoder, out *strings.Builder) bool {
	out.WriteByte('[')
	for first := true; ; {
		n, ok := d.List()
		if !ok {
			return false
		}
		if n == 0 {
			out.WriteByte(']')
			return true
		}
		for range n {
			if !first {
				out.WriteByte(',')
			}
			first = false
			if !showTerm(d, out) {
				return false
			}
		}
	}
}

// newProcess is a process as main sets it up, with an empty environment.
func newProcess(t testing.TB) *Process {
	t.Helper()
	p := &Process{Options: DefaultOptions(), Reply: etf.NewEncoder(make([]byte, maxMessage))}
	if errno := p.Children.Resize(8); errno != 0 {
		t.Fatal(errno)
	}
	return p
}

// numberOf is the call number of a name.
func numberOf(t testing.TB, name string) uint16 {
	t.Helper()
	for i := range table {
		if table[i].name == name {
			return uint16(i)
		}
	}
	t.Fatalf("no call %s", name)
	return 0
}

// reply carries out a call and shows what it answers.
func reply(t testing.TB, p *Process, name string, arguments ...any) string {
	t.Helper()
	switch outcome := p.Call(numberOf(t, name), request(t, arguments...)); outcome {
	case Replied:
		return show(p.Reply.Bytes())
	case Oversized:
		return "oversized"
	default:
		t.Fatalf("%s: outcome %d", name, outcome)
		return ""
	}
}

// step is a call with the reply it must give.
type step struct {
	call      string
	arguments []any
	want      string
}

// run carries the steps out in order.
func run(t *testing.T, p *Process, steps []step) {
	t.Helper()
	for i, s := range steps {
		if got := reply(t, p, s.call, s.arguments...); got != s.want {
			t.Errorf("step %d, %s%v:\n got %.300s\nwant %.300s", i, s.call, s.arguments, got, s.want)
		}
	}
}

// with is the arguments of a step.
func with(v ...any) []any { return v }

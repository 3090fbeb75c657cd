package calls

import (
	"bytes"
	"testing"

	"alcove/etf"
	"alcove/internal/sys"
)

// argumentForms are all ways to decode an argument.
var argumentForms = map[string]func(*args){
	"int32":        func(a *args) { a.int32() },
	"uint32":       func(a *args) { a.uint32() },
	"int64":        func(a *args) { a.int64() },
	"uint64":       func(a *args) { a.uint64() },
	"atom":         func(a *args) { a.atom() },
	"symbol":       func(a *args) { a.symbol(prctlConstants) },
	"constant":     func(a *args) { a.constant(prctlConstants) },
	"constant64":   func(a *args) { a.constant64(ioctlConstants) },
	"flags":        func(a *args) { a.flags(mountConstants) },
	"path":         func(a *args) { a.path() },
	"name":         func(a *args) { a.name(63) },
	"iodata":       func(a *args) { a.iodata(maxBuffer) },
	"argv":         func(a *args) { a.argv() },
	"cstruct":      func(a *args) { a.cstruct(maxBuffer) },
	"cstruct 128":  func(a *args) { a.cstruct(128) },
	"cstruct null": func(a *args) { a.cstructOrNull(maxBuffer) },
	"prctl":        func(a *args) { a.prctlArg() },
	"ptrace":       func(a *args) { a.ptraceArg() },
	"ioctl":        func(a *args) { a.ioctlArg() },
	"fdset":        func(a *args) { a.fdset() },
	"timeval":      func(a *args) { a.timeval() },
	"rlimit":       func(a *args) { a.rlimit() },
	"groups":       func(a *args) { a.groups() },
	"bitset":       func(a *args) { a.bitset(16) },
	"handler":      func(a *args) { a.handler() },
}

// FuzzArguments decodes arbitrary bytes as every form of argument: none panics or
// reads behind the end, and what is accepted is accepted without what follows.
func FuzzArguments(f *testing.F) {
	for _, v := range []any{
		0, -1, 1 << 31, smallBig5, largeBig5, atom("pr_set_name"), atom("alcove_rlimit"), atom("sig_ign"),
		list{}, emptyLong, str("abc"), []byte("abc"), float,
		list{atom("ms_bind"), 16, atom("MS_REC")}, list{str("a"), []byte("b"), list{int('c')}},
		list{[]byte("ab"), ptr(100), ptr([]byte("xyz")), ptr(0)}, list{ptr(-1)},
		tuple{atom("alcove_rlimit"), 1, 2}, tuple{atom("alcove_timeval"), 1, -2},
		dotted{list{1000}, 2000}, list{0, 1, 1000}, str("\x00\x01\x02"),
	} {
		b := bytesOf(f, v)
		for n := range b {
			f.Add(b[:n])
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxMessage {
			return
		}
		for name, decode := range argumentForms {
			var a args
			a.begin(bytes.Clone(b))
			decode(&a)
			rest := a.d.Rest()
			if !bytes.HasSuffix(b, rest) {
				t.Fatalf("%s: the rest %x is not the end of %x", name, rest, b)
			}
			if a.failed() {
				continue
			}
			if name == "groups" {
				continue // looks at no tail
			}
			a.begin(bytes.Clone(b[:len(b)-len(rest)]))
			if decode(&a); a.failed() {
				t.Fatalf("%s: accepted %x, but not without %x", name, b, rest)
			}
		}
	})
}

// FuzzStruct: the reply has the elements of the request, in kind and size, and
// every pointer lies in memory that is there.
func FuzzStruct(f *testing.F) {
	for _, v := range []list{
		{[]byte("ab"), ptr(100), ptr([]byte("xyz")), ptr(0)}, {ptr([]byte{})}, repeat(20, ptr(3)), {[]byte{}},
	} {
		f.Add(bytesOf(f, v))
	}
	p := newProcess(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxMessage {
			return
		}
		p.args.begin(bytes.Clone(b))
		o := p.args.cstruct(maxBuffer)
		if p.args.failed() {
			return
		}
		given := b[:len(b)-len(p.args.d.Rest())]
		p.Reply.Reset(maxMessage)
		p.Reply.Version()
		p.echo(o)
		if p.Reply.Overflow() {
			return
		}
		in, out := etf.NewDecoder(given), etf.NewDecoder(p.Reply.Bytes()[1:])
		n, _ := in.List()
		if m, ok := out.List(); !ok || m != n {
			t.Fatalf("%x: %d elements come back", given, m)
		}
		place := o.buf
		for range n {
			size, pointer := elementOf(t, &in)
			if !pointer || size == 0 {
				if pointer {
					size = pointerSize
				}
				v, ok := out.Binary()
				if !ok || !bytes.Equal(v, place[:size]) {
					t.Fatalf("%x: echo %x, memory %x", given, v, place[:size])
				}
				place = place[size:]
				continue
			}
			arity, ok := out.Tuple()
			var buf [etf.MaxAtom]byte
			tag, tagged := out.Atom(&buf)
			v, binary := out.Binary()
			if !ok || arity != 2 || !tagged || string(tag) != "ptr" || !binary || len(v) != size {
				t.Fatalf("%x: pointer to %d bytes comes back as %x", given, size, p.Reply.Bytes())
			}
			var address uintptr
			for i := range pointerSize {
				address |= uintptr(place[i]) << (8 * i)
			}
			if !bytes.Equal(sys.Memory(address, size), v) {
				t.Fatalf("%x: pointee %x", given, v)
			}
			place = place[pointerSize:]
		}
		if !out.Nil() || len(place) != 0 {
			t.Fatalf("%x: %d bytes of the structure left", given, len(place))
		}
	})
}

// elementOf reads an element of a structure that was accepted: its bytes, or how
// many it points to.
func elementOf(t *testing.T, d *etf.Decoder) (size int, pointer bool) {
	t.Helper()
	if v, ok := d.Binary(); ok {
		return len(v), false
	}
	var buf [etf.MaxAtom]byte
	d.Tuple()
	d.Atom(&buf)
	if v, ok := d.Binary(); ok {
		return len(v), true
	}
	n, ok := d.Small()
	if !ok {
		t.Fatal("no element")
	}
	return int(n), true
}

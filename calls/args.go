package calls

import (
	"alcove/etf"
	"alcove/internal/sys"
)

// args decodes the arguments of one call from left to right. The first bad one
// decides the answer: from then on nothing is decoded and every method returns
// the zero value (calls.md §2).
//
// Byte strings are copied to an arena that the next call reuses; each is followed
// by a zero byte, so it serves as a C string, and is cut nowhere: the kernel stops
// at the first zero byte by itself.
type args struct {
	d etf.Decoder
	// failure is Replied while nothing is wrong.
	failure Outcome
	// used counts the bytes of the arena, vectors and operands the elements of
	// their memory that the arguments so far take.
	used     int
	vectors  int
	operands int
	atomBuf  [etf.MaxAtom]byte
}

// arenaSize is enough for the largest demand of one call: four structures with
// everything they point to (prctl).
const arenaSize = 4 * (maxBuffer + 1 + maxBuffer + 1 + maxStructElements*alignment + alignment)

// maxBuffer is the largest argument in bytes.
const maxBuffer = 65535

// maxElements is more than any message has list elements.
const maxElements = 65536

// The memory behind the arguments: of no size in the file and untouched until
// used.
var (
	arena     [arenaSize]byte
	vectorMem [2][maxElements]uintptr
	uint32Mem [maxElements]uint32
)

// begin starts decoding the term of a new call.
func (a *args) begin(term []byte) {
	a.d = etf.NewDecoder(term)
	a.failure = Replied
	a.used = 0
	a.vectors = 0
	a.operands = 0
}

func (a *args) failed() bool { return a.failure != Replied }

// outcome is the answer to bad arguments.
func (a *args) outcome() Outcome { return a.failure }

// check records that an argument is wrong unless ok.
func (a *args) check(ok bool) {
	if !ok && !a.failed() {
		a.failure = Badarg
	}
}

// next reads one term, unless an earlier one was wrong.
func next[T any](a *args, read func(*etf.Decoder) (T, bool)) T {
	var zero T
	if a.failed() {
		return zero
	}
	v, ok := read(&a.d)
	a.check(ok)
	return v
}

func (a *args) int32() int32   { return next(a, (*etf.Decoder).Int32) }
func (a *args) uint32() uint32 { return next(a, (*etf.Decoder).Uint32) }
func (a *args) int64() int64   { return next(a, (*etf.Decoder).Int64) }
func (a *args) uint64() uint64 { return next(a, (*etf.Decoder).Uint64) }

// small is an integer in the one-byte or 32-bit form.
func (a *args) small() int32 { return next(a, (*etf.Decoder).Small) }

// atom is the text of an atom, to its first zero byte.
func (a *args) atom() []byte {
	if a.failed() {
		return nil
	}
	v, ok := a.d.Atom(&a.atomBuf)
	a.check(ok)
	return cstring(v)
}

// symbol is a name and what the table knows of it: nothing for unknown names.
func (a *args) symbol(table []constant) constant {
	name := a.atom()
	if a.failed() {
		return constant{}
	}
	c, _ := find(table, name)
	return c
}

// isAtom reports whether the next term is an atom.
func (a *args) isAtom() bool {
	switch a.d.Peek() {
	case etf.AtomLatin1, etf.SmallAtom, etf.AtomUTF8, etf.SmallAtomUTF8:
		return true
	}
	return false
}

// named is the value of an atom that must be in the table.
func (a *args) named(table []constant) int64 {
	name := a.atom()
	if a.failed() {
		return 0
	}
	c, ok := find(table, name)
	if !ok {
		a.failure = Unsupported
	}
	return c.value
}

// constant is an atom of the table or an integer in the one-byte or 32-bit form.
// A table value outside 32 bits is a bad argument.
func (a *args) constant(table []constant) int32 {
	if a.failed() {
		return 0
	}
	if a.isAtom() {
		v := a.named(table)
		a.check(int64(int32(v)) == v)
		return int32(v)
	}
	return a.small()
}

// constant64 is constant with 64 bits; an integer may also be a small big, of a
// signed 64-bit value.
func (a *args) constant64(table []constant) uint64 {
	if a.failed() {
		return 0
	}
	switch {
	case a.isAtom():
		return uint64(a.named(table))
	case a.d.Peek() == etf.SmallBig:
		return uint64(a.int64())
	}
	return uint64(int64(a.small()))
}

// flags is an integer in the one-byte or 32-bit form, or a proper list of
// constants that are OR-ed. A string is a list of small integers.
func (a *args) flags(table []constant) int32 {
	if a.failed() {
		return 0
	}
	var set int32
	switch a.d.Peek() {
	case etf.String:
		for _, b := range next(a, (*etf.Decoder).String) {
			set |= int32(b)
		}
	case etf.List, etf.Nil:
		a.list(func(a *args) { set |= a.constant(table) })
	default:
		set = a.small()
	}
	return set
}

// list decodes each element of a proper list (tags 106 and 108).
func (a *args) list(element func(*args)) {
	n := next(a, (*etf.Decoder).List)
	for range n {
		if element(a); a.failed() {
			return
		}
	}
	if n > 0 {
		a.check(a.d.Nil())
	}
}

// room is what is left of the arena.
func (a *args) room() []byte { return arena[a.used:] }

// iodata is an iolist of at most limit bytes. The result has a zero byte behind
// its end.
func (a *args) iodata(limit int) []byte {
	if a.failed() {
		return nil
	}
	dst := a.room()
	n, ok := a.d.Iodata(dst[:limit])
	a.check(ok)
	if a.failed() {
		return nil
	}
	dst[n] = 0
	a.used += n + 1
	return dst[: n : n+1]
}

// name is iodata of at least one byte.
func (a *args) name(limit int) []byte {
	v := a.iodata(limit)
	a.check(len(v) > 0)
	return v
}

// maxPath is the longest path in bytes: PATH_MAX of limits.h without the
// terminator.
const maxPath = 4095

// path is a name of at most 4095 bytes.
func (a *args) path() []byte { return a.name(maxPath) }

// vector is an argument or environment vector: the addresses of C strings and a
// null word at the end. A nil vector stands for a null pointer.
type vector []uintptr

// argv is a proper list of iodata; the empty list is a null pointer.
func (a *args) argv() vector {
	if a.failed() {
		return nil
	}
	words := &vectorMem[a.vectors]
	a.vectors++
	n := 0
	a.list(func(a *args) {
		s := a.iodata(min(maxBuffer-1, len(a.room())-1))
		if !a.failed() {
			words[n] = sys.Address(s[:len(s)+1])
			n++
		}
	})
	if n == 0 {
		return nil
	}
	words[n] = 0
	return words[:n+1]
}

// bitset is a binary of at most limit bytes.
func (a *args) bitset(limit int) []byte {
	v := next(a, (*etf.Decoder).Binary)
	a.check(len(v) <= limit)
	return v
}

// rlimit is the record {alcove_rlimit, Cur, Max}.
type rlimit struct{ cur, max uint64 }

func (a *args) rlimit() rlimit {
	a.record("alcove_rlimit", 3)
	return rlimit{a.uint64(), a.uint64()}
}

// record is the header of a tuple of n elements and its tag, in exact spelling.
func (a *args) record(tag string, n int) {
	if a.failed() {
		return
	}
	a.check(next(a, (*etf.Decoder).Tuple) == n)
	if text := a.atom(); !a.failed() {
		a.check(string(text) == tag)
	}
}

// timeval is the record {alcove_timeval, Sec, Usec}.
type timeval struct {
	sec, usec int64
	// forever is set for the empty list in the record's place.
	forever bool
}

func (a *args) timeval() timeval {
	if !a.failed() && a.d.Nil() {
		return timeval{forever: true}
	}
	a.record("alcove_timeval", 3)
	return timeval{sec: a.int64(), usec: a.int64()}
}

// groups is a list of group ids; its tail is not looked at.
func (a *args) groups() []uint32 {
	if a.failed() {
		return nil
	}
	if a.d.Peek() == etf.String {
		v := next(a, (*etf.Decoder).String)
		for i, b := range v {
			uint32Mem[i] = uint32(b)
		}
		return uint32Mem[:len(v)]
	}
	n := next(a, (*etf.Decoder).List)
	for i := range n {
		uint32Mem[i] = a.uint32()
	}
	return uint32Mem[:n]
}

// cstring is v up to its first zero byte.
func cstring(v []byte) []byte {
	for i, b := range v {
		if b == 0 {
			return v[:i]
		}
	}
	return v
}

package calls

import (
	"alcove/etf"
	"alcove/internal/sys"
)

// operand is an argument that reaches the kernel as a number or as the address
// of memory: of a binary, or of a C structure (calls.md §2.4).
//
// A structure is a list of binaries, which make up its bytes one behind the other,
// and of {ptr, Size} and {ptr, Binary}, which put the address of zeroed or of
// initialised memory in their place. The memory behind an address does not move:
// it belongs to the arena.
type operand struct {
	kind operandKind
	// value is what the kernel gets.
	value uintptr
	// buf is the buffer at its original size, without the zeros behind it.
	buf []byte
	// count and elements are the list that a structure was made from, pointees
	// the memory that its addresses point to, in the same order.
	count    int
	elements etf.Decoder
	pointees []byte
}

type operandKind uint8

const (
	number operandKind = iota
	memory
	structure
)

// pointerSize is the size of an address in a structure.
const pointerSize = 8

// alignment of each pointee.
const alignment = 16

// maxStructElements is the largest number of elements of a structure.
const maxStructElements = 1023

// operandMem holds the operands of one call; prctl has four.
var operandMem [4]operand

// operand takes the next free operand.
func (a *args) operand() *operand {
	o := &operandMem[a.operands]
	a.operands++
	*o = operand{}
	return o
}

// value is an operand that is passed as a number.
func (a *args) value(v uintptr) *operand {
	o := a.operand()
	o.value = v
	return o
}

// claim takes n zeroed bytes of the arena.
func (a *args) claim(n int) []byte {
	a.used = (a.used + alignment - 1) &^ (alignment - 1)
	b := arena[a.used : a.used+n]
	a.used += n
	clear(b)
	return b
}

// binary is a binary of at most 65535 bytes in a buffer of 65535 zeros, so that
// a request which writes more than was given does no harm.
func (a *args) binary() *operand {
	v := next(a, (*etf.Decoder).Binary)
	a.check(len(v) <= maxBuffer)
	if a.failed() {
		return nil
	}
	o := a.operand()
	o.kind = memory
	buf := a.claim(maxBuffer)
	o.value = sys.Address(buf)
	o.buf = buf[:copy(buf, v)]
	return o
}

// cstruct is a structure of at most limit bytes.
func (a *args) cstruct(limit int) *operand {
	if a.failed() {
		return nil
	}
	a.check(a.d.Peek() == etf.List)
	n := next(a, (*etf.Decoder).List)
	a.check(0 < n && n <= maxStructElements)
	if a.failed() {
		return nil
	}
	o := a.operand()
	o.kind = structure
	o.count = n
	o.elements = a.d
	size, pointees, total := 0, 0, 0
	for range n {
		e := a.element()
		size += e.size()
		total += e.bytes
		if e.pointer {
			pointees += align(e.bytes)
		}
		a.check(size <= limit && total <= maxBuffer)
		if a.failed() {
			return nil
		}
	}
	a.check(a.d.Nil())
	if a.failed() {
		return nil
	}
	buf := a.claim(maxBuffer)
	o.value = sys.Address(buf)
	o.buf = buf[:size]
	o.pointees = a.claim(pointees)
	o.fill()
	return o
}

// cstructOrNull is a structure, or the empty list for a null pointer.
func (a *args) cstructOrNull(limit int) *operand {
	if !a.failed() && a.d.Nil() {
		return a.value(0)
	}
	return a.cstruct(limit)
}

// element is one element of a structure.
type element struct {
	pointer bool
	// contents of the binary; none for a pointer to zeros.
	contents []byte
	// bytes is the size of the binary or of what is pointed to.
	bytes int
}

// size is what the element takes up in the structure itself.
func (e element) size() int {
	if e.pointer {
		return pointerSize
	}
	return e.bytes
}

// element decodes an element of a structure.
func (a *args) element() element {
	if a.d.Peek() == etf.Binary {
		v := next(a, (*etf.Decoder).Binary)
		return element{contents: v, bytes: len(v)}
	}
	a.check(a.d.Peek() == etf.SmallTuple)
	a.record("ptr", 2)
	if a.failed() {
		return element{}
	}
	if a.d.Peek() == etf.Binary {
		v := next(a, (*etf.Decoder).Binary)
		return element{pointer: true, contents: v, bytes: len(v)}
	}
	n := a.small()
	a.check(n >= 0)
	return element{pointer: true, bytes: int(n)}
}

func align(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// walk calls f for every element with its bytes in the structure and, for a
// pointer, the memory it points to.
func (o *operand) walk(f func(e element, place, pointee []byte)) {
	a := args{d: o.elements}
	offset, used := 0, 0
	for range o.count {
		e := a.element()
		place := o.buf[offset : offset+e.size()]
		offset += e.size()
		if !e.pointer {
			f(e, place, nil)
			continue
		}
		f(e, place, o.pointees[used:used+e.bytes])
		used += align(e.bytes)
	}
}

// fill puts contents and addresses in place. A pointer to nothing stays null.
func (o *operand) fill() {
	o.walk(func(e element, place, pointee []byte) {
		switch {
		case !e.pointer:
			copy(place, e.contents)
		case e.bytes > 0:
			copy(pointee, e.contents)
			putWord(place, sys.Address(pointee))
		}
	})
}

// putWord writes a machine word in native (little endian) order.
func putWord(place []byte, v uintptr) {
	for i := range place {
		place[i] = byte(v >> (8 * i))
	}
}

// echo appends what the operand holds after the call: the number, the binary at
// its original size, or a list of the same elements with their present bytes; a
// null pointer shows as the plain bytes of its place.
func (p *Process) echo(o *operand) {
	switch o.kind {
	case number:
		p.Reply.Int(int64(o.value))
	case memory:
		p.Reply.Binary(o.buf)
	case structure:
		p.Reply.List(o.count)
		o.walk(func(e element, place, pointee []byte) {
			if !e.pointer || e.bytes == 0 {
				p.Reply.Binary(place)
				return
			}
			p.Reply.Tuple(2)
			p.Reply.Atom("ptr")
			p.Reply.Binary(pointee)
		})
		p.Reply.Nil()
	}
}

// echoMemory is echo for calls that answer an empty binary for a number.
func (p *Process) echoMemory(o *operand) {
	if o.kind == number {
		p.Reply.Binary(nil)
		return
	}
	p.echo(o)
}

// pointer is a binary or a structure of at most 65535 bytes, nil if neither comes
// next.
func (a *args) pointer() *operand {
	switch {
	case a.failed():
		return nil
	case a.d.Peek() == etf.List:
		return a.cstruct(maxBuffer)
	case a.d.Peek() == etf.Binary:
		return a.binary()
	}
	return nil
}

// natural is a non-negative integer in the one-byte or 32-bit form.
func (a *args) natural() *operand {
	v := a.small()
	a.check(v >= 0)
	return a.value(uintptr(v))
}

// ioctlArg is an integer in the one-byte or 32-bit form, passed as an unsigned
// 32-bit number, a binary, or a structure.
func (a *args) ioctlArg() *operand {
	if o := a.pointer(); o != nil || a.failed() {
		return o
	}
	return a.value(uintptr(uint32(a.small())))
}

// prctlArg is a non-negative integer in the one-byte or 32-bit form, a name of
// table prctl whose value is one, the empty list for 0, a binary, or a structure.
func (a *args) prctlArg() *operand {
	if o := a.pointer(); o != nil || a.failed() {
		return o
	}
	if a.isAtom() {
		v := a.named(prctlConstants)
		a.check(0 <= v && v <= 1<<31-1)
		return a.value(uintptr(v))
	}
	if a.d.Nil() {
		return a.value(0)
	}
	return a.natural()
}

// ptraceArg is a non-negative integer in the one-byte or 32-bit form, a binary,
// or a structure.
func (a *args) ptraceArg() *operand {
	if o := a.pointer(); o != nil || a.failed() {
		return o
	}
	return a.natural()
}

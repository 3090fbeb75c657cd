package etf

// Encoder appends terms to a buffer of fixed capacity. What does not fit is
// dropped as a whole and remembered: after the first drop nothing is appended
// any more, and Overflow reports it.
type Encoder struct {
	b    []byte
	n    int
	full bool
}

// NewEncoder appends to b, up to its length.
func NewEncoder(b []byte) Encoder { return Encoder{b: b} }

// Reset begins anew with the buffer limited to its first limit bytes.
//
// Preconditions: limit is not larger than the capacity of the buffer.
func (e *Encoder) Reset(limit int) {
	e.b = e.b[:limit]
	e.n = 0
	e.full = false
}

// Bytes is what has been appended.
func (e *Encoder) Bytes() []byte { return e.b[:e.n] }

// Len is the number of bytes appended.
func (e *Encoder) Len() int { return e.n }

// Free is how many bytes still fit.
func (e *Encoder) Free() int {
	if e.full {
		return 0
	}
	return len(e.b) - e.n
}

// Overflow reports whether something did not fit.
func (e *Encoder) Overflow() bool { return e.full }

// grow claims n bytes, or returns nil when they do not fit.
func (e *Encoder) grow(n int) []byte {
	if e.full || n > len(e.b)-e.n {
		e.full = true
		return nil
	}
	p := e.b[e.n : e.n+n]
	e.n += n
	return p
}

// Version appends the version byte.
func (e *Encoder) Version() { e.byte(Version) }

func (e *Encoder) byte(v byte) {
	if p := e.grow(1); p != nil {
		p[0] = v
	}
}

// Atom appends an atom of at most 255 ASCII characters in the short UTF-8 form.
func (e *Encoder) Atom(name string) {
	if p := e.grow(2 + len(name)); p != nil {
		p[0] = byte(SmallAtomUTF8)
		p[1] = byte(len(name))
		copy(p[2:], name)
	}
}

// Int appends an integer: 0..255 in one byte, -2^27..2^27-1 in 32 bits, beyond
// that as a small big of the fewest bytes.
func (e *Encoder) Int(v int64) {
	switch {
	case v >= 0:
		e.Uint(uint64(v))
	case v >= -1<<27:
		e.int32(int32(v))
	default:
		e.big(uint64(-v), 1)
	}
}

// Uint appends a non-negative integer in the forms of Int.
func (e *Encoder) Uint(v uint64) {
	switch {
	case v <= 255:
		if p := e.grow(2); p != nil {
			p[0] = byte(SmallInteger)
			p[1] = byte(v)
		}
	case v < 1<<27:
		e.int32(int32(v))
	default:
		e.big(v, 0)
	}
}

func (e *Encoder) int32(v int32) {
	if p := e.grow(5); p != nil {
		p[0] = byte(Integer)
		put32(p[1:], uint32(v))
	}
}

func (e *Encoder) big(abs uint64, sign byte) {
	n := 0
	for v := abs; v != 0; v >>= 8 {
		n++
	}
	p := e.grow(3 + n)
	if p == nil {
		return
	}
	p[0] = byte(SmallBig)
	p[1] = byte(n)
	p[2] = sign
	for i := range n {
		p[3+i] = byte(abs >> (8 * i))
	}
}

// Binary appends a binary.
func (e *Encoder) Binary(v []byte) {
	if p := e.BinaryOf(len(v)); p != nil {
		copy(p, v)
	}
}

// BinaryString appends a binary with the bytes of v.
func (e *Encoder) BinaryString(v string) {
	if p := e.BinaryOf(len(v)); p != nil {
		copy(p, v)
	}
}

// BinaryOf appends a binary of n bytes and returns the place of its contents,
// which the caller fills, or nil when it does not fit.
func (e *Encoder) BinaryOf(n int) []byte {
	p := e.grow(5 + n)
	if p == nil {
		return nil
	}
	p[0] = byte(Binary)
	put32(p[1:], uint32(n))
	return p[5:]
}

// Tuple appends the header of a tuple of n (at most 255) elements.
func (e *Encoder) Tuple(n int) {
	if p := e.grow(2); p != nil {
		p[0] = byte(SmallTuple)
		p[1] = byte(n)
	}
}

// List appends the header of a list of n elements; Nil ends it.
func (e *Encoder) List(n int) {
	if p := e.grow(5); p != nil {
		p[0] = byte(List)
		put32(p[1:], uint32(n))
	}
}

// Cell appends the header of a one-element list: a list whose length is not
// known beforehand is a chain of cells that ends with Nil.
func (e *Encoder) Cell() { e.List(1) }

// Nil appends the empty list.
func (e *Encoder) Nil() { e.byte(byte(Nil)) }

func put32(p []byte, v uint32) {
	p[0] = byte(v >> 24)
	p[1] = byte(v >> 16)
	p[2] = byte(v >> 8)
	p[3] = byte(v)
}

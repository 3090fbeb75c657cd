package etf

// Decoder reads terms from a byte slice. The zero value has nothing to read.
//
// Every method consumes one term (or one header, whose elements follow) and
// reports whether it was there: on false nothing is to be read from the decoder
// any more. Byte slices in results are views into the decoder's own slice unless
// the method says otherwise.
type Decoder struct {
	b []byte
}

// NewDecoder reads the terms in b, which carry no version byte.
func NewDecoder(b []byte) Decoder { return Decoder{b} }

// Rest is what has not been read yet.
func (d *Decoder) Rest() []byte { return d.b }

// Version consumes the version byte.
func (d *Decoder) Version() bool {
	if len(d.b) == 0 || d.b[0] != Version {
		return false
	}
	d.b = d.b[1:]
	return true
}

// Peek is the tag of the next term, 0 at the end.
func (d *Decoder) Peek() Tag {
	if len(d.b) == 0 {
		return 0
	}
	return Tag(d.b[0])
}

// take consumes n bytes behind the tag and size byte count that precede them.
func (d *Decoder) take(head, n int) ([]byte, bool) {
	if n < 0 || len(d.b)-head < n {
		return nil, false
	}
	v := d.b[head : head+n]
	d.b = d.b[head+n:]
	return v, true
}

// size8 and friends read the length that follows a tag; -1 when cut off.
func (d *Decoder) size8() int {
	if len(d.b) < 2 {
		return -1
	}
	return int(d.b[1])
}

func (d *Decoder) size16() int {
	if len(d.b) < 3 {
		return -1
	}
	return int(d.b[1])<<8 | int(d.b[2])
}

func (d *Decoder) size32() int {
	if len(d.b) < 5 {
		return -1
	}
	return int(be32(d.b[1:]))
}

func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// Tuple consumes the header of a tuple of at most as many elements as there
// are bytes left, and returns their number.
func (d *Decoder) Tuple() (int, bool) {
	switch d.Peek() {
	case SmallTuple:
		return d.header(2, d.size8())
	case LargeTuple:
		return d.header(5, d.size32())
	}
	return 0, false
}

// List consumes the header of a list, or an empty list as a whole, and returns the
// number of elements. Behind the elements of a list that is not empty follows its
// tail, for which Nil is the next call. Strings are not lists here.
func (d *Decoder) List() (int, bool) {
	switch d.Peek() {
	case Nil:
		d.b = d.b[1:]
		return 0, true
	case List:
		n, ok := d.header(5, d.size32())
		if ok && n == 0 {
			// Erlang never writes a list header without elements, but a tail
			// would follow this one, too.
			ok = d.Nil()
		}
		return n, ok
	}
	return 0, false
}

// header consumes a tag with its element count n; each element takes a byte.
func (d *Decoder) header(head, n int) (int, bool) {
	if n < 0 || len(d.b)-head < n {
		return 0, false
	}
	d.b = d.b[head:]
	return n, true
}

// Nil consumes an empty list.
func (d *Decoder) Nil() bool {
	if d.Peek() != Nil {
		return false
	}
	d.b = d.b[1:]
	return true
}

// Binary consumes a binary.
func (d *Decoder) Binary() ([]byte, bool) {
	if d.Peek() != Binary {
		return nil, false
	}
	return d.take(5, d.size32())
}

// String consumes a list of bytes in the compact form (tag 107).
func (d *Decoder) String() ([]byte, bool) {
	if d.Peek() != String {
		return nil, false
	}
	return d.take(3, d.size16())
}

// Small consumes an integer in the one-byte or the 32-bit form.
func (d *Decoder) Small() (int32, bool) {
	switch d.Peek() {
	case SmallInteger:
		if v, ok := d.take(1, 1); ok {
			return int32(v[0]), true
		}
	case Integer:
		if v, ok := d.take(1, 4); ok {
			return int32(be32(v)), true
		}
	}
	return 0, false
}

// magnitude consumes an integer of any form. Bytes of a big beyond the eighth
// must be zero. The sign byte of a big counts even for magnitude zero.
func (d *Decoder) magnitude() (abs uint64, negative, ok bool) {
	var digits []byte
	switch d.Peek() {
	case SmallInteger, Integer:
		v, ok := d.Small()
		if v < 0 {
			return uint64(-int64(v)), true, ok
		}
		return uint64(v), false, ok
	case SmallBig:
		digits, ok = d.big(2, d.size8())
	case LargeBig:
		digits, ok = d.big(5, d.size32())
	}
	if !ok {
		return 0, false, false
	}
	negative = digits[0] != 0
	for i, b := range digits[1:] {
		switch {
		case i < 8:
			abs |= uint64(b) << (8 * i)
		case b != 0:
			return 0, false, false
		}
	}
	return abs, negative, true
}

// big consumes the sign byte and the n digits of a big integer.
func (d *Decoder) big(head, n int) ([]byte, bool) {
	if n < 0 {
		return nil, false
	}
	return d.take(head, n+1)
}

// Int64 consumes an integer between -2^63 and 2^63-1.
func (d *Decoder) Int64() (int64, bool) {
	abs, negative, ok := d.magnitude()
	switch {
	case !ok:
		return 0, false
	case negative:
		return -int64(abs), abs <= 1<<63
	}
	return int64(abs), abs < 1<<63
}

// Uint64 consumes an integer between 0 and 2^64-1.
func (d *Decoder) Uint64() (uint64, bool) {
	abs, negative, ok := d.magnitude()
	return abs, ok && !negative
}

// Int32 consumes an integer between -2^31 and 2^31-1.
func (d *Decoder) Int32() (int32, bool) {
	v, ok := d.Int64()
	return int32(v), ok && int64(int32(v)) == v
}

// Uint32 consumes an integer between 0 and 2^32-1.
func (d *Decoder) Uint32() (uint32, bool) {
	v, ok := d.Uint64()
	return uint32(v), ok && uint64(uint32(v)) == v
}

// Atom consumes an atom and returns its text in Latin-1: a view for the Latin-1
// and plain ASCII forms, otherwise converted into buf. UTF-8 text must consist of
// code points up to 255 in their shortest form. At most MaxAtom characters.
func (d *Decoder) Atom(buf *[MaxAtom]byte) ([]byte, bool) {
	switch d.Peek() {
	case SmallAtom:
		return d.take(2, d.size8())
	case AtomLatin1:
		v, ok := d.take(3, d.size16())
		return v, ok && len(v) <= MaxAtom
	case SmallAtomUTF8:
		v, ok := d.take(2, d.size8())
		return latin1(v, buf, ok)
	case AtomUTF8:
		v, ok := d.take(3, d.size16())
		return latin1(v, buf, ok)
	}
	return nil, false
}

// latin1 converts UTF-8 text to Latin-1.
func latin1(v []byte, buf *[MaxAtom]byte, ok bool) ([]byte, bool) {
	if !ok {
		return nil, false
	}
	n := 0
	for i := 0; i < len(v); i++ {
		if n == MaxAtom {
			return nil, false
		}
		c := v[i]
		if c >= 0x80 {
			// c2 and c3 lead the two-byte forms of 80..ff.
			if c&^1 != 0xc2 || i+1 == len(v) || v[i+1]&0xc0 != 0x80 {
				return nil, false
			}
			i++
			c = c<<6 | v[i]&0x3f
		}
		buf[n] = c
		n++
	}
	return buf[:n], true
}

// Iodata consumes an iolist (binary, string, list or empty list at the top) and
// copies its bytes to dst, returning their number. Inside a list stand binaries,
// strings, lists and bytes in the one-byte integer form; tails must be empty
// lists; an element may be nested in at most MaxDepth lists.
//
// A binary may fill dst to the last byte, a string needs one byte more than its
// length, and once dst is full no further element may follow, not even an empty
// one (wire.md §4.5).
func (d *Decoder) Iodata(dst []byte) (int, bool) {
	// left counts the elements that are still to come on each level.
	var left [MaxDepth]int
	depth, n := 0, 0
	if d.Peek() == SmallInteger {
		return 0, false
	}
	for {
		if depth > 0 && n == len(dst) {
			return 0, false
		}
		switch d.Peek() {
		case Binary:
			v, ok := d.Binary()
			if !ok || len(v) > len(dst)-n {
				return 0, false
			}
			n += copy(dst[n:], v)
		case String:
			v, ok := d.String()
			if !ok || len(v) >= len(dst)-n {
				return 0, false
			}
			n += copy(dst[n:], v)
		case SmallInteger:
			v, ok := d.take(1, 1)
			if !ok {
				return 0, false
			}
			dst[n] = v[0]
			n++
		case Nil:
			d.b = d.b[1:]
		case List:
			count, ok := d.List()
			if !ok || count > 0 && depth == MaxDepth {
				return 0, false
			}
			if count > 0 {
				left[depth] = count
				depth++
				continue
			}
		default:
			return 0, false
		}
		// One element is done: leave every list that it was the last of.
		for depth > 0 {
			left[depth-1]--
			if left[depth-1] > 0 {
				break
			}
			if !d.emptyTail() {
				return 0, false
			}
			depth--
		}
		if depth == 0 {
			return n, true
		}
	}
}

// emptyTail consumes the end of a proper list.
func (d *Decoder) emptyTail() bool {
	n, ok := d.List()
	return ok && n == 0
}

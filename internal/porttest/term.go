package porttest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Terms are plain Go values:
//
//	Atom                     atom
//	int, int64, uint64       integer (the decoder returns int64, or uint64 beyond its range)
//	*big.Int                 integer beyond 64 bits (never decoded)
//	Bin                      binary
//	string                   list of bytes as Erlang's external format has it (string_ext)
//	Tuple, List              tuple, proper list
//	Improper                 list with a tail that is not the empty list
//	Raw                      bytes put into the message as they are, no version byte
//
// The encoder writes what term_to_binary of an Erlang node writes for the same
// value. The decoder accepts only what wire.md §4.9 lists as output, so that a
// decoded reply stands for exactly one byte sequence (up to the shape of lists).
type (
	Atom  string
	Bin   []byte
	Tuple []any
	List  []any
	Raw   []byte
)

// Improper is a list whose tail is Tail, for example [a|b].
type Improper struct {
	Heads []any
	Tail  any
}

// Tags of the external term format that tests use by name.
const (
	tagVersion    = 0x83
	tagSmallInt   = 0x61
	tagInt        = 0x62
	tagSmallTuple = 0x68
	tagLargeTuple = 0x69
	tagNil        = 0x6a
	tagString     = 0x6b
	tagList       = 0x6c
	tagBinary     = 0x6d
	tagSmallBig   = 0x6e
	tagLargeBig   = 0x6f
	tagAtom       = 0x77
)

// Encode returns the external form of v without the version byte. It panics on
// a Go type that stands for no term: that is a mistake in the test itself.
func Encode(v any) []byte { return appendTerm(nil, v) }

func appendTerm(b []byte, v any) []byte {
	switch v := v.(type) {
	case Atom:
		return append(append(b, tagAtom, byte(len(v))), v...)
	case int:
		return appendInt(b, big.NewInt(int64(v)))
	case int64:
		return appendInt(b, big.NewInt(v))
	case uint64:
		return appendInt(b, new(big.Int).SetUint64(v))
	case *big.Int:
		return appendInt(b, v)
	case Bin:
		b = append(b, tagBinary)
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	case string:
		return appendString(b, v)
	case Tuple:
		if len(v) > 255 {
			b = binary.BigEndian.AppendUint32(append(b, tagLargeTuple), uint32(len(v)))
		} else {
			b = append(b, tagSmallTuple, byte(len(v)))
		}
		return appendAll(b, v)
	case List:
		return appendList(b, v)
	case Improper:
		b = binary.BigEndian.AppendUint32(append(b, tagList), uint32(len(v.Heads)))
		return appendTerm(appendAll(b, v.Heads), v.Tail)
	case Raw:
		return append(b, v...)
	}
	panic(fmt.Sprintf("porttest: no term for %T", v))
}

func appendAll(b []byte, vs []any) []byte {
	for _, v := range vs {
		b = appendTerm(b, v)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	if s == "" {
		return append(b, tagNil)
	}
	if len(s) > 65535 {
		l := make(List, len(s))
		for i := range len(s) {
			l[i] = int(s[i])
		}
		return appendCells(b, l)
	}
	b = binary.BigEndian.AppendUint16(append(b, tagString), uint16(len(s)))
	return append(b, s...)
}

// appendList writes a list of integers 0..255 in the compact string form, as
// Erlang does.
func appendList(b []byte, l List) []byte {
	s := make([]byte, 0, len(l))
	for _, v := range l {
		n, ok := v.(int)
		if !ok || n < 0 || n > 255 {
			return appendCells(b, l)
		}
		s = append(s, byte(n))
	}
	return appendString(b, string(s))
}

func appendCells(b []byte, l List) []byte {
	b = binary.BigEndian.AppendUint32(append(b, tagList), uint32(len(l)))
	return append(appendAll(b, l), tagNil)
}

func appendInt(b []byte, n *big.Int) []byte {
	if n.IsInt64() {
		switch i := n.Int64(); {
		case i >= 0 && i <= 255:
			return append(b, tagSmallInt, byte(i))
		case i >= -1<<31 && i < 1<<31:
			return binary.BigEndian.AppendUint32(append(b, tagInt), uint32(int32(i)))
		}
	}
	mag := n.Bytes()
	for i, j := 0, len(mag)-1; i < j; i, j = i+1, j-1 {
		mag[i], mag[j] = mag[j], mag[i]
	}
	sign := byte(0)
	if n.Sign() < 0 {
		sign = 1
	}
	if len(mag) < 256 {
		b = append(b, tagSmallBig, byte(len(mag)), sign)
	} else {
		b = binary.BigEndian.AppendUint32(append(b, tagLargeBig), uint32(len(mag)))
		b = append(b, sign)
	}
	return append(b, mag...)
}

// Decode reads one versioned reply term that fills b. An error says which rule
// of wire.md §4.9 the bytes break.
func Decode(b []byte) (any, error) {
	if len(b) == 0 || b[0] != tagVersion {
		return nil, fmt.Errorf("no version byte 131 at the start of % x", clip(b))
	}
	d := decoder{rest: b[1:]}
	v := d.term()
	if d.err == nil && len(d.rest) != 0 {
		d.err = fmt.Errorf("%d bytes behind the term", len(d.rest))
	}
	if d.err != nil {
		return nil, fmt.Errorf("%w in % x", d.err, clip(b))
	}
	return v, nil
}

type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.rest = nil
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.fail("term cut short: %d bytes wanted, %d left", n, len(d.rest))
		return make([]byte, min(max(n, 0), 8))
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint32() int { return int(binary.BigEndian.Uint32(d.take(4))) }

func (d *decoder) term() any {
	switch tag := d.take(1)[0]; tag {
	case tagSmallInt:
		return int64(d.take(1)[0])
	case tagInt:
		n := int64(int32(binary.BigEndian.Uint32(d.take(4))))
		if n >= 0 && n <= 255 || n < -1<<27 || n >= 1<<27 {
			d.fail("integer %d sent in 32 bit form", n)
		}
		return n
	case tagSmallBig:
		return d.smallBig()
	case tagAtom:
		return Atom(d.take(int(d.take(1)[0])))
	case tagBinary:
		return Bin(bytes.Clone(d.take(d.uint32())))
	case tagSmallTuple:
		n := int(d.take(1)[0])
		t := make(Tuple, 0, n)
		for i := 0; i < n && d.err == nil; i++ {
			t = append(t, d.term())
		}
		return t
	case tagNil:
		return List{}
	case tagList:
		return d.list()
	default:
		d.fail("tag %d is never sent", tag)
		return nil
	}
}

func (d *decoder) list() any {
	var l List
	for d.err == nil {
		n := d.uint32()
		if n == 0 {
			d.fail("list cell without elements")
		}
		for i := 0; i < n && d.err == nil; i++ {
			l = append(l, d.term())
		}
		if len(d.rest) > 0 && d.rest[0] == tagList {
			d.rest = d.rest[1:]
			continue
		}
		if t, ok := d.term().(List); d.err == nil && (!ok || len(t) != 0) {
			d.fail("list without an empty list at its end")
		}
		return l
	}
	return l
}

func (d *decoder) smallBig() any {
	n, sign := int(d.take(1)[0]), d.take(1)[0]
	mag := d.take(n)
	if n == 0 || n > 8 || len(mag) < n || mag[n-1] == 0 || sign > 1 {
		d.fail("big integer of %d bytes, sign %d, not minimal", n, sign)
		return nil
	}
	var u uint64
	for i := n - 1; i >= 0; i-- {
		u = u<<8 | uint64(mag[i])
	}
	switch {
	case sign == 1 && u > 1<<63:
		d.fail("integer below -2^63")
		return nil
	case sign == 1:
		if u <= 1<<27 {
			d.fail("-%d sent as a big integer", u)
		}
		return -int64(u)
	case u < 1<<27:
		d.fail("%d sent as a big integer", u)
	case u > 1<<63-1:
		return u
	}
	return int64(u)
}

// Text writes v in Erlang syntax; long binaries and strings are cut.
func Text(v any) string {
	var b strings.Builder
	writeText(&b, v)
	return b.String()
}

func writeText(b *strings.Builder, v any) {
	switch v := v.(type) {
	case Atom:
		if plainAtom(string(v)) {
			b.WriteString(string(v))
		} else {
			b.WriteString("'" + string(v) + "'")
		}
	case Bin:
		b.WriteString("<<" + bytesText(v) + ">>")
	case string:
		b.WriteString(bytesText([]byte(v)))
	case Raw:
		fmt.Fprintf(b, "#% x#", clip(v))
	case Tuple:
		writeSeq(b, "{", v, "}")
	case List:
		writeSeq(b, "[", v, "]")
	case Improper:
		writeSeq(b, "[", v.Heads, "|")
		writeText(b, v.Tail)
		b.WriteString("]")
	default:
		fmt.Fprintf(b, "%v", v)
	}
}

func writeSeq(b *strings.Builder, open string, vs []any, end string) {
	b.WriteString(open)
	for i, v := range vs {
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(b, v)
	}
	b.WriteString(end)
}

func plainAtom(s string) bool {
	for i := range len(s) {
		c := s[i]
		lower := c >= 'a' && c <= 'z'
		other := c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '@'
		if !lower && (i == 0 || !other) {
			return false
		}
	}
	return s != ""
}

func bytesText(p []byte) string {
	printable := len(p) > 0
	for _, c := range p {
		printable = printable && (c >= ' ' && c < 0x7f || c == '\n' || c == '\t')
	}
	most := 160
	if !printable {
		most = 40
	}
	more := ""
	if len(p) > most {
		more = fmt.Sprintf("...(%d bytes)", len(p))
		p = p[:most]
	}
	if printable {
		return strconv.Quote(string(p)) + more
	}
	s := make([]string, len(p))
	for i, c := range p {
		s[i] = strconv.Itoa(int(c))
	}
	return strings.Join(s, ",") + more
}

func clip(b []byte) []byte { return b[:min(len(b), 64)] }

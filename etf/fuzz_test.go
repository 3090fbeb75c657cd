package etf_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"testing/quick"

	"alcove/etf"
)

// seed adds bytes made by Erlang and every truncation of the shorter ones.
func seed(f *testing.F, kinds ...string) {
	for _, kind := range kinds {
		for i, s := range samples(f, kind) {
			// Every option writes nearly the same.
			if i%7 != 0 || len(s.bytes) > 2000 {
				continue
			}
			f.Add(s.bytes[1:])
		}
	}
	for _, in := range foreign {
		f.Add(unhex(f, in))
	}
	for _, in := range []string{
		"6c 00 00 00 05 61 41 6d 00 00 00 01 42 6b 00 01 43 6a 6c 00 00 00 01 61 44 6a 6a",
		"68 02 77 03 70 74 72 6f 00 00 00 08 00 ff*8", "6c ff ff ff ff 6a", "69 00 00 00 01 68 00",
		"6e ff 00 01 00*254", "76 00 04 c3 bf c2 80", nest(17, "61 41"),
	} {
		b := unhex(f, in)
		for n := range b {
			f.Add(b[:n])
		}
		f.Add(b)
	}
}

// FuzzDecode lets every method loose on arbitrary bytes: none panics, reads behind
// the end or gives bytes back, what is left is the end of what was there, and the
// same bytes with others behind them decode to the same.
func FuzzDecode(f *testing.F) {
	seed(f, "decode")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range termMethods {
			d := etf.NewDecoder(fenced(b))
			ok := m.decode(&d)
			rest := d.Rest()
			if !bytes.HasSuffix(b, rest) {
				t.Fatalf("%s: the rest %x is not the end of %x", m.name, rest, b)
			}
			if !ok {
				continue
			}
			if len(rest) == len(b) {
				t.Fatalf("%s: accepted %x and consumed nothing", m.name, b)
			}
			// Exactly what was consumed is enough, a byte less is not.
			used := len(b) - len(rest)
			d = etf.NewDecoder(fenced(b[:used]))
			if !m.decode(&d) && !header(m.name) {
				t.Fatalf("%s: accepted %x, but not without what follows", m.name, b)
			}
			d = etf.NewDecoder(fenced(b[:used-1]))
			if m.decode(&d) {
				t.Fatalf("%s: accepted %x, of which a byte is missing", m.name, b[:used-1])
			}
		}
		text(append([]byte{etf.Version}, b...))
	})
}

// header reports whether a method consumes only part of a term, so that it looks
// at what follows.
func header(method string) bool { return method == "Tuple" || method == "List" }

// FuzzIodata compares with a plain recursive reading of wire.md §4.5.
func FuzzIodata(f *testing.F) {
	for _, room := range []uint16{0, 1, 4, 100, 4095} {
		for _, s := range samples(f, "iodata") {
			if len(s.bytes) < 500 {
				f.Add(s.bytes[1:], room)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, room uint16) {
		const guard = 0xa5
		memory := bytes.Repeat([]byte{guard}, int(room)+16)
		d := etf.NewDecoder(fenced(b))
		n, ok := d.Iodata(memory[:room])
		if !bytes.Equal(memory[room:], bytes.Repeat([]byte{guard}, 16)) {
			t.Fatalf("%x: wrote behind %d bytes", b, room)
		}
		flat, rest, wanted := flatten(b, int(room))
		if ok != wanted {
			t.Fatalf("%x in %d bytes: accepted %v, want %v", b, room, ok, wanted)
		}
		if !ok {
			return
		}
		if !bytes.Equal(memory[:n], flat) || !bytes.Equal(d.Rest(), rest) {
			t.Fatalf("%x: got %x, rest %x; want %x, rest %x", b, memory[:n], d.Rest(), flat, rest)
		}
	})
}

// flatten is the iolist at the beginning of b, in at most room bytes.
func flatten(b []byte, room int) (flat, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == byte(etf.SmallInteger) {
		return nil, nil, false
	}
	return flattenItem(nil, b, room, 0)
}

func flattenItem(flat, b []byte, room, depth int) ([]byte, []byte, bool) {
	if len(b) == 0 || depth > 0 && len(flat) == room {
		return nil, nil, false
	}
	piece := func(head int, n uint64, spare int) ([]byte, []byte, bool) {
		if uint64(len(b)-head) < n || uint64(len(flat)+spare)+n > uint64(room) {
			return nil, nil, false
		}
		return append(flat, b[head:head+int(n)]...), b[head+int(n):], true
	}
	switch etf.Tag(b[0]) {
	case etf.SmallInteger:
		return piece(1, 1, 0)
	case etf.Nil:
		return flat, b[1:], true
	case etf.String:
		if len(b) < 3 {
			return nil, nil, false
		}
		return piece(3, uint64(binary.BigEndian.Uint16(b[1:])), 1)
	case etf.Binary:
		if len(b) < 5 {
			return nil, nil, false
		}
		return piece(5, uint64(binary.BigEndian.Uint32(b[1:])), 0)
	case etf.List:
		return flattenList(flat, b, room, depth)
	}
	return nil, nil, false
}

func flattenList(flat, b []byte, room, depth int) ([]byte, []byte, bool) {
	if len(b) < 5 {
		return nil, nil, false
	}
	count := uint64(binary.BigEndian.Uint32(b[1:]))
	b = b[5:]
	if count > uint64(len(b)) || count > 0 && depth == etf.MaxDepth {
		return nil, nil, false
	}
	for range count {
		var ok bool
		if flat, b, ok = flattenItem(flat, b, room, depth+1); !ok {
			return nil, nil, false
		}
	}
	// The tail: the empty list, also as a header without elements.
	switch {
	case len(b) > 0 && b[0] == byte(etf.Nil):
		return flat, b[1:], true
	case count > 0 && len(b) > 5 && bytes.HasPrefix(b, []byte{byte(etf.List), 0, 0, 0, 0}) && b[5] == byte(etf.Nil):
		return flat, b[6:], true
	}
	return nil, nil, false
}

// FuzzRoundTrip: what the decoder understands and the encoder writes again is
// understood as the same.
func FuzzRoundTrip(f *testing.F) {
	seed(f, "decode", "encode")
	f.Fuzz(func(t *testing.T, b []byte) {
		first := text(append([]byte{etf.Version}, b...))
		if first == refused || !ascii(first) {
			return // not for the encoder
		}
		e := etf.NewEncoder(make([]byte, 1<<20))
		e.Version()
		if write(t, &e, first); e.Overflow() {
			return
		}
		if second := text(e.Bytes()); second != first {
			t.Fatalf("%x:\n first %.200s\nsecond %.200s", b, first, second)
		}
	})
}

// ascii reports whether the encoder can write a term in the notation of the
// samples: no strings, no tuples of more than 255 elements, plain atoms only.
func ascii(term string) bool {
	for i := range len(term) {
		switch term[i] {
		case 's':
			return false
		case 'a':
			if i > 0 && bytes.IndexByte([]byte("{[,"), term[i-1]) < 0 {
				continue // a digit
			}
			for j := i + 1; j+1 < len(term) && bytes.IndexByte([]byte("0123456789abcdef"), term[j]) >= 0; j += 2 {
				if term[j] > '7' {
					return false
				}
			}
		case '{':
			if list, _ := elements(term[i+1:], '}'); len(list) > 255 {
				return false
			}
		}
	}
	return true
}

// TestIntegersSurvive is the round trip for integers of every magnitude.
func TestIntegersSurvive(t *testing.T) {
	t.Parallel()
	survives := func(v int64, shift uint8) bool {
		v >>= shift % 64
		var buf [16]byte
		e := etf.NewEncoder(buf[:])
		e.Int(v)
		d := etf.NewDecoder(e.Bytes())
		signed, ok := d.Int64()
		if !ok || signed != v || len(d.Rest()) != 0 {
			return false
		}
		e.Reset(len(buf))
		e.Uint(uint64(v))
		d = etf.NewDecoder(e.Bytes())
		unsigned, ok := d.Uint64()
		return ok && unsigned == uint64(v) && len(d.Rest()) == 0
	}
	// The same numbers in every run.
	config := &quick.Config{MaxCount: 20000, Rand: seededRand()}
	if err := quick.Check(survives, config); err != nil {
		t.Error(err)
	}
}

// TestTermsSurvive builds random terms with the encoder and reads them back.
func TestTermsSurvive(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		term := randomTerm(r, 4)
		e := etf.NewEncoder(make([]byte, 1<<16))
		e.Version()
		if rest := write(t, &e, term); rest != "" {
			t.Fatalf("%s: %q left", term, rest)
		}
		if e.Overflow() {
			continue
		}
		if got := text(e.Bytes()); got != term {
			t.Fatalf("%x:\n got %s\nwant %s", e.Bytes(), got, term)
		}
	}
}

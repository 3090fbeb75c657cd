package etf_test

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alcove/etf"
)

// TestEncoding holds the encoder to wire.md §4.9.
func TestEncoding(t *testing.T) {
	t.Parallel()
	uint64s := func(v uint64) func(*etf.Encoder) { return func(e *etf.Encoder) { e.Uint(v) } }
	ints := func(v int64) func(*etf.Encoder) { return func(e *etf.Encoder) { e.Int(v) } }
	tests := []struct {
		name   string
		append func(*etf.Encoder)
		want   string
	}{
		{"version", (*etf.Encoder).Version, "83"},
		{"nil", (*etf.Encoder).Nil, "6a"},
		{"cell", (*etf.Encoder).Cell, "6c 00 00 00 01"},
		{"list", func(e *etf.Encoder) { e.List(0x1020304) }, "6c 01 02 03 04"},
		{"tuple of 0", func(e *etf.Encoder) { e.Tuple(0) }, "68 00"},
		{"tuple of 255", func(e *etf.Encoder) { e.Tuple(255) }, "68 ff"},
		{"atom", func(e *etf.Encoder) { e.Atom("ok") }, "77 02 6f 6b"},
		{"empty atom", func(e *etf.Encoder) { e.Atom("") }, "77 00"},
		{"longest atom", func(e *etf.Encoder) { e.Atom(strings.Repeat("x", 255)) }, "77 ff 78*255"},
		{"empty binary", func(e *etf.Encoder) { e.Binary(nil) }, "6d 00 00 00 00"},
		{"binary", func(e *etf.Encoder) { e.Binary([]byte{0, 255}) }, "6d 00 00 00 02 00 ff"},
		{"binary of a string", func(e *etf.Encoder) { e.BinaryString("1.0.1") }, "6d 00 00 00 05 31 2e 30 2e 31"},
		{"long binary", func(e *etf.Encoder) { e.Binary(make([]byte, 65536)) }, "6d 00 01 00 00 00*65536"},
		{"binary to be filled", func(e *etf.Encoder) { copy(e.BinaryOf(3), "abc") }, "6d 00 00 00 03 61 62 63"},
		{"0", ints(0), "61 00"},
		{"255", ints(255), "61 ff"},
		{"256", ints(256), "62 00 00 01 00"},
		{"2^27-1", ints(1<<27 - 1), "62 07 ff ff ff"},
		{"2^27", ints(1 << 27), "6e 04 00 00 00 00 08"},
		{"2^31-1", ints(1<<31 - 1), "6e 04 00 ff ff ff 7f"},
		{"2^32-1", ints(1<<32 - 1), "6e 04 00 ff ff ff ff"},
		{"2^32", ints(1 << 32), "6e 05 00 00 00 00 00 01"},
		{"2^63-1", ints(math.MaxInt64), "6e 08 00 ff*7 7f"},
		{"-1", ints(-1), "62 ff ff ff ff"},
		{"-255", ints(-255), "62 ff ff ff 01"},
		{"-2^27", ints(-1 << 27), "62 f8 00 00 00"},
		{"-2^27-1", ints(-1<<27 - 1), "6e 04 01 01 00 00 08"},
		{"-2^31", ints(math.MinInt32), "6e 04 01 00 00 00 80"},
		{"-2^40", ints(-1 << 40), "6e 06 01 00*5 01"},
		{"-2^63", ints(math.MinInt64), "6e 08 01 00*7 80"},
		{"unsigned 0", uint64s(0), "61 00"},
		{"unsigned 255", uint64s(255), "61 ff"},
		{"unsigned 256", uint64s(256), "62 00 00 01 00"},
		{"unsigned 2^27-1", uint64s(1<<27 - 1), "62 07 ff ff ff"},
		{"unsigned 2^27", uint64s(1 << 27), "6e 04 00 00 00 00 08"},
		{"unsigned 2^63", uint64s(1 << 63), "6e 08 00 00*7 80"},
		{"unsigned 2^64-1", uint64s(math.MaxUint64), "6e 08 00 ff*8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.want)
			e := etf.NewEncoder(make([]byte, len(want)))
			tt.append(&e)
			if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(e.Bytes())); diff != "" {
				t.Error(diff)
			}
			if e.Overflow() || e.Free() != 0 || e.Len() != len(want) {
				t.Errorf("overflow %v, free %d, length %d", e.Overflow(), e.Free(), e.Len())
			}

			// One byte too small: nothing is appended, and nothing after it.
			e = etf.NewEncoder(make([]byte, len(want)-1))
			tt.append(&e)
			if !e.Overflow() || e.Len() != 0 || e.Free() != 0 {
				t.Errorf("one byte too small: overflow %v, length %d, free %d", e.Overflow(), e.Len(), e.Free())
			}
			if len(want) > 1 {
				e.Nil()
				if e.Len() != 0 {
					t.Error("appended after an overflow")
				}
			}
		})
	}
}

// TestReset starts over with another limit and forgets the overflow.
func TestReset(t *testing.T) {
	t.Parallel()
	memory := make([]byte, 8)
	e := etf.NewEncoder(memory)
	e.Binary(make([]byte, 8))
	if !e.Overflow() {
		t.Fatal("13 bytes fit into 8")
	}
	e.Reset(3)
	e.Int(7)
	if e.Overflow() || e.Free() != 1 || hex.EncodeToString(e.Bytes()) != "6107" {
		t.Errorf("after Reset(3): %x, overflow %v, free %d", e.Bytes(), e.Overflow(), e.Free())
	}
	e.Int(7)
	if !e.Overflow() || e.Len() != 2 {
		t.Errorf("two more bytes: length %d, overflow %v", e.Len(), e.Overflow())
	}
	e.Reset(8)
	if e.Free() != 8 || e.Len() != 0 {
		t.Errorf("after Reset(8): free %d, length %d", e.Free(), e.Len())
	}
}

// TestBinaryOfOverflow gives no place for what does not fit.
func TestBinaryOfOverflow(t *testing.T) {
	t.Parallel()
	e := etf.NewEncoder(make([]byte, 9))
	if p := e.BinaryOf(5); p != nil {
		t.Errorf("place of %d bytes", len(p))
	}
	e.Reset(9)
	p := e.BinaryOf(4)
	if len(p) != 4 {
		t.Fatalf("place of %d bytes, want 4", len(p))
	}
	p[3] = 0xee
	if e.Bytes()[8] != 0xee {
		t.Error("the place is not in the buffer")
	}
}

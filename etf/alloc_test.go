package etf_test

import (
	"testing"

	"alcove/etf"
)

// TestNothingAllocates runs every method of both types: the event loop has no
// collector.
func TestNothingAllocates(t *testing.T) {
	term := unhex(t, "83 68 0a 61 07 62 ff ff ff ff 6e 08 00 ff*8 6f 00 00 00 01 00 07"+
		" 77 02 6f 6b 76 00 02 c3 bf 6d 00 00 00 01 41 6b 00 01 41"+
		" 6c 00 00 00 02 61 41 6c 00 00 00 01 6d 00 00 00 01 42 6a 6a 6a")
	var (
		atom  [etf.MaxAtom]byte
		dst   [100]byte
		reply [1000]byte
		e     = etf.NewEncoder(reply[:])
		good  = true
	)
	check := func(ok bool) { good = good && ok }
	n := testing.AllocsPerRun(1000, func() {
		d := etf.NewDecoder(term)
		check(d.Version())
		_, ok := d.Tuple()
		check(ok)
		_, ok = d.Small()
		check(ok)
		_, ok = d.Int32()
		check(ok)
		_, ok = d.Uint64()
		check(ok)
		_, ok = d.Uint32()
		check(ok)
		_, ok = d.Atom(&atom)
		check(ok)
		_, ok = d.Atom(&atom)
		check(ok)
		_, ok = d.Binary()
		check(ok)
		_, ok = d.String()
		check(ok)
		_, ok = d.Iodata(dst[:])
		check(ok)
		check(d.Nil() && len(d.Rest()) == 0)

		e.Reset(len(reply))
		e.Version()
		e.Tuple(7)
		e.Atom("ok")
		e.Int(-1 << 40)
		e.Uint(1 << 63)
		e.Binary(dst[:])
		e.BinaryString("1.0.1")
		e.Cell()
		e.Nil()
		e.Nil()
		e.List(1)
		check(!e.Overflow())
	})
	if !good {
		t.Error("a method failed")
	}
	if n != 0 {
		t.Errorf("%v allocations a run", n)
	}
}

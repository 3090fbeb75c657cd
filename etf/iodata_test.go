package etf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nest puts a term into n lists of one element.
func nest(n int, term string) string {
	return strings.Repeat("6c 00 00 00 01 ", n) + term + strings.Repeat(" 6a", n)
}

// TestIodata holds the decoder to wire.md §4.5. size is the room for the bytes,
// 100 where it does not matter.
func TestIodata(t *testing.T) {
	t.Parallel()
	type result struct {
		Text string
		OK   bool
		Rest int
	}
	is := func(v string) result { return result{v, true, 0} }
	refused := result{}
	tests := []struct {
		name string
		size int
		in   string
		want result
	}{
		{"empty binary", 100, "6d 00 00 00 00", is("")},
		{"empty list", 100, "6a", is("")},
		{"empty string", 100, "6b 00 00", is("")},
		{"list header without elements", 100, "6c 00 00 00 00 6a", is("")},
		{"binary", 100, "6d 00 00 00 02 00 ff", is("\x00\xff")},
		{"string", 100, "6b 00 02 00 ff", is("\x00\xff")},
		{"rest stays", 100, "6d 00 00 00 01 41 61 01", result{"A", true, 2}},
		{"rest behind a list stays", 100, "6c 00 00 00 01 61 41 6a 6a", result{"A", true, 1}},
		{"list of all kinds", 100,
			"6c 00 00 00 05 61 41 6d 00 00 00 01 42 6b 00 01 43 6a 6c 00 00 00 01 61 44 6a 6a", is("ABCD")},
		{"two lists in a list", 100,
			"6c 00 00 00 02 6c 00 00 00 01 61 41 6a 6c 00 00 00 02 61 42 61 43 6a 6a", is("ABC")},
		{"element behind a nested list", 100, "6c 00 00 00 02 6c 00 00 00 01 61 41 6a 61 42 6a", is("AB")},
		{"tail is a list header without elements", 100, "6c 00 00 00 01 61 41 6c 00 00 00 00 6a", is("A")},

		{"byte at the top", 100, "61 41", refused},
		{"32-bit integer", 100, "62 00 00 00 41", refused},
		{"32-bit integer in a list", 100, "6c 00 00 00 01 62 00 00 00 41 6a", refused},
		{"big in a list", 100, "6c 00 00 00 01 6e 01 00 41 6a", refused},
		{"atom", 100, "77 01 61", refused},
		{"atom in a list", 100, "6c 00 00 00 01 77 01 61 6a", refused},
		{"tuple in a list", 100, "6c 00 00 00 01 68 00 6a", refused},
		{"improper, binary tail", 100, "6c 00 00 00 01 61 41 6d 00 00 00 01 42", refused},
		{"improper, string tail", 100, "6c 00 00 00 01 61 41 6b 00 01 42", refused},
		{"improper, byte tail", 100, "6c 00 00 00 01 61 41 61 42", refused},
		{"tail is a list", 100, "6c 00 00 00 01 61 41 6c 00 00 00 01 61 42 6a", refused},
		{"tail missing", 100, "6c 00 00 00 01 61 41", refused},
		{"elements missing", 100, "6c 00 00 00 03 61 41 6a", refused},
		{"more elements than bytes", 100, "6c 00 00 00 09 61 41 6a", refused},
		{"nothing", 100, "", refused},
		{"binary cut", 100, "6d 00 00 00 02 41", refused},
		{"string cut", 100, "6b 00 02 41", refused},
		{"byte cut", 100, "6c 00 00 00 01 61", refused},

		{"16 lists around a binary", 100, nest(16, "6d 00 00 00 01 41"), is("A")},
		{"17 lists around a binary", 100, nest(17, "6d 00 00 00 01 41"), refused},
		{"16 lists around a string", 100, nest(16, "6b 00 01 41"), is("A")},
		{"17 lists around a string", 100, nest(17, "6b 00 01 41"), refused},
		{"16 lists around a byte", 100, nest(16, "61 41"), is("A")},
		{"17 lists around a byte", 100, nest(17, "61 41"), refused},
		{"16 lists around an empty list", 100, nest(16, "6a"), is("")},
		{"17 lists around an empty list", 100, nest(17, "6a"), refused},
		{"200 lists", 100, nest(200, "6a"), refused},

		{"binary fills", 4, "6d 00 00 00 04 41*4", is("AAAA")},
		{"binary too long", 4, "6d 00 00 00 05 41*5", refused},
		{"string leaves a byte", 4, "6b 00 03 41*3", is("AAA")},
		{"string fills", 4, "6b 00 04 41*4", refused},
		{"full, then nothing", 4, "6c 00 00 00 01 6d 00 00 00 04 41*4 6a", is("AAAA")},
		{"full, then an empty binary", 4, "6c 00 00 00 02 6d 00 00 00 04 41*4 6d 00 00 00 00 6a", refused},
		{"full, then an empty list", 4, "6c 00 00 00 02 6d 00 00 00 04 41*4 6a 6a", refused},
		{"full, then an empty string", 4, "6c 00 00 00 02 6d 00 00 00 04 41*4 6b 00 00 6a", refused},
		{"full inside, then an element outside", 4,
			"6c 00 00 00 02 6c 00 00 00 01 6d 00 00 00 04 41*4 6a 6a 6a", refused},
		{"empty, then full", 4, "6c 00 00 00 02 6d 00 00 00 00 6d 00 00 00 04 41*4 6a", is("AAAA")},
		{"three bytes and one", 4, "6c 00 00 00 02 6d 00 00 00 03 41*3 61 42 6a", is("AAAB")},
		{"string, then binary that fills", 4, "6c 00 00 00 02 6b 00 03 41*3 6d 00 00 00 01 42 6a", is("AAAB")},
		{"binary, then string that fills", 4, "6c 00 00 00 02 6d 00 00 00 01 42 6b 00 03 41*3 6a", refused},
		{"binary, then string that leaves a byte", 4, "6c 00 00 00 02 6d 00 00 00 01 42 6b 00 02 41*2 6a", is("BAA")},
		{"bytes fill", 2, "6c 00 00 00 02 61 41 61 42 6a", is("AB")},
		{"bytes too many", 2, "6c 00 00 00 03 61 41 61 42 61 43 6a", refused},

		{"no room, empty binary", 0, "6d 00 00 00 00", is("")},
		{"no room, empty list", 0, "6a", is("")},
		{"no room, empty string", 0, "6b 00 00", refused},
		{"no room, element", 0, "6c 00 00 00 01 6d 00 00 00 00 6a", refused},

		{"path, binary of 4095", 4095, "6d 00 00 0f ff 2f*4095", is(strings.Repeat("/", 4095))},
		{"path, binary of 4096", 4095, "6d 00 00 10 00 2f*4096", refused},
		{"path, string of 4094", 4095, "6b 0f fe 2f*4094", is(strings.Repeat("/", 4094))},
		{"path, string of 4095", 4095, "6b 0f ff 2f*4095", refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const guard = 0xa5
			memory := make([]byte, tt.size+1)
			memory[tt.size] = guard
			d := decoder(t, tt.in)
			var got result
			if n, ok := d.Iodata(memory[:tt.size]); ok {
				got = result{string(memory[:n]), true, len(d.Rest())}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if memory[tt.size] != guard {
				t.Error("wrote behind the end of the destination")
			}
		})
	}
}

package etf_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alcove/etf"
)

// integers is what each integer method makes of a term; "" where it refuses.
type integers struct{ Small, Int32, Uint32, Int64, Uint64 string }

// decodeIntegers tries every method on a decoder of its own and demands that a
// method which accepts consumes all of b.
func decodeIntegers(t *testing.T, b []byte) integers {
	t.Helper()
	signed := func(v int64, d etf.Decoder, ok bool) string {
		if !ok {
			return ""
		}
		if len(d.Rest()) != 0 {
			t.Errorf("%x: %d bytes left", b, len(d.Rest()))
		}
		return strconv.FormatInt(v, 10)
	}
	unsigned := func(v uint64, d etf.Decoder, ok bool) string {
		if !ok {
			return ""
		}
		if len(d.Rest()) != 0 {
			t.Errorf("%x: %d bytes left", b, len(d.Rest()))
		}
		return strconv.FormatUint(v, 10)
	}
	var r integers
	d := etf.NewDecoder(fenced(b))
	s, ok := d.Small()
	r.Small = signed(int64(s), d, ok)
	d = etf.NewDecoder(fenced(b))
	i32, ok := d.Int32()
	r.Int32 = signed(int64(i32), d, ok)
	d = etf.NewDecoder(fenced(b))
	u32, ok := d.Uint32()
	r.Uint32 = unsigned(uint64(u32), d, ok)
	d = etf.NewDecoder(fenced(b))
	i64, ok := d.Int64()
	r.Int64 = signed(i64, d, ok)
	d = etf.NewDecoder(fenced(b))
	u64, ok := d.Uint64()
	r.Uint64 = unsigned(u64, d, ok)
	return r
}

// all is a value that every method accepts, wide one that needs more than the
// small forms but fits everywhere else.
func all(v string) integers  { return integers{v, v, v, v, v} }
func wide(v string) integers { return integers{"", v, v, v, v} }

// TestIntegerForms holds the decoder to the ranges of wire.md §4.2.
func TestIntegerForms(t *testing.T) {
	t.Parallel()
	none := integers{}
	tests := []struct {
		name, in string
		want     integers
	}{
		{"one byte, least", "61 00", all("0")},
		{"one byte, greatest", "61 ff", all("255")},
		{"32 bits, 0", "62 00 00 00 00", all("0")},
		{"32 bits, 256", "62 00 00 01 00", all("256")},
		{"32 bits, 2^27-1", "62 07 ff ff ff", all("134217727")},
		{"32 bits, 2^27", "62 08 00 00 00", all("134217728")},
		{"32 bits, 2^31-1", "62 7f ff ff ff", all("2147483647")},
		{"32 bits, -1", "62 ff ff ff ff", integers{"-1", "-1", "", "-1", ""}},
		{"32 bits, -2^31", "62 80 00 00 00", integers{"-2147483648", "-2147483648", "", "-2147483648", ""}},

		{"big of no digits", "6e 00 00", wide("0")},
		{"big zero", "6e 01 00 00", wide("0")},
		{"big minus zero", "6e 00 01", integers{Int32: "0", Int64: "0"}},
		{"big minus zero with digits", "6e 02 01 00 00", integers{Int32: "0", Int64: "0"}},
		{"big 1", "6e 01 00 01", wide("1")},
		{"big -1", "6e 01 01 01", integers{Int32: "-1", Int64: "-1"}},
		{"big -1, sign 255", "6e 01 ff 01", integers{Int32: "-1", Int64: "-1"}},
		{"big 2^31-1", "6e 04 00 ff ff ff 7f", wide("2147483647")},
		{"big 2^31", "6e 04 00 00 00 00 80", integers{Uint32: "2147483648", Int64: "2147483648", Uint64: "2147483648"}},
		{"big -2^31", "6e 04 01 00 00 00 80", integers{Int32: "-2147483648", Int64: "-2147483648"}},
		{"big -2^31-1", "6e 04 01 01 00 00 80", integers{Int64: "-2147483649"}},
		{"big 2^32-1", "6e 04 00 ff ff ff ff", integers{Uint32: "4294967295", Int64: "4294967295", Uint64: "4294967295"}},
		{"big 2^32", "6e 05 00 00 00 00 00 01", integers{Int64: "4294967296", Uint64: "4294967296"}},
		{"big 2^63-1", "6e 08 00 ff*7 7f", integers{Int64: "9223372036854775807", Uint64: "9223372036854775807"}},
		{"big 2^63", "6e 08 00 00*7 80", integers{Uint64: "9223372036854775808"}},
		{"big -2^63", "6e 08 01 00*7 80", integers{Int64: "-9223372036854775808"}},
		{"big -2^63-1", "6e 08 01 01 00*6 80", none},
		{"big 2^64-1", "6e 08 00 ff*8", integers{Uint64: "18446744073709551615"}},
		{"big -(2^64-1)", "6e 08 01 ff*8", none},
		{"big 2^64", "6e 09 00 00*8 01", none},
		{"big with a zero ninth byte", "6e 09 00 ff*8 00", integers{Uint64: "18446744073709551615"}},
		{"big of 255 digits, all but one zero", "6e ff 00 07 00*254", wide("7")},
		{"big of 255 digits, last not zero", "6e ff 00 07 00*253 01", none},

		{"large big of no digits", "6f 00 00 00 00 00", wide("0")},
		{"large big 2^31-1", "6f 00 00 00 04 00 ff ff ff 7f", wide("2147483647")},
		{"large big -2^63", "6f 00 00 00 08 01 00*7 80", integers{Int64: "-9223372036854775808"}},
		{"large big 2^64-1", "6f 00 00 00 08 00 ff*8", integers{Uint64: "18446744073709551615"}},
		{"large big with leading zeros", "6f 00 00 01 00 00 09 00*255", wide("9")},
		{"large big too large", "6f 00 00 01 00 00 09 00*254 01", none},

		{"nothing", "", none},
		{"tag alone", "61", none},
		{"32 bits, cut", "62 00 00 00", none},
		{"big without length", "6e", none},
		{"big without sign", "6e 00", none},
		{"big without digits", "6e 01 00", none},
		{"big, digits cut", "6e 04 00 ff ff ff", none},
		{"large big, length cut", "6f 00 00 00", none},
		{"large big without sign", "6f 00 00 00 00", none},
		{"large big, digits cut", "6f 00 00 00 02 00 01", none},
		{"large big, top bit of length", "6f 80 00 00 00 00 01", none},
		{"large big, all bits of length", "6f ff ff ff ff 00 01", none},
		{"float", "46 3f f0 00 00 00 00 00 00", none},
		{"binary", "6d 00 00 00 01 01", none},
		{"empty list", "6a", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decodeIntegers(t, unhex(t, tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAtomForms holds the decoder to wire.md §4.3.
func TestAtomForms(t *testing.T) {
	t.Parallel()
	type result struct {
		Text string
		OK   bool
		Rest int
	}
	a := func(text string, rest int) result { return result{text, true, rest} }
	refused := result{}
	tests := []struct {
		name, in string
		want     result
	}{
		{"latin1, short", "73 02 6f 6b", a("ok", 0)},
		{"latin1, long", "64 00 02 6f 6b", a("ok", 0)},
		{"utf8, short", "77 02 6f 6b", a("ok", 0)},
		{"utf8, long", "76 00 02 6f 6b", a("ok", 0)},
		{"rest stays", "77 02 6f 6b 61 01", a("ok", 2)},
		{"empty, latin1 short", "73 00", a("", 0)},
		{"empty, latin1 long", "64 00 00", a("", 0)},
		{"empty, utf8 short", "77 00", a("", 0)},
		{"empty, utf8 long", "76 00 00", a("", 0)},
		{"zero byte inside", "77 03 61 00 62", a("a\x00b", 0)},
		{"latin1 bytes above 127", "73 02 80 ff", a("\x80\xff", 0)},
		{"latin1, invalid utf8 is fine", "64 00 02 c3 28", a("\xc3\x28", 0)},
		{"utf8 for 128", "77 02 c2 80", a("\x80", 0)},
		{"utf8 for 191", "77 02 c2 bf", a("\xbf", 0)},
		{"utf8 for 192", "77 02 c3 80", a("\xc0", 0)},
		{"utf8 for 255", "77 02 c3 bf", a("\xff", 0)},
		{"utf8 for 256", "77 02 c4 80", refused},
		{"utf8, three bytes", "77 03 e2 82 ac", refused},
		{"utf8, four bytes", "77 04 f0 9f 98 80", refused},
		{"utf8, overlong slash", "77 02 c0 af", refused},
		{"utf8, overlong delete", "77 02 c1 bf", refused},
		{"utf8, continuation alone", "77 01 80", refused},
		{"utf8, lead at the end", "77 01 c3", refused},
		{"utf8, lead at the end of the text, term goes on", "77 01 c3 bf", refused},
		{"utf8, lead without continuation", "77 02 c3 41", refused},
		{"utf8, lead twice", "77 02 c3 c3", refused},
		{"255 characters, latin1 short", "73 ff 61*255", a(strings.Repeat("a", 255), 0)},
		{"255 characters, latin1 long", "64 00 ff 61*255", a(strings.Repeat("a", 255), 0)},
		{"256 characters, latin1 long", "64 01 00 61*256", refused},
		{"255 characters, utf8 short", "77 ff 61*255", a(strings.Repeat("a", 255), 0)},
		{"255 characters, utf8 long", "76 00 ff 61*255", a(strings.Repeat("a", 255), 0)},
		{"256 characters, utf8 long", "76 01 00 61*256", refused},
		{"255 characters in 510 bytes", "76 01 fe c3bf*255", a(strings.Repeat("\xff", 255), 0)},
		{"256 characters in 512 bytes", "76 02 00 c3bf*256", refused},
		{"255 characters and half of one", "76 01 ff c3bf*255 c3", refused},
		{"nothing", "", refused},
		{"tag alone, latin1", "73", refused},
		{"tag alone, latin1 long", "64 00", refused},
		{"tag alone, utf8", "77", refused},
		{"tag alone, utf8 long", "76 00", refused},
		{"text cut, latin1", "73 02 6f", refused},
		{"text cut, latin1 long", "64 00 02 6f", refused},
		{"text cut, utf8", "77 02 6f", refused},
		{"text cut, utf8 long", "76 00 02 6f", refused},
		{"cache reference", "52 00", refused},
		{"string", "6b 00 02 6f 6b", refused},
		{"binary", "6d 00 00 00 02 6f 6b", refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf [etf.MaxAtom]byte
			var got result
			d := decoder(t, tt.in)
			if text, ok := d.Atom(&buf); ok {
				got = result{string(text), true, len(d.Rest())}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHeadersAndBytes covers the other terms of wire.md §4.4: tuples, lists,
// binaries, strings and the empty list. A value is the text or the number of
// elements.
func TestHeadersAndBytes(t *testing.T) {
	t.Parallel()
	type result struct {
		Value string
		OK    bool
		Rest  int
	}
	methods := map[string]func(*etf.Decoder) (string, bool){
		"Tuple":  func(d *etf.Decoder) (string, bool) { n, ok := d.Tuple(); return strconv.Itoa(n), ok },
		"List":   func(d *etf.Decoder) (string, bool) { n, ok := d.List(); return strconv.Itoa(n), ok },
		"Nil":    func(d *etf.Decoder) (string, bool) { return "", d.Nil() },
		"Binary": func(d *etf.Decoder) (string, bool) { v, ok := d.Binary(); return string(v), ok },
		"String": func(d *etf.Decoder) (string, bool) { v, ok := d.String(); return string(v), ok },
		"Version": func(d *etf.Decoder) (string, bool) {
			return "", d.Version()
		},
	}
	is := func(v string, rest int) result { return result{v, true, rest} }
	refused := result{}
	tests := []struct {
		method, in string
		want       result
	}{
		{"Version", "83", is("", 0)},
		{"Version", "83 61 01", is("", 2)},
		{"Version", "82", refused},
		{"Version", "", refused},

		{"Tuple", "68 00", is("0", 0)},
		{"Tuple", "68 02 61 01 6a", is("2", 3)},
		{"Tuple", "68 ff 6a*255", is("255", 255)},
		{"Tuple", "69 00 00 00 00", is("0", 0)},
		{"Tuple", "69 00 00 00 01 6a", is("1", 1)},
		{"Tuple", "69 00 00 01 00 6a*256", is("256", 256)},
		// Each element takes a byte: what cannot be there is refused at once.
		{"Tuple", "68 02 6a", refused},
		{"Tuple", "68 ff 6a*254", refused},
		{"Tuple", "69 00 00 00 02 6a", refused},
		{"Tuple", "69 7f ff ff ff 6a", refused},
		{"Tuple", "69 80 00 00 00 6a", refused},
		{"Tuple", "69 ff ff ff ff 6a", refused},
		{"Tuple", "68", refused},
		{"Tuple", "69 00 00 00", refused},
		{"Tuple", "", refused},
		{"Tuple", "6a", refused},
		{"Tuple", "6c 00 00 00 01 61 01 6a", refused},

		{"List", "6a", is("0", 0)},
		{"List", "6a 61 01", is("0", 2)},
		{"List", "6c 00 00 00 01 61 01 6a", is("1", 3)},
		{"List", "6c 00 00 01 00 6a*257", is("256", 257)},
		// A header without elements counts as the empty list with its tail.
		{"List", "6c 00 00 00 00 6a", is("0", 0)},
		{"List", "6c 00 00 00 00 6a 6a", is("0", 1)},
		{"List", "6c 00 00 00 00", refused},
		{"List", "6c 00 00 00 00 61 01", refused},
		{"List", "6c 00 00 00 02 6a", refused},
		{"List", "6c 7f ff ff ff 6a", refused},
		{"List", "6c 80 00 00 00 6a", refused},
		{"List", "6c 00 00 00", refused},
		{"List", "6c", refused},
		{"List", "", refused},
		{"List", "6b 00 01 61", refused},
		{"List", "68 00", refused},

		{"Nil", "6a", is("", 0)},
		{"Nil", "6a 6a", is("", 1)},
		{"Nil", "6c 00 00 00 00 6a", refused},
		{"Nil", "6b 00 00", refused},
		{"Nil", "", refused},

		{"Binary", "6d 00 00 00 00", is("", 0)},
		{"Binary", "6d 00 00 00 03 00 01 ff", is("\x00\x01\xff", 0)},
		{"Binary", "6d 00 00 00 01 00 61", is("\x00", 1)},
		{"Binary", "6d 00 01 00 00 41*65536", is(strings.Repeat("A", 65536), 0)},
		{"Binary", "6d 00 00 00 02 00", refused},
		{"Binary", "6d 7f ff ff ff 00", refused},
		{"Binary", "6d 80 00 00 00 00", refused},
		{"Binary", "6d ff ff ff ff 00", refused},
		{"Binary", "6d 00 00 00", refused},
		{"Binary", "6d", refused},
		{"Binary", "", refused},
		{"Binary", "4d 00 00 00 01 03 a0", refused},
		{"Binary", "6b 00 01 41", refused},

		{"String", "6b 00 00", is("", 0)},
		{"String", "6b 00 03 00 80 ff", is("\x00\x80\xff", 0)},
		{"String", "6b 00 01 41 42", is("A", 1)},
		{"String", "6b ff ff 41*65535", is(strings.Repeat("A", 65535), 0)},
		{"String", "6b 00 02 41", refused},
		{"String", "6b 00", refused},
		{"String", "6b", refused},
		{"String", "", refused},
		{"String", "6a", refused},
		{"String", "6c 00 00 00 01 61 41 6a", refused},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+short(tt.in), func(t *testing.T) {
			d := decoder(t, tt.in)
			var got result
			if v, ok := methods[tt.method](&d); ok {
				got = result{v, true, len(d.Rest())}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40]
	}
	return s
}

// TestPeek sees the tag and consumes nothing.
func TestPeek(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		d := etf.NewDecoder([]byte{byte(b), 1})
		if got := d.Peek(); got != etf.Tag(b) {
			t.Errorf("tag %d: Peek is %d", b, got)
		}
		if len(d.Rest()) != 2 {
			t.Errorf("tag %d: Peek consumed %d bytes", b, 2-len(d.Rest()))
		}
	}
	var d etf.Decoder
	if d.Peek() != 0 || len(d.Rest()) != 0 {
		t.Errorf("zero decoder: tag %d, %d bytes", d.Peek(), len(d.Rest()))
	}
}

// foreign are whole terms whose tags the protocol does not have (wire.md §4.1).
var foreign = map[string]string{
	"float":               "46 3f f8 00 00 00 00 00 00",
	"old float":           "63 31*31",
	"map":                 "74 00 00 00 00",
	"bit binary":          "4d 00 00 00 01 03 a0",
	"pid":                 "67 77 01 61 00 00 00 01 00 00 00 00 00",
	"new pid":             "58 77 01 61 00 00 00 01 00 00 00 00 00 00 00 00",
	"port":                "66 77 01 61 00 00 00 01 00",
	"new port":            "59 77 01 61 00 00 00 01 00 00 00 00",
	"v4 port":             "78 77 01 61 00 00 00 00 00 00 00 01 00 00 00 00",
	"reference":           "72 00 01 77 01 61 00 00 00 00 01",
	"newer reference":     "5a 00 01 77 01 61 00 00 00 00 00 00 00 01",
	"export":              "71 77 01 61 77 01 62 61 00",
	"function":            "70 00 00 00 04",
	"compressed":          "50 00 00 00 02 78 9c 4b 64 04 00 00 c5 00 63",
	"cache reference":     "52 00",
	"local":               "79 00 00 00 00 00 00 00 00 61 01",
	"distribution header": "44 00",
	"version byte":        "83 61 01",
}

// TestForeignTagsAreRefused tries every method on every term that is none of the
// protocol's.
func TestForeignTagsAreRefused(t *testing.T) {
	t.Parallel()
	for name, in := range foreign {
		t.Run(name, func(t *testing.T) {
			if accepted := accepting(unhex(t, in)); len(accepted) > 0 {
				t.Errorf("accepted by %v", accepted)
			}
			d := decoder(t, "6c 00 00 00 01 "+in+" 6a")
			if _, ok := d.Iodata(make([]byte, 100)); ok {
				t.Error("accepted inside an iolist")
			}
		})
	}
}

// TestTagsOutsideTheTable: a byte that is no tag of the protocol is refused
// whatever follows it.
func TestTagsOutsideTheTable(t *testing.T) {
	t.Parallel()
	known := "\x61\x62\x64\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f\x73\x76\x77"
	for b := range 256 {
		// No length, no elements; an empty list where a tail may be due.
		term := make([]byte, 64)
		term[0], term[5] = byte(b), byte(etf.Nil)
		accepted := accepting(term)
		if strings.IndexByte(known, byte(b)) >= 0 {
			if len(accepted) == 0 {
				t.Errorf("tag %d is accepted nowhere", b)
			}
			continue
		}
		if len(accepted) > 0 {
			t.Errorf("tag %d is accepted by %v", b, accepted)
		}
	}
}

// accepting is the methods that take the term at the beginning of b.
func accepting(b []byte) []string {
	var names []string
	for _, m := range termMethods {
		d := etf.NewDecoder(fenced(b))
		if m.decode(&d) {
			names = append(names, m.name)
		}
	}
	return names
}

// termMethods are all methods that consume a term or its header.
var termMethods = []struct {
	name   string
	decode func(*etf.Decoder) bool
}{
	{"Tuple", func(d *etf.Decoder) bool { _, ok := d.Tuple(); return ok }},
	{"List", func(d *etf.Decoder) bool { _, ok := d.List(); return ok }},
	{"Nil", func(d *etf.Decoder) bool { return d.Nil() }},
	{"Binary", func(d *etf.Decoder) bool { _, ok := d.Binary(); return ok }},
	{"String", func(d *etf.Decoder) bool { _, ok := d.String(); return ok }},
	{"Small", func(d *etf.Decoder) bool { _, ok := d.Small(); return ok }},
	{"Int32", func(d *etf.Decoder) bool { _, ok := d.Int32(); return ok }},
	{"Uint32", func(d *etf.Decoder) bool { _, ok := d.Uint32(); return ok }},
	{"Int64", func(d *etf.Decoder) bool { _, ok := d.Int64(); return ok }},
	{"Uint64", func(d *etf.Decoder) bool { _, ok := d.Uint64(); return ok }},
	{"Atom", func(d *etf.Decoder) bool {
		var buf [etf.MaxAtom]byte
		_, ok := d.Atom(&buf)
		return ok
	}},
	{"Iodata", func(d *etf.Decoder) bool {
		var dst [1 << 16]byte
		_, ok := d.Iodata(dst[:])
		return ok
	}},
}

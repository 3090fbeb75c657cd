package porttest

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Bytes that term_to_binary of OTP 25 gives for the terms.
func TestEncode(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`ok`, "77026f6b"}, {`0`, "6100"}, {`255`, "61ff"}, {`256`, "6200000100"}, {`-1`, "62ffffffff"}, {`2147483647`, "627fffffff"},
		{`2147483648`, "6e040000000080"}, {`1 bsl 64`, "6e0900000000000000000001"}, {`-2147483649`, "6e040101000080"},
		{`<<"ab",1:16/big,-1>>`, "6d000000056162" + "0001ff"}, {`"abc"`, "6b0003616263"}, {`""`, "6a"}, {`[]`, "6a"}, {`[1,2]`, "6b00020102"},
		{`[a,1]`, "6c00000002" + "770161" + "6101" + "6a"}, {`[a|b]`, "6c00000001" + "770161" + "770162"}, {`{a,{}}`, "6802" + "770161" + "6800"},
		{`<<"x"...(4 bytes)>>`, "6d0000000478787878"}, {`#6201#`, "6201"}, {`[$a,16#10]`, "6b00026110"}, {`8#17 bor 16#f0`, "61ff"},
	} {
		v, err := ParseTerm(c.text, nil)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := hex.EncodeToString(Encode(v)); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{``, `{a`, `[a|b`, `"open`, `<<300:7>>`, `a b`, `16#xyz`, `...`, `<<"x">>...(0 bytes)`} {
		if v, err := ParseTerm(text, nil); err == nil {
			t.Errorf("%q is %s", text, Text(v))
		}
	}
}

// The decoder takes what wire.md §4.9 says is sent, and nothing else.
func TestDecode(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  any // nil: refused
	}{
		{"8377026f6b", Atom("ok")}, {"8361ff", int64(255)}, {"836200000100", int64(256)}, {"8362ffffffff", int64(-1)},
		{"836e040000000008", int64(1 << 27)}, {"836e0800ffffffffffffffff", uint64(1<<64 - 1)}, {"836a", List{}},
		{"836c00000001610b6c00000001610c6a", List{int64(11), int64(12)}}, {"836c00000002610b610c6a", List{int64(11), int64(12)}},
		{"8368026a6d0000000161", Tuple{List{}, Bin("a")}},
		{"", nil}, {"6a", nil}, {"836a6a", nil}, {"8362000000ff", nil}, {"836208000000", nil}, {"836e0400ffffff07", nil}, {"836e02000100", nil},
		{"8364000161", nil}, {"836b000161", nil}, {"836c000000016101", nil}, {"836c0000000161016102", nil}, {"8368026a", nil}, {"836d0000000261", nil},
	} {
		b, err := hex.DecodeString(c.bytes)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if refused := c.want == nil; refused != (err != nil) {
			t.Errorf("%s: %v, %v", c.bytes, got, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.bytes, diff)
		}
	}
}

func TestMatch(t *testing.T) {
	got := Tuple{Atom("ok"), int64(7), List{int64('a'), int64('b')}, int64(7)}
	for pattern, fits := range map[string]bool{
		`{ok,7,"ab",7}`: true, `{ok,_,_,_}`: true, `{ok,N,_,N}`: true, `{ok,N,N,_}`: false, `{ok,7,"ab"}`: false, `{ok,8,"ab",7}`: false,
	} {
		want, err := ParseTerm(pattern, nil)
		if err != nil {
			t.Fatal(err)
		}
		if Match(want, got, Vars{}) != fits {
			t.Errorf("%s fits %s: %v", pattern, Text(got), !fits)
		}
	}
}

func TestFrames(t *testing.T) {
	inner := Request("getpid")
	if diff := cmp.Diff([]byte{0, 7, 0, 4, 0, 36, 0x83, 0x68, 0}, inner); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	want, _ := hex.DecodeString("001700000000000a" + "000f00000000000b" + "00070004002483" + "6800")
	if diff := cmp.Diff(want, Wrap(Path{10, 11}, inner)); diff != "" {
		t.Errorf("wrapped (-want +got):\n%s", diff)
	}
	outer, _ := hex.DecodeString("00100003" + "0000000a" + "00080001" + "0000000b" + "6f0a")
	f, err := ParseFrame(outer)
	if err != nil || f.Type != TypeStdout || string(f.Payload) != "o\n" || f.Path.String() != "[10,11]" {
		t.Errorf("%v, %v", f, err)
	}
	for _, bad := range []string{"0000", "000300", "0005000400", "0004000300000000"} {
		b, _ := hex.DecodeString(bad)
		if f, err := ParseFrame(b); err == nil {
			t.Errorf("%s is %v", bad, f)
		}
	}
}

package calls

import (
	"bytes"
	"testing"

	"alcove/etf"
)

// TestChecksInOrder follows calls.md §1: the first check that fails decides.
func TestChecksInOrder(t *testing.T) {
	filtered := newProcess(t)
	// version, unveil, and a number that no call has
	all := bytes.Repeat([]byte{0xff}, 16)
	if got := reply(t, filtered, "filter", all, []byte{}); got != "ok" {
		t.Fatal(got)
	}
	open := newProcess(t)
	tests := []struct {
		name   string
		p      *Process
		number uint16
		term   raw
		want   string
	}{
		{"no such call", open, 100, "83 68 00", "badarg"},
		{"highest number", open, 65535, "83 68 00", "badarg"},
		{"no such call, filter bit set", filtered, 100, "83 68 00", "badarg"},
		{"no such call, filter bit set, highest", filtered, 127, "83 68 00", "badarg"},
		{"filtered", filtered, 97, "83 68 00", "undef"},
		{"filtered, nonsense", filtered, 97, "ff", "undef"},
		{"filtered, nothing", filtered, 97, "", "undef"},
		{"filtered, wrong arity", filtered, 97, "83 68 01 61 00", "undef"},
		{"filtered, absent", filtered, 96, "83 68 00", "undef"},
		{"nothing", open, 97, "", "badarg"},
		{"version byte alone", open, 97, "83", "badarg"},
		{"no version byte", open, 97, "68 00", "badarg"},
		{"wrong version byte", open, 97, "82 68 00", "badarg"},
		{"no tuple", open, 97, "83 6a", "badarg"},
		{"list", open, 97, "83 6c 00 00 00 01 61 00 6a", "badarg"},
		{"tuple without arity", open, 97, "83 68", "badarg"},
		{"large tuple, arity cut", open, 97, "83 69 00 00", "badarg"},
		{"good", open, 97, "83 68 00", `"1.0.1"`},
		{"large tuple", open, 97, "83 69 00 00 00 00", `"1.0.1"`},
		{"bytes behind", open, 97, "83 68 00 ff ff ff", `"1.0.1"`},
		{"too many arguments", open, 97, "83 68 01 61 00", "badarg"},
		{"too few arguments", open, 19, "83 68 00", "badarg"},
		{"absent", open, 96, "83 68 02 6a 6a", "undef"},
		{"absent, arguments cut", open, 96, "83 68 02 ff ff", "undef"},
		{"absent, wrong arity", open, 96, "83 68 01 6a", "badarg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if outcome := tt.p.Call(tt.number, bytesOf(t, tt.term)); outcome != Replied {
				t.Fatalf("outcome %d", outcome)
			}
			if got := show(tt.p.Reply.Bytes()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestAbsentCalls answer undef after the arity check and nothing else.
func TestAbsentCalls(t *testing.T) {
	p := newProcess(t)
	absent := map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true,
		46: true, 47: true, 48: true, 58: true, 61: true, 96: true}
	if len(table) != 100 {
		t.Fatalf("%d calls", len(table))
	}
	for i, c := range table {
		if absent[i] != (c.run == nil) {
			t.Errorf("%s: absent %v", c.name, c.run == nil)
		}
		if c.run != nil {
			continue
		}
		arguments := make(tuple, c.arity)
		for j := range arguments {
			arguments[j] = raw("46")
		}
		if got := reply(t, p, c.name, arguments...); got != "undef" {
			t.Errorf("%s/%d: %s", c.name, c.arity, got)
		}
		if got := reply(t, p, c.name, append(arguments, 0)...); got != "badarg" {
			t.Errorf("%s/%d: %s", c.name, c.arity+1, got)
		}
	}
}

// TestTruncatedTerms: a term that lacks bytes is a bad argument, the last two
// included, and nothing is done.
func TestTruncatedTerms(t *testing.T) {
	p := newProcess(t)
	terms := []struct {
		call      string
		arguments []any
	}{
		{"iolist_to_bin", with(list{str("y"), []byte("z"), list{7}})},
		{"errno_id", with(1000)},
		{"setenv", with(str("NAME"), []byte("value"), 1)},
		{"setopt", with(atom("flowcontrol"), 70000)},
		{"alloc", with(list{[]byte("abc"), tuple{atom("ptr"), 70}, tuple{atom("ptr"), []byte("x")}})},
		{"getrlimit", with(atom("rlimit_core"))},
		{"sigaction", with(atom("sigterm"), list{})},
		{"prctl", with(atom("pr_get_dumpable"), list{}, 0, atom("pr_set_name"), []byte("abc"))},
		{"filter", with([]byte{0, 0}, []byte{0, 0})},
		{"open", with(str("/nonexistent/f"), list{atom("o_rdonly"), 1000}, 0)},
		{"getpid", nil},
		{"lseek", with(99, 1<<40, 0)},
	}
	for _, tt := range terms {
		term := request(t, tt.arguments...)
		for n := range len(term) {
			p.Call(numberOf(t, tt.call), term[:n:n])
			if got := show(p.Reply.Bytes()); got != "badarg" {
				t.Errorf("%s, %d of %d bytes: %s", tt.call, n, len(term), got)
			}
		}
		p.Call(numberOf(t, tt.call), term)
		if got := show(p.Reply.Bytes()); got == "badarg" {
			t.Errorf("%s, all bytes: badarg", tt.call)
		}
		if tt.call == "setenv" {
			if got := reply(t, p, "environ"); got != `["NAME=value"]` {
				t.Errorf("environment: %s", got)
			}
		}
	}
}

// TestReplySizes holds the limits of calls.md §3.
func TestReplySizes(t *testing.T) {
	ok := func(n int) string { return show(append([]byte{etf.Version}, bytesOf(t, make([]byte, n))...)) }
	for depth, limit := range map[int]int{0: 65527, 1: 65519, 2: 65511, 16: 65399, 255: 63487} {
		if got := ReplyLimit(depth); got != limit {
			t.Errorf("depth %d: limit %d, want %d", depth, got, limit)
		}
		p := newProcess(t)
		p.Depth = depth
		fits := limit - 6
		if got := reply(t, p, "iolist_to_bin", make([]byte, fits)); got != ok(fits) {
			t.Errorf("depth %d: %d bytes: %.40s", depth, fits, got)
		}
		if p.Reply.Len() != limit {
			t.Errorf("depth %d: reply of %d bytes, want %d", depth, p.Reply.Len(), limit)
		}
		if got := reply(t, p, "iolist_to_bin", make([]byte, fits+1)); got != "badarg" {
			t.Errorf("depth %d: %d bytes: %.40s", depth, fits+1, got)
		}

		value := bytes.Repeat([]byte("v"), fits)
		if errno := set(&p.Environ, []byte("K"), value); errno != 0 {
			t.Fatal(errno)
		}
		if got := reply(t, p, "getenv", str("K")); len(got) != fits+2 {
			t.Errorf("depth %d: getenv of %d bytes: %.40s", depth, fits, got)
		}
		if errno := set(&p.Environ, []byte("K"), append(value, 'w')); errno != 0 {
			t.Fatal(errno)
		}
		if got := reply(t, p, "getenv", str("K")); got != "badarg" {
			t.Errorf("depth %d: getenv of %d bytes: %.40s", depth, fits+1, got)
		}
		if got := reply(t, p, "environ"); got != "oversized" {
			t.Errorf("depth %d: environ: %.40s", depth, got)
		}
		// {ok, Buffer, Struct}: 5 bytes of tuple and atom, 1 of version, and twice
		// what a binary takes, once in a list.
		most := (limit - 1 - 2 - 4 - 5 - 5 - 5 - 1) / 2
		if got := reply(t, p, "alloc", list{make([]byte, most)}); got == "oversized" {
			t.Errorf("depth %d: alloc of %d bytes: oversized", depth, most)
		}
		if got := reply(t, p, "alloc", list{make([]byte, most+1)}); got != "oversized" {
			t.Errorf("depth %d: alloc of %d bytes: %.40s", depth, most+1, got)
		}
	}
}

// TestFilter follows calls.md §9, call 27.
func TestFilter(t *testing.T) {
	p := newProcess(t)
	getpid := []byte{0, 0, 0, 0, 1 << (36 - 32)}
	getuid := []byte{0, 0, 0, 0, 0, 1 << (42 - 40)}
	pid := reply(t, p, "getpid")
	run(t, p, []step{
		{"filter", with([]byte{}, []byte{}), "ok"},
		{"filter", with(make([]byte, 16), make([]byte, 16)), "ok"},
		{"filter", with(make([]byte, 17), []byte{}), "badarg"},
		{"filter", with([]byte{}, make([]byte, 17)), "badarg"},
		{"filter", with(list{}, []byte{}), "badarg"},
		{"filter", with(atom("foo"), []byte{}), "badarg"},
		{"filter", with(str("ab"), []byte{}), "badarg"},
		{"filter", with([]byte{}, str("ab")), "badarg"},
		{"filter", with(raw("4d 00 00 00 01 03 20"), []byte{}), "badarg"},
		// Both are looked at before one is used.
		{"filter", with(getpid, atom("foo")), "badarg"},
		{"getpid", nil, pid},
		{"filter", with(getpid, getuid), "ok"},
		{"getpid", nil, "undef"},
		{"getuid", nil, reply(t, newProcess(t), "getuid")},
		// Nothing is allowed again.
		{"filter", with(make([]byte, 16), make([]byte, 16)), "ok"},
		{"getpid", nil, "undef"},
	})
	if p.denied != (bitset{4: 0x10}) || p.deniedBelow != (bitset{5: 0x04}) {
		t.Errorf("own %x, below %x", p.denied, p.deniedBelow)
	}
	run(t, p, []step{
		{"filter", with([]byte{0, 0, 0, 1 << (27 - 24)}, []byte{}), "ok"},
		{"filter", with([]byte{}, []byte{}), "undef"},
		{"filter", with(atom("x")), "undef"},
	})
}

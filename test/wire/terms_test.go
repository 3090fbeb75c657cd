package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"alcove/internal/porttest"
)

func atomBytes(tag byte, width int, text string) []byte {
	b := []byte{tag}
	if width == 2 {
		b = append(b, byte(len(text)>>8))
	}
	return append(append(b, byte(len(text))), text...)
}

// W33 Atoms accepted in tags 64, 73, 76, 77; 255 characters pass, 256 fail; code
// point > 255 fails.
func TestW33(t *testing.T) {
	p := start(t, Opts{})
	latin := strings.Repeat("\xe9", 255)
	utf := strings.Repeat("é", 255)
	for _, c := range []struct {
		what  string
		atom  []byte
		reply string
	}{
		{"64", atomBytes(0x64, 2, "exit_status"), "1"},
		{"73", atomBytes(0x73, 1, "exit_status"), "1"},
		{"76", atomBytes(0x76, 2, "exit_status"), "1"},
		{"77", atomBytes(0x77, 1, "exit_status"), "1"},
		{"empty", atomBytes(0x77, 1, ""), "false"},
		{"64 with 255 characters", atomBytes(0x64, 2, latin), "false"},
		{"64 with 256 characters", atomBytes(0x64, 2, latin+"x"), badarg},
		{"73 with 255 characters", atomBytes(0x73, 1, latin), "false"},
		{"76 with 255 characters in 510 bytes", atomBytes(0x76, 2, utf), "false"},
		{"76 with 256 characters", atomBytes(0x76, 2, utf+"x"), badarg},
		{"76 with 256 one-byte characters", atomBytes(0x76, 2, strings.Repeat("x", 256)), badarg},
		{"code point 256", atomBytes(0x77, 1, "\u0100"), badarg},
		{"code point 255", atomBytes(0x77, 1, "\u00ff"), "false"},
		{"code point 8364", atomBytes(0x76, 2, "€"), badarg},
		{"overlong form", atomBytes(0x77, 1, "\xc1\x81"), badarg},
		{"half a character", atomBytes(0x77, 1, "\xc3"), badarg},
		{"text behind a zero byte", atomBytes(0x77, 1, "exit_status\x00more"), "1"},
	} {
		p.Send(nil, callWith("getopt", c.atom))
		eq(t, c.what, p.Reply(nil), c.reply)
	}
	p.EndsWith(0)
}

// callWith builds a call frame whose arguments are given as bytes.
func callWith(name string, args ...[]byte) []byte {
	n, _ := porttest.Number(name)
	return porttest.CallFrame(n, append([]byte{0x83, 0x68, byte(len(args))}, bytes.Join(args, nil)...))
}

// Helpers for integers: the forms of wire.md §4.2.
func small(n byte) []byte { return []byte{0x61, n} }
func wide(n int32) []byte { return binary.BigEndian.AppendUint32([]byte{0x62}, uint32(n)) }
func big(sign byte, mag ...byte) []byte {
	return append([]byte{0x6e, byte(len(mag)), sign}, mag...)
}
func large(sign byte, mag ...byte) []byte {
	return append(append(binary.BigEndian.AppendUint32([]byte{0x6f}, uint32(len(mag))), sign), mag...)
}
func ff(n int) []byte { return bytes.Repeat([]byte{0xff}, n) }

// W34 Integers accepted as 61, 62, 6e, 6f with the ranges of §4.2; sign byte rule.
func TestW34(t *testing.T) {
	p := start(t, Opts{})
	int32s := []struct {
		arg   []byte
		reply string
	}{
		{small(1), "eperm"}, {wide(1), "eperm"}, {big(0, 1), "eperm"}, {large(0, 1), "eperm"},
		{big(0, 1, 0, 0), "eperm"}, {big(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), "eperm"},
		{wide(-1), "unknown"}, {big(1, 1), "unknown"}, {big(7, 1), "unknown"}, {big(0), "unknown"},
		{big(0, 0xff, 0xff, 0xff, 0x7f), "unknown"}, {big(0, 0, 0, 0, 0x80), badarg},
		{big(1, 0, 0, 0, 0x80), "unknown"}, {big(1, 1, 0, 0, 0x80), badarg},
		{big(0, append(make([]byte, 8), 1)...), badarg},
		{[]byte{0x63}, badarg}, {[]byte{0x46, 0, 0, 0, 0, 0, 0, 0, 0}, badarg}, {[]byte{0x6a}, badarg},
		{[]byte{0x77, 1, 'x'}, badarg}, {[]byte{0x6d, 0, 0, 0, 1, 1}, badarg},
	}
	for _, c := range int32s {
		p.Send(nil, callWith("errno_id", c.arg))
		eq(t, fmt.Sprintf("int32 % x", c.arg), p.Reply(nil), c.reply)
	}
	uint32s := []struct {
		arg   []byte
		reply string
	}{
		{wide(-1), badarg}, {big(1, 1), badarg}, {big(1, 0), badarg}, {big(1), badarg},
		{big(0, 0xff, 0xff, 0xff, 0xff), "{error,einval}"}, {big(0, 0, 0, 0, 0, 1), badarg},
		{large(0, 0xff, 0xff, 0xff, 0xff), "{error,einval}"},
	}
	for _, c := range uint32s {
		p.Send(nil, callWith("setuid", c.arg))
		eq(t, fmt.Sprintf("uint32 % x", c.arg), p.Reply(nil), c.reply)
	}
	p.Want(nil, nil, `open("/dev/null", [o_rdonly], 0)`, `{ok,6}`)
	int64s := []struct {
		arg   []byte
		reply string
	}{
		{big(0, append(ff(7), 0x7f)...), "ok"}, {big(0, append(make([]byte, 7), 0x80)...), badarg},
		{big(1, 1), "ok"}, {big(0, ff(8)...), badarg},
	}
	for _, c := range int64s {
		p.Send(nil, callWith("lseek", small(6), c.arg, small(0)))
		eq(t, fmt.Sprintf("int64 % x", c.arg), p.Reply(nil), c.reply)
	}
	uint64s := []struct {
		arg   []byte
		reply string
	}{
		{big(0, ff(8)...), "{ok,<<>>}"}, {big(1, 1), badarg}, {big(0, append(ff(8), 1)...), badarg},
		{big(0, append(ff(8), 0)...), "{ok,<<>>}"},
	}
	for _, c := range uint64s {
		p.Send(nil, callWith("read", small(6), c.arg))
		eq(t, fmt.Sprintf("uint64 % x", c.arg), p.Reply(nil), c.reply)
	}
	p.EndsWith(0)
}

// W35 Constants refuse 6e, 64-bit constants accept it.
func TestW35(t *testing.T) {
	p := start(t, Opts{})
	p.Send(nil, callWith("getrlimit", small(7)))
	eq(t, "constant 61", p.Reply(nil), "{ok,{alcove_rlimit,_,_}}")
	p.Send(nil, callWith("getrlimit", wide(7)))
	eq(t, "constant 62", p.Reply(nil), "{ok,{alcove_rlimit,_,_}}")
	p.Send(nil, callWith("getrlimit", big(0, 7)))
	eq(t, "constant 6e", p.Reply(nil), badarg)
	for _, request := range [][]byte{wide(0x541b), big(0, 0x1b, 0x54), big(0, 0x1b, 0x54, 0, 0, 0, 0, 0, 0)} {
		p.Send(nil, callWith("ioctl", small(3), request, []byte{0x6d, 0, 0, 0, 4, 1, 1, 1, 1}))
		eq(t, fmt.Sprintf("64-bit constant % x", request), p.Reply(nil), "{ok,0,<<0,0,0,0>>}")
	}
	p.EndsWith(0)
}

// W36 Unknown constant atom → {error,enotsup}; bare atom in a list argument →
// badarg.
func TestW36(t *testing.T) {
	p := start(t, Opts{})
	examples(t, p, nil, nil, []example{
		{`getrlimit(rlimit_foo)`, `{error,enotsup}`},
		{`open("/dev/null", [o_foo], -1)`, `{error,enotsup}`},
		{`open("/dev/null", [o_rdonly,o_foo], x)`, `{error,enotsup}`},
		{`open("/dev/null", o_rdonly, 0)`, badarg},
		{`open("/dev/null", [o_rdonly|o_rdwr], 0)`, badarg},
		{`unshare(clone_newuts)`, badarg},
		{`waitpid(-1, wnohang)`, badarg},
		{`kill(0, sigfoo)`, `{error,enotsup}`},
	})
	p.EndsWith(0)
}

// W37 Constant names are case-insensitive.
func TestW37(t *testing.T) {
	p := start(t, Opts{})
	examples(t, p, nil, nil, []example{
		{`file_constant(o_creat)`, `64`}, {`file_constant('O_CREAT')`, `64`}, {`file_constant('O_Creat')`, `64`},
		{`getrlimit('RLIMIT_NOFILE')`, `{ok,_}`}, {`clone_constant('CLONE_NEWNS')`, `131072`},
		{`open("/dev/null", ['O_RDONLY'], 0)`, `{ok,_}`},
		{`getopt('EXIT_STATUS')`, `false`}, {`sigaction(sigterm, 'SIG_IGN')`, badarg},
	})
	p.EndsWith(0)
}

// W38 iolist: 16 levels pass, 17 fail; bare integer, 62 byte, improper tail
// fail; <<>>, [], "" pass.
func TestW38(t *testing.T) {
	p := start(t, Opts{})
	nested := func(levels int, item []byte) []byte {
		b := item
		for range levels {
			b = append(append([]byte{0x6c, 0, 0, 0, 1}, b...), 0x6a)
		}
		return b
	}
	bin := []byte{0x6d, 0, 0, 0, 2, 'o', 'k'}
	for _, c := range []struct {
		what  string
		arg   []byte
		reply string
	}{
		{"binary", bin, `<<"ok">>`},
		{"16 levels", nested(16, bin), `<<"ok">>`},
		{"17 levels", nested(17, bin), badarg},
		{"16 levels around a string", nested(16, []byte{0x6b, 0, 2, 'o', 'k'}), `<<"ok">>`},
		{"16 levels around a byte", nested(16, small(7)), `<<7>>`},
		{"17 levels around nothing", nested(17, []byte{0x6a}), badarg},
		{"bare integer", small(1), badarg},
		{"byte as 62", nested(1, wide(65)), badarg},
		{"atom", nested(1, []byte{0x77, 1, 'a'}), badarg},
		{"improper tail", append([]byte{0x6c, 0, 0, 0, 1, 0x61, 1}, bin...), badarg},
		{"list as tail", append([]byte{0x6c, 0, 0, 0, 1, 0x61, 1}, nested(1, bin)...), badarg},
		{"empty 6c as tail", []byte{0x6c, 0, 0, 0, 1, 0x61, 1, 0x6c, 0, 0, 0, 0, 0x6a}, `<<1>>`},
		{"empty binary", []byte{0x6d, 0, 0, 0, 0}, `<<>>`},
		{"nil", []byte{0x6a}, `<<>>`},
		{"empty string", []byte{0x6b, 0, 0}, `<<>>`},
		{"empty 6c", []byte{0x6c, 0, 0, 0, 0, 0x6a}, `<<>>`},
		{"bit binary", []byte{0x4d, 0, 0, 0, 1, 3, 0x20}, badarg},
	} {
		p.Send(nil, callWith("iolist_to_bin", c.arg))
		eq(t, c.what, p.Reply(nil), c.reply)
	}
	p.EndsWith(0)
}

// W39 Path of 4095 bytes as binary passes decode, 4096 → badarg; string limit
// 4094; empty → badarg.
func TestW39(t *testing.T) {
	p := start(t, Opts{})
	examples(t, p, nil, nil, []example{
		{`chdir(<<"/"...(4095 bytes)>>)`, `ok`}, {`chdir(<<"/"...(4096 bytes)>>)`, badarg},
		{`chdir("/"...(4094 bytes))`, `ok`}, {`chdir("/"...(4095 bytes))`, badarg},
		{`chdir([<<"/"...(4095 bytes)>>,<<>>])`, badarg}, {`chdir([<<>>,<<"/"...(4095 bytes)>>])`, `ok`},
		{`chdir([<<"/"...(4094 bytes)>>,$/])`, `ok`}, {`chdir(["/"...(4094 bytes),<<"/">>])`, `ok`},
		{`chdir([<<"/">>,"/"...(4094 bytes)])`, badarg}, {`chdir([<<"/">>,"/"...(4093 bytes)])`, `ok`},
		{`chdir([])`, badarg}, {`chdir(<<>>)`, badarg}, {`chdir([[],<<>>])`, badarg}, {`chdir(<<0>>)`, `{error,enoent}`},
	})
	p.EndsWith(0)
}

// W40 argv: list of iolists; flat string → badarg; [] → NULL.
func TestW40(t *testing.T) {
	p := start(t, Opts{})
	echo := sysBin(t, "echo")
	vars := Vars{"Echo": Bin(echo)}
	examples(t, p, nil, vars, []example{
		{`execvp(Echo, "echo")`, badarg}, {`execvp(Echo, <<"echo">>)`, badarg}, {`execvp(Echo, echo)`, badarg},
		{`execvp(Echo, ["echo",1])`, badarg}, {`execvp(Echo, ["echo",foo])`, badarg}, {`execvp(Echo, ["echo"|<<"x">>])`, badarg},
		{`execve("/nonexistent", [], [])`, `{error,enoent}`},
	})
	porttest.NeedNative(t, "executes programs of the machine")
	c := p.Fork(nil)
	p.Go(c, "execvp", Bin(echo), List{"echo", List{"a", Bin("b"), List{int('c')}}, Bin("d\x00e"), ""})
	eq(t, "exec", p.Ctl(c), "fdctl_closed")
	if out, _ := output(p, c); out != "abc d \n" {
		t.Errorf("echo wrote %q", out)
	}
	d := p.Fork(nil)
	p.Go(d, "execvp", Bin(echo), List{})
	eq(t, "exec", p.Ctl(d), "fdctl_closed")
	if out, _ := output(p, d); out != "\n" {
		t.Errorf("echo without arguments wrote %q", out)
	}
	p.EndsWith(0)
}

// W41 C structure: 1023 elements pass, 1024 and 0 fail; {ptr,65535} passes,
// 65536 fails; null pointers come back as 8 zero bytes.
func TestW41(t *testing.T) {
	p := start(t, Opts{})
	elements := func(n int) List {
		l := List{}
		for range n {
			l = append(l, Bin("x"))
		}
		return l
	}
	r := p.Call(nil, "alloc", elements(1023))
	if got, ok := r.(Tuple); !ok || len(got) != 3 || len(got[1].(Bin)) != 1023 || len(got[2].(List)) != 1023 {
		t.Errorf("1023 elements: %.100s", porttest.Text(r))
	}
	eq(t, "1024 elements", p.Call(nil, "alloc", elements(1024)), badarg)
	examples(t, p, nil, nil, []example{
		{`alloc([])`, badarg}, {`alloc("abc")`, badarg}, {`alloc(<<1>>)`, badarg},
		{`alloc([<<1,2,3>>])`, `{ok,<<1,2,3>>,[<<1,2,3>>]}`},
		{`alloc([<<1,2>>,{ptr,4}])`, `{ok,_,[<<1,2>>,{ptr,<<0,0,0,0>>}]}`},
		{`alloc([{ptr,<<"abc">>},<<0:32>>])`, `{ok,_,[{ptr,<<"abc">>},<<0,0,0,0>>]}`},
		{`alloc([{ptr,0}])`, `{ok,<<0:64>>,[<<0:64>>]}`}, {`alloc([{ptr,<<>>}])`, `{ok,<<0:64>>,[<<0:64>>]}`},
		{`alloc([{ptr,65536}])`, badarg}, {`alloc([{ptr,-1}])`, badarg}, {`alloc([{'PTR',1}])`, badarg},
		{`alloc([{ptr,40000},{ptr,30000}])`, badarg}, {`alloc([{ptr,"abc"}])`, badarg}, {`alloc([{ptr,1,2}])`, badarg},
	})
	// 65535 bytes decode, so that it is the reply that does not fit.
	c := p.Fork(nil)
	p.Go(c, "alloc", List{Tuple{Atom("ptr"), 65535}})
	gone(t, p, c, exitStatus(111))
	p.EndsWith(0)
}

// W42 A structure in prctl: what comes back for the arguments behind it. With
// zeros there, as callers have them, the original and this program agree; the
// shift of the original (D20) is TestD20's matter.
func TestW42(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	examples(t, p, c, nil, []example{
		{`prctl(pr_set_name, [<<"x",0>>], 0, 0, 0)`, `{ok,0,[<<"x",0>>],0,0,0}`},
		{`prctl(pr_get_name, <<0:128>>, 1, 2, 3)`, `{ok,0,<<"x",0:120>>,1,2,3}`},
		{`prctl(pr_get_name, [<<0:128>>], 0, 0, 0)`, `{ok,0,[<<"x",0:120>>],0,0,0}`},
	})
	p.EndsWith(0)
}

// W43 Encodings of integers in replies.
func TestW43(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	for _, e := range []struct {
		n    uint64
		want []byte
	}{
		{0, small(0)}, {255, small(255)}, {256, wide(256)},
		{1<<27 - 1, []byte{0x62, 0x07, 0xff, 0xff, 0xff}}, {1 << 27, big(0, 0, 0, 0, 8)},
		{1<<31 - 1, big(0, 0xff, 0xff, 0xff, 0x7f)}, {1<<32 - 1, big(0, ff(4)...)},
		{1 << 32, big(0, 0, 0, 0, 0, 1)}, {1<<64 - 1, big(0, ff(8)...)},
	} {
		// A limit of the child shows any 64 bit number.
		p.Call(c, "setrlimit", Atom("rlimit_core"), Tuple{Atom("alcove_rlimit"), e.n, uint64(1<<64 - 1)})
		p.Send(c, porttest.Request("getrlimit", Atom("rlimit_core")))
		got := p.Next(c).Payload
		want := append([]byte("\x83\x68\x02\x77\x02ok\x68\x03\x77\x0dalcove_rlimit"), e.want...)
		if e.n == 1<<64-1 || bytes.HasPrefix(got, want) {
			want = append(want, big(0, ff(8)...)...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d: % x, want % x", e.n, got, want)
		}
	}
	p.Send(c, porttest.Request("getopt", Atom("flowcontrol")))
	if got := p.Next(c).Payload; !bytes.Equal(got, append([]byte{0x83}, wide(-1)...)) {
		t.Errorf("-1: % x", got)
	}
	p.EndsWith(0)
}

// W44 Atoms leave as 77; no 6b or 64 is ever sent. The decoder of these tests
// refuses any other tag, so that every test holds this; here the bytes.
func TestW44(t *testing.T) {
	p := start(t, Opts{})
	for _, c := range []struct {
		call string
		want string
	}{
		{`chdir("/")`, "\x83\x77\x02ok"},
		{`chdir("/nonexistent")`, "\x83\x68\x02\x77\x05error\x77\x06enoent"},
		{`getenv("NONE")`, "\x83\x77\x05false"},
		{`setopt(exit_status, 1)`, "\x83\x77\x04true"},
		{`chdir(x)`, "\x83\x77\x06badarg"},
		{`unveil([], [])`, "\x83\x77\x05undef"},
		{`version()`, "\x83\x6d\x00\x00\x00\x051.0.1"},
		{`cpid()`, "\x83\x6a"},
	} {
		name, args, err := porttest.ParseCall(c.call, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Go(nil, name, args...)
		if got := p.Next(nil).Payload; string(got) != c.want {
			t.Errorf("%s: % x, want % x", c.call, got, c.want)
		}
	}
	p.EndsWith(0)
}

// W45 Lists from cpid, environ, select are one-cell chains; C structures are
// counted.
func TestW45(t *testing.T) {
	p := start(t, Opts{Env: []string{"A=1"}})
	p.Want(nil, nil, `setenv("B", "2", 1)`, `ok`)
	payload := func(call string) []byte {
		name, args, err := porttest.ParseCall(call, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Go(nil, name, args...)
		return p.Next(nil).Payload
	}
	const cell = "\x6c\x00\x00\x00\x01"
	bin := func(s string) string { return "\x6d\x00\x00\x00" + string(rune(len(s))) + s }
	p.Want(nil, nil, `open("/dev/null", [o_rdonly], 0)`, `{ok,6}`)
	p.Want(nil, nil, `open("/dev/null", [o_rdonly], 0)`, `{ok,7}`)
	for _, c := range []struct{ call, want string }{
		{`environ()`, "\x83" + cell + bin("A=1") + cell + bin("B=2") + "\x6a"},
		{`select([7,6], [], [], {alcove_timeval,0,0})`, "\x83\x68\x04\x77\x02ok" + cell + "\x61\x06" + cell + "\x61\x07\x6a\x6a\x6a"},
		{`alloc([<<"a">>,<<"b">>])`, "\x83\x68\x03\x77\x02ok" + bin("ab") + "\x6c\x00\x00\x00\x02" + bin("a") + bin("b") + "\x6a"},
	} {
		if got := payload(c.call); string(got) != c.want {
			t.Errorf("%s: % x, want % x", c.call, got, c.want)
		}
	}
	a, b := p.Fork(nil), p.Fork(nil)
	got := payload("cpid()")
	entry := func(pid int, fds ...byte) string {
		s := cell + "\x68\x08\x77\x0aalcove_pid\x62" + string(pid4(pid)) + "\x62\xff\xff\xff\xff\x61\x0f"
		for _, fd := range fds {
			s += "\x61" + string([]byte{fd})
		}
		return s
	}
	if want := "\x83" + entry(a[0], 9, 11, 12, 14) + entry(b[0], 10, 15, 16, 18) + "\x6a"; string(got) != want {
		t.Errorf("cpid: % x\nwant % x", got, want)
	}
	p.EndsWith(0)
}

// W46 errno_id: 35 edeadlk, 95 enotsup, 84 unknown, 125 unknown, 131
// enotrecoverable.
func TestW46(t *testing.T) {
	p := start(t, Opts{})
	for n, name := range map[int]string{
		1: "eperm", 2: "enoent", 11: "eagain", 34: "erange", 35: "edeadlk", 36: "enametoolong", 40: "eloop", 42: "enomsg",
		57: "ebadslt", 59: "ebfont", 83: "elibexec", 87: "eusers", 94: "esocktnosupport", 95: "enotsup",
		96: "epfnosupport", 121: "eremoteio", 122: "edquot", 130: "eownerdead", 131: "enotrecoverable",
		0: "unknown", -1: "unknown", 41: "unknown", 58: "unknown", 84: "unknown", 85: "unknown", 86: "unknown",
		120: "unknown", 123: "unknown", 125: "unknown", 129: "unknown", 132: "unknown", 133: "unknown", 9999: "unknown",
	} {
		eq(t, fmt.Sprintf("errno_id(%d)", n), p.Call(nil, "errno_id", n), name)
	}
	p.EndsWith(0)
}

package wire

import (
	"strings"
	"testing"

	"alcove/internal/porttest"
)

// Environment.
func TestCallsEnvironment(t *testing.T) {
	groups(t, []group{
		{name: "12 clearenv", list: []example{
			{`clearenv()`, `ok`}, {`environ()`, `[]`}, {`getenv("PATH")`, `false`}, {`clearenv(x)`, badarg},
			{`setenv("Z", "1", 1)`, `ok`}, {`setenv("A", "2", 1)`, `ok`}, {`setenv("M", "3", 1)`, `ok`}, {`environ()`, `[<<"Z=1">>,<<"A=2">>,<<"M=3">>]`},
			{`setenv("A", "22", 1)`, `ok`}, {`environ()`, `[<<"Z=1">>,<<"A=22">>,<<"M=3">>]`},
			{`unsetenv("Z")`, `ok`}, {`setenv("Z", "9", 0)`, `ok`}, {`environ()`, `[<<"A=22">>,<<"M=3">>,<<"Z=9">>]`},
		}},
		{name: "18 environ", why: "the emulator arranges the environment", env: []string{"A=1", "B=2", "A=3", "NOEQ", "C="}, list: []example{
			{`environ()`, `[<<"A=3">>,<<"B=2">>,<<"C=">>]`}, {`environ(x)`, badarg},
		}},
		{name: "18 environ with an empty name", why: "the emulator arranges the environment", env: []string{"A=1", "=x", "B=2", "A=3"}, list: []example{
			{`environ()`, `[<<"A=1">>,<<"=x">>,<<"B=2">>,<<"A=3">>]`}, {`setenv("A", "9", 1)`, `ok`}, {`environ()`, `[<<"A=9">>,<<"=x">>,<<"B=2">>,<<"A=3">>]`},
			{`unsetenv("A")`, `ok`}, {`environ()`, `[<<"=x">>,<<"B=2">>]`}, {`setproctitle("abc")`, `ok`},
		}},
		{name: "30 getenv", env: []string{"FOO=bar"}, list: []example{
			{`getenv("FOO")`, `<<"bar">>`}, {`getenv("NOPE")`, `false`}, {`getenv("foo")`, `false`},
			{`setenv("X", "a=b=c", 1)`, `ok`}, {`getenv("X=a")`, `<<"b=c">>`}, {`getenv("X=a=b")`, `<<"c">>`}, {`getenv("X=")`, `false`},
			{`getenv(<<"FOO",0,"X">>)`, `<<"bar">>`}, {`getenv(<<0>>)`, `false`}, {`getenv("")`, badarg}, {`getenv(foo)`, badarg}, {`getenv([300])`, badarg},
			{`setenv("E", "", 1)`, `ok`}, {`getenv("E")`, `<<>>`},
		}},
		{name: "72 setenv", env: []string{"FOO=bar"}, list: []example{
			{`setenv("FOO", "new", 0)`, `ok`}, {`getenv("FOO")`, `<<"bar">>`}, {`setenv("FOO", "new", 1)`, `ok`}, {`setenv("FOO", "neg", -1)`, `ok`}, {`getenv("FOO")`, `<<"neg">>`},
			{`setenv("K", "", 1)`, `ok`}, {`getenv("K")`, `<<>>`}, {`setenv("K", <<"a",0,"b">>, 1)`, `ok`}, {`getenv("K")`, `<<"a">>`},
			{`setenv("A=B", "x", 0)`, `{error,einval}`}, {`setenv(<<0>>, "x", 1)`, `{error,einval}`}, {`setenv("", "x", 1)`, badarg}, {`setenv("K", v, 1)`, badarg},
			{`setenv(k, "v", 1)`, badarg}, {`setenv("K", "v", true)`, badarg}, {`setenv("K", "v", 2147483648)`, badarg},
		}},
		{name: "94 unsetenv", env: []string{"K=1"}, list: []example{
			{`unsetenv("K")`, `ok`}, {`unsetenv("K")`, `ok`}, {`getenv("K")`, `false`}, {`unsetenv("A=B")`, `{error,einval}`}, {`unsetenv(<<0>>)`, `{error,einval}`},
			{`unsetenv("")`, badarg}, {`unsetenv(k)`, badarg},
		}},
	})
}

// What a child set is passed on to its program and to its children only.
func TestCallSetenvInherited(t *testing.T) {
	porttest.NeedNative(t, "executes programs of the machine")
	p := start(t, Opts{Env: []string{"A=1"}})
	c := p.Fork(nil)
	p.Want(c, nil, `setenv("B", "2", 1)`, `ok`)
	d := p.Fork(c)
	p.Want(d, nil, `environ()`, `[<<"A=1">>,<<"B=2">>]`)
	p.Want(nil, nil, `environ()`, `[<<"A=1">>]`)
	p.Exec(d, sysBin(t, "env"))
	if out, _ := output(p, d); out != "A=1\nB=2\n" {
		t.Errorf("the program sees %q", out)
	}
	p.EndsWith(0)
}

// 80 setproctitle: what /proc/PID/cmdline and environ show, and what lasts.
func TestCallSetproctitle(t *testing.T) {
	porttest.NeedNative(t, "the emulator owns the argument area")
	long := strings.Repeat("t", 300)
	// "alcove-port -c ctl" are 19 bytes with their ends, the environment has 9.
	o := Opts{Argv0: "alcove-port", Args: []string{"-c", "ctl"}, Env: []string{"A=1", "BB=22"}}
	for _, c := range []struct {
		title any
		want  string
	}{
		{Bin("short"), "short" + strings.Repeat("\x00", 14)},
		{Bin("eleven byte"), "eleven byte \x00\x00\x00\x00\x00\x00\x00"},
		{Bin(strings.Repeat("x", 18)), strings.Repeat("x", 18) + "\x00"},
		{Bin(strings.Repeat("x", 19)), strings.Repeat("x", 19) + "\x00"},
		{Bin(strings.Repeat("x", 24)), strings.Repeat("x", 24) + "\x00"},
		{Bin(long), long[:28] + "\x00"},
		{List{}, "alcove-port \x00\x00\x00\x00\x00\x00\x00"},
		{Bin("%s%n"), "%s%n" + strings.Repeat("\x00", 15)},
	} {
		p := start(t, o)
		comm := porttest.ProcBytes(p.Pid, "comm")
		eq(t, "setproctitle", p.Call(nil, "setproctitle", c.title), "ok")
		if got := porttest.ProcBytes(p.Pid, "cmdline"); got != c.want {
			t.Errorf("title %s: cmdline %q, want %q", porttest.Text(c.title), got, c.want)
		}
		if got := porttest.ProcBytes(p.Pid, "comm"); got != comm {
			t.Errorf("comm %q, before %q", got, comm)
		}
		p.Want(nil, nil, `environ()`, `[<<"A=1">>,<<"BB=22">>]`)
		child := p.Fork(nil)
		p.Want(child, nil, `setproctitle("child")`, `ok`)
		if got := porttest.ProcBytes(p.Pid, "cmdline"); got != c.want {
			t.Errorf("title %s after the child's: cmdline %q", porttest.Text(c.title), got)
		}
		examples(t, p, nil, nil, []example{{`setproctitle(<<0,"zz">>)`, `ok`}, {`setproctitle(foo)`, badarg}, {`setproctitle(1)`, badarg}})
		if got := porttest.ProcBytes(p.Pid, "cmdline"); got != c.want {
			t.Errorf("a title that begins with a zero byte changed %q", got)
		}
		p.EndsWith(0)
	}
}

package wire

import (
	"fmt"
	"testing"

	"alcove/internal/porttest"
)

// 34 getopt, 77 setopt, 71 setcpid, 17 cpid, 28 fork, 27 filter, 22 exit.
func TestCallsOptions(t *testing.T) {
	groups(t, []group{
		{name: "34 getopt", list: []example{
			{`getopt(exit_status)`, `1`}, {`getopt(flowcontrol)`, `-1`}, {`getopt(maxchild)`, `64`}, {`getopt(maxforkdepth)`, `16`}, {`getopt(termsig)`, `1`},
			{`getopt(signaloneof)`, `15`}, {`getopt(stdin_closed)`, `0`}, {`getopt(stdout_closed)`, `0`}, {`getopt(stderr_closed)`, `0`},
			{`getopt(foo)`, `false`}, {`getopt('EXIT_STATUS')`, `false`}, {`getopt("x")`, badarg}, {`getopt(1)`, badarg},
		}},
		{name: "77 setopt", list: []example{
			{`setopt(flowcontrol, 5)`, `true`}, {`setopt(flowcontrol, -5)`, `true`}, {`getopt(flowcontrol)`, `-1`},
			{`setopt(flowcontrol, 2147483647)`, `true`}, {`setopt(flowcontrol, 2147483648)`, badarg},
			{`setopt(exit_status, 7)`, `true`}, {`getopt(exit_status)`, `1`}, {`setopt(exit_status, -1)`, badarg},
			{`setopt(signaloneof, 1000)`, `true`}, {`getopt(signaloneof)`, `255`}, {`setopt(maxforkdepth, 1000)`, `true`}, {`getopt(maxforkdepth)`, `255`},
			{`setrlimit(rlimit_nofile, {alcove_rlimit,4096,4096})`, `ok`}, {`setopt(maxchild, 681)`, `true`}, {`setopt(maxchild, 682)`, `false`}, {`setopt(maxchild, 100000)`, `false`},
			{`getopt(maxchild)`, `681`}, {`setopt(maxchild, 0)`, `true`},
			{`setrlimit(rlimit_nofile, {alcove_rlimit,64,4096})`, `ok`}, {`setopt(maxchild, 9)`, `true`}, {`setopt(maxchild, 10)`, `false`},
			{`setopt(foo, 1)`, `false`}, {`setopt(foo, -1)`, badarg}, {`setopt(foo, bar)`, badarg}, {`setopt("x", 1)`, badarg},
			{`setopt(maxchild, #46 4000000000000000#)`, badarg},
		}},
		{name: "28 fork", list: []example{
			{`setopt(maxforkdepth, 0)`, `true`}, {`fork()`, `{error,eagain}`}, {`clone([bogus])`, `{error,eagain}`}, {`setopt(maxforkdepth, 16)`, `true`},
			{`setopt(maxchild, 0)`, `true`}, {`fork()`, `{error,eagain}`}, {`clone(["x"])`, `{error,eagain}`}, {`setopt(maxchild, 1)`, `true`},
			{`fork()`, `{ok,_}`}, {`fork()`, `{error,eagain}`}, {`fork(x)`, badarg},
		}},
	})
}

// 71 setcpid and 17 cpid.
func TestCallsSetcpid(t *testing.T) {
	p := start(t, Opts{})
	p.Want(nil, nil, `cpid()`, `[]`)
	p.Want(nil, nil, `cpid(x)`, badarg)
	a, b := p.Fork(nil), p.Fork(nil)
	vars := Vars{"A": a[0], "B": b[0]}
	examples(t, p, nil, vars, []example{
		{`setcpid(A, flowcontrol, 3)`, `true`}, {`setcpid(B, flowcontrol, -7)`, `true`}, {`setcpid(A, signaloneof, 9)`, `true`}, {`setcpid(B, signaloneof, 300)`, `true`},
		{`cpid()`, `[{alcove_pid,A,3,9,7,9,10,12},{alcove_pid,B,-1,255,8,13,14,16}]`},
		{`setcpid(99999999, flowcontrol, 1)`, `true`}, {`setcpid(0, flowcontrol, 1)`, `true`}, {`setcpid(A, foo, 1)`, `false`}, {`setcpid(A, fdctl, 1)`, `false`},
		{`setcpid(A, foo, -1)`, badarg}, {`setcpid(A, signaloneof, -1)`, badarg}, {`setcpid(-1, flowcontrol, 1)`, badarg}, {`setcpid(A, "x", 1)`, badarg},
		{`setcpid(A, flowcontrol, x)`, badarg}, {`setcpid(4294967296, signaloneof, 1)`, badarg},
	})
	p.Exec(b, "sleep", "60")
	p.Want(nil, vars, `cpid()`, `[{alcove_pid,A,3,9,7,9,10,12},{alcove_pid,B,-1,255,-2,13,14,16}]`)
	p.EndsWith(0)
}

// 27 filter.
func TestCallsFilter(t *testing.T) {
	p := start(t, Opts{})
	a := p.Fork(nil)
	pid := fmt.Sprint(a[0])
	examples(t, p, a, nil, []example{
		{`filter(<<>>, <<>>)`, `ok`}, {`filter(<<0:128>>, <<0:128>>)`, `ok`}, {`filter(<<0:136>>, <<>>)`, badarg}, {`filter(<<>>, <<0:136>>)`, badarg},
		{`filter([], <<>>)`, badarg}, {`filter(foo, <<>>)`, badarg}, {`filter("ab", <<>>)`, badarg}, {`filter(#4d 00000001 03 20#, <<>>)`, badarg},
		{`filter(<<0,0,0,0,16>>, foo)`, badarg}, {`getpid()`, pid},
		{`filter(<<0,0,0,0,16>>, <<0,0,0,0,0,4>>)`, `ok`}, {`getpid()`, undef}, {`getuid()`, `_`},
	})
	b := p.Fork(a)
	examples(t, p, b, nil, []example{{`getpid()`, `_`}, {`getuid()`, undef}})
	c := p.Fork(b)
	examples(t, p, c, nil, []example{{`getpid()`, `_`}, {`getuid()`, undef}})
	examples(t, p, b, nil, []example{{`filter(<<>>, <<0,0,0,128>>)`, `ok`}})
	d := p.Fork(b)
	examples(t, p, d, nil, []example{{`getgid()`, undef}, {`getuid()`, undef}})
	examples(t, p, b, nil, []example{{`getgid()`, `_`}})
	examples(t, p, c, nil, []example{{`filter(<<0,0,0,8>>, <<>>)`, `ok`}, {`filter(<<>>, <<>>)`, undef}, {`filter(x)`, undef}})
	// A filtered process goes on to relay, to reap and to report.
	all := Bin{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}
	e := p.Fork(nil)
	f := p.Fork(e)
	eq(t, "filter of everything", p.Call(e, "filter", all, Bin{}), "ok")
	eq(t, "version", p.Call(e, "version"), undef)
	p.Go(f, "exit", 3)
	gone(t, p, f, exitStatus(3))
	p.EndsWith(0)
}

// 22 exit.
func TestCallsExit(t *testing.T) {
	for n, status := range map[int]int{0: 0, 255: 255, 256: 0, -1: 255, 42: 42} {
		p := start(t, Opts{})
		p.Want(nil, nil, `exit(2147483648)`, badarg)
		p.Want(nil, nil, `exit(x)`, badarg)
		p.Go(nil, "exit", n)
		if ws := p.Wait(); porttest.ExitText(ws) != fmt.Sprint("exit ", status) {
			t.Errorf("exit(%d): %s", n, porttest.ExitText(ws))
		}
		p.Quiet(0)
	}
}

// §7 close of a process's own descriptors. (The original loses the replies now and
// then, D1.)
func TestCallCloseOwn(t *testing.T) {
	p := start(t, Opts{})
	for fd, status := range map[int]int{0: 9, 3: 9, 4: 0} {
		c := p.Fork(nil)
		eq(t, fmt.Sprintf("close(%d)", fd), p.Call(c, "close", fd), "ok")
		gone(t, p, c, exitStatus(status))
	}
	c := p.Fork(nil)
	p.Go(c, "close", 1)
	gone(t, p, c, exitStatus(9))
	d := p.Fork(nil)
	p.Want(d, nil, `close(2)`, `ok`)
	p.Want(d, nil, `version()`, `<<"1.0.1">>`)
	p.EndsWith(0)
}

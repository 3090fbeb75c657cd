package wire

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/internal/porttest"
)

// W47 fork reply {ok,Pid}; cpid shows flowcontrol -1, signaloneof 15, fds 7 9 10
// 12 for a first child.
func TestW47(t *testing.T) {
	p := start(t, Opts{})
	a := p.Fork(nil)
	eq(t, "table", p.Call(nil, "cpid"), fmt.Sprintf("[{alcove_pid,%d,-1,15,7,9,10,12}]", a[0]))
	b, c := p.Fork(nil), p.Fork(nil)
	eq(t, "table", p.Call(nil, "cpid"), fmt.Sprintf(
		"[{alcove_pid,%d,-1,15,7,9,10,12},{alcove_pid,%d,-1,15,8,13,14,16},{alcove_pid,%d,-1,15,11,17,18,20}]", a[0], b[0], c[0]))
	p.EndsWith(0)
}

// W48 exec: fdctl_closed and no call reply; cpid ctl field -2; output as type 1.
func TestW48(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Exec(c, "cat")
	eq(t, "table", p.Call(nil, "cpid"), fmt.Sprintf("[{alcove_pid,%d,-1,15,-2,9,10,12}]", c[0]))
	p.Send(c, []byte("o\n"))
	want := append(append([]byte{0, 8, 0, 1}, pid4(c[0])...), "o\n"...)
	if f := p.NextAny(); string(f.Outer) != string(want) {
		t.Errorf("output % x, want % x", f.Outer, want)
	}
	p.EndsWith(0)
}

// W49 Failed exec: {error,enoent}, child still answers.
func TestW49(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	examples(t, p, c, nil, []example{
		{`execvp("nonexistent", ["x"])`, `{error,enoent}`}, {`execve("/etc/passwd", ["x"], [])`, `{error,eacces}`},
		{`execve("/nonexistent", ["x"], ["A=1"])`, `{error,enoent}`}, {`getpid()`, fmt.Sprint(c[0])},
	})
	if len(porttest.Runner()) == 0 { // emulators know no execveat
		p.Want(c, nil, `fexecve(99, ["x"], ["A=1"])`, `{error,ebadf}`)
	}
	eq(t, "table", p.Call(nil, "cpid"), fmt.Sprintf("[{alcove_pid,%d,-1,15,7,9,10,12}]", c[0]))
	p.EndsWith(0)
}

// W50 Exit of a control-process child: fdctl_closed then {exit_status,N}.
func TestW50(t *testing.T) {
	p := start(t, Opts{})
	for n, status := range map[int]int{0: 0, 5: 5, 255: 255, 256: 0, -1: 255, 257: 1} {
		c := p.Fork(nil)
		p.Go(c, "exit", n)
		f, g := p.Next(c), p.Next(c)
		wantCtl := append(append([]byte{0, 0x19, 0, 3}, pid4(c[0])...), "\x00\x11\x00\x06\x83\x77\x0cfdctl_closed"...)
		wantEvent := append(append([]byte{0, 0x1c, 0, 3}, pid4(c[0])...), "\x00\x14\x00\x05\x83\x68\x02\x77\x0bexit_status\x61"...)
		if string(f.Outer) != string(wantCtl) {
			t.Errorf("exit(%d): % x, want % x", n, f.Outer, wantCtl)
		}
		if string(g.Outer) != string(append(wantEvent, byte(status))) {
			t.Errorf("exit(%d): % x, want % x %02x", n, g.Outer, wantEvent, status)
		}
	}
	c := p.Fork(nil)
	eq(t, "exit(x)", p.Call(c, "exit", Atom("x")), badarg)
	eq(t, "exit(2^31)", p.Call(c, "exit", 1<<31), badarg)
	p.EndsWith(0)
}

// W51 Killed child: {termsig,sigkill}; real-time signal: {termsig,unknown}.
func TestW51(t *testing.T) {
	p := start(t, Opts{})
	c, d, e := p.Fork(nil), p.Fork(nil), p.Fork(nil)
	eq(t, "kill", p.Call(nil, "kill", c[0], Atom("sigkill")), "ok")
	gone(t, p, c, Tuple{Atom("termsig"), Atom("sigkill")})
	p.Exec(d, "sleep", "60")
	eq(t, "kill", p.Call(nil, "kill", d[0], 40), "ok")
	wantEvent(t, p, d, Tuple{Atom("termsig"), Atom("unknown")})
	p.Want(e, nil, `sigaction(sigterm, sig_dfl)`, `{ok,sig_info}`)
	eq(t, "kill", p.Call(nil, "kill", e[0], Atom("sigterm")), "ok")
	gone(t, p, e, Tuple{Atom("termsig"), Atom("sigterm")})
	p.EndsWith(0)
}

// W52 exit_status=0 or termsig=0 suppress only that event.
func TestW52(t *testing.T) {
	p := start(t, Opts{})
	for _, option := range []string{"exit_status", "termsig"} {
		p.Call(nil, "setopt", Atom(option), 0)
		c, d := p.Fork(nil), p.Fork(nil)
		p.Go(c, "exit", 3)
		eq(t, "ctl", p.Ctl(c), "fdctl_closed")
		if option == "termsig" {
			wantEvent(t, p, c, exitStatus(3))
		}
		p.Call(nil, "kill", d[0], 9)
		eq(t, "ctl", p.Ctl(d), "fdctl_closed")
		if option == "exit_status" {
			wantEvent(t, p, d, Tuple{Atom("termsig"), Atom("sigkill")})
		}
		p.Quiet(moment)
		emptied(t, p, nil)
		p.Call(nil, "setopt", Atom(option), 1)
	}
	p.EndsWith(0)
}

// W53 stdout_closed, stderr_closed, stdin_closed off by default; when on each
// appears once, before the exit event for an idle child.
func TestW53(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	shell(p, c, "exec sleep 60")
	p.Call(nil, "kill", c[0], 15)
	wantEvent(t, p, c, Tuple{Atom("termsig"), Atom("sigterm")})
	for _, on := range []string{"stdin_closed", "stdout_closed", "stderr_closed"} {
		p.Call(nil, "setopt", Atom(on), 1)
	}
	for _, exec := range []bool{true, false} {
		d := p.Fork(nil)
		want := map[any]int{Atom("stdin_closed"): 1, Atom("stdout_closed"): 1, Atom("stderr_closed"): 1}
		if exec {
			p.Exec(d, "sleep", "60")
			p.Call(nil, "kill", d[0], 15)
		} else {
			want[closed] = 1
			p.Go(d, "exit", 0)
		}
		for range len(want) {
			v := p.Ctl(d)
			if want[v]--; want[v] < 0 {
				t.Errorf("%s came too often or at all", porttest.Text(v))
			}
		}
		p.Event(d)
	}
	p.EndsWith(0)
}

// W54 65536 bytes then exit: all bytes delivered, exactly one exit event. The
// original has a part of them behind the event; the order is TestD2's matter.
func TestW54(t *testing.T) {
	p := start(t, Opts{})
	for range 5 {
		c := p.Fork(nil)
		shell(p, c, "head -c 65536 /dev/zero")
		n, events := 0, 0
		for n < 65536 || events == 0 {
			switch f := p.Next(c); f.Type {
			case porttest.TypeStdout:
				n += len(f.Payload)
			case porttest.TypeEvent:
				events++
			default:
				p.Fatalf("unexpected %v", f)
			}
		}
		p.Quiet(moment)
		if n != 65536 || events != 1 {
			t.Errorf("%d bytes and %d events", n, events)
		}
	}
	emptied(t, p, nil)
	p.EndsWith(0)
}

// W55 A reply followed at once by exit or exec is never lost or shown as stdout.
// The original fails this often enough for the test to show it (D1).
func TestW55(t *testing.T) { replyThenGone(t, 300) }

func replyThenGone(t *testing.T, rounds int) {
	p := start(t, Opts{})
	for i := range rounds {
		c := p.Fork(nil)
		both := append(porttest.Wrap(c, getpidFrame()), porttest.Wrap(c, porttest.Request("exit", i%200))...)
		if i%2 == 1 {
			exec := porttest.Request("execve", Bin("/bin/true"), List{Bin("true")}, List{})
			both = append(porttest.Wrap(c, getpidFrame()), porttest.Wrap(c, exec)...)
		}
		// A stopped parent finds reply and end of file together.
		syscall.Kill(p.Pid, syscall.SIGSTOP)
		p.Write(both)
		syscall.Kill(p.Pid, syscall.SIGCONT)
		for {
			f := p.Next(c)
			if f.Type == porttest.TypeStdout {
				p.Fatalf("round %d: a reply was delivered as stdout: % x", i, f.Payload)
			}
			if f.Type == porttest.TypeCall {
				break
			}
			p.Fatalf("round %d: %v before the reply", i, f)
		}
		eq(t, "ctl", p.Ctl(c), "fdctl_closed")
		p.Event(c)
		if f, ok := p.Poll(nil, 0); ok && f.Type == porttest.TypeEvent {
			continue // SIGCONT of this test
		}
	}
}

// W56 Slot reused after exit; badpid for the old pid; lowest slot first.
func TestW56(t *testing.T) {
	p := start(t, Opts{})
	a, b, c := p.Fork(nil), p.Fork(nil), p.Fork(nil)
	for _, dead := range []Path{b, a} {
		p.Go(dead, "exit", 0)
		gone(t, p, dead, exitStatus(0))
	}
	p.Send(a, getpidFrame())
	eq(t, "call to a child that ended", p.Ctl(a), "badpid")
	d := p.Fork(nil)
	sameInts(t, "slots", cpid(p, nil), d[0], c[0])
	e := p.Fork(nil)
	sameInts(t, "slots", cpid(p, nil), d[0], e[0], c[0])
	p.EndsWith(0)
}

// W57 17th level → {error,eagain}; table full → {error,eagain}.
func TestW57(t *testing.T) {
	p := start(t, Opts{Args: []string{"-c", "$BOX/ctl", "-m", "2"}})
	deep := p.Chain(16)
	eq(t, "17th level", p.Call(deep, "fork"), "{error,eagain}")
	eq(t, "17th level by clone", p.Call(deep, "clone", List{Atom("bogus")}), "{error,eagain}")
	p.Fork(nil)
	eq(t, "full table", p.Call(nil, "fork"), "{error,eagain}")
	eq(t, "full table by clone", p.Call(nil, "clone", List{}), "{error,eagain}")
	p.EndsWith(0)
}

// W58 Flow control 0: no data; 2: exactly two frames then 0; calls to control
// processes unaffected.
func TestW58(t *testing.T) {
	p := start(t, Opts{})
	p.Want(nil, nil, `setopt(flowcontrol, 0)`, `true`)
	c, control := p.Fork(nil), p.Fork(nil)
	shell(p, c, `i=0; while read x; do i=$((i+1)); echo $i; done`)
	p.Send(c, []byte("\n"))
	p.Quiet(2 * moment)
	eq(t, "a control process", p.Call(control, "version"), `<<"1.0.1">>`)
	p.Want(nil, Vars{"P": c[0]}, `setcpid(P, flowcontrol, 2)`, `true`)
	p.Output(c, porttest.TypeStdout, 2)
	p.Send(c, []byte("\n"))
	p.Output(c, porttest.TypeStdout, 2)
	p.Send(c, []byte("\n"))
	p.Quiet(2 * moment)
	eq(t, "table", p.Call(nil, "cpid"), fmt.Sprintf("[{alcove_pid,%d,0,15,-2,9,10,12},{alcove_pid,%d,0,15,8,13,14,16}]", c[0], control[0]))
	p.Want(nil, Vars{"P": c[0]}, `setcpid(P, flowcontrol, -1)`, `true`)
	p.Output(c, porttest.TypeStdout, 2)
	p.EndsWith(0)
}

// W59 End of file: exec'd children get signaloneof then SIGCONT; group leaders'
// groups too; process value 0 disables; child value 0 sends SIGCONT only.
func TestW59(t *testing.T) {
	// A shell reports a killed command on its stderr, which has no reader then.
	const report = `exec 2>/dev/null; trap "echo term >> $LOG; exit" TERM; trap "echo cont >> $LOG" CONT; trap "echo usr >> $LOG" USR1; echo; while :; do sleep 0.02; done`
	for _, c := range []struct {
		what            string
		process, child  int
		leader, stopped bool
		want            string
	}{
		{what: "default", process: 15, child: -1, want: "term"},
		{what: "value of the child", process: 15, child: 10, want: "usr"},
		{what: "process value 0", process: 0, child: -1, want: ""},
		{what: "child value 0", process: 15, child: 0, want: "cont"},
		{what: "group leader", process: 15, child: -1, leader: true, want: "term"},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := start(t, Opts{})
			log := p.Box + "/log"
			eq(t, "setopt", p.Call(nil, "setopt", Atom("signaloneof"), 15), "true")
			child := p.Fork(nil)
			if c.leader {
				p.Want(child, nil, `setpgid(0, 0)`, `ok`)
			}
			shell(p, child, "LOG="+log+"; "+report)
			p.Output(child, porttest.TypeStdout, 1)
			if c.child >= 0 {
				p.Call(nil, "setcpid", child[0], Atom("signaloneof"), c.child)
			}
			p.Call(nil, "setopt", Atom("signaloneof"), c.process)
			p.EndsWith(0)
			if c.want == "" {
				time.Sleep(2 * moment)
			}
			var got string
			// SIGTERM ends the shell before SIGCONT can be noted, or after.
			if !porttest.Eventually(func() bool {
				b, _ := os.ReadFile(log)
				got = strings.Join(strings.Fields(string(b)), ",")
				return got == c.want || got == c.want+",cont" || got == "cont,"+c.want
			}) {
				t.Errorf("the child noted %q, want %q", got, c.want)
			}
		})
	}
}

// W60 End of file folds a tree of control processes; every one exits 0.
func TestW60(t *testing.T) {
	p := start(t, Opts{})
	a := p.Fork(nil)
	b, c := p.Fork(a), p.Fork(a)
	d := p.Fork(b)
	pids := []int{hostPid(p, a), hostPid(p, b), hostPid(p, c), hostPid(p, d)}
	_, in, _, _ := fdsOf(p, a)
	// Closing the stdin of a folds everything below it.
	p.Want(nil, Vars{"Fd": in}, `close(Fd)`, `ok`)
	gone(t, p, a, exitStatus(0))
	for _, pid := range pids {
		if !porttest.Gone(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	e := p.Fork(nil)
	f := p.Fork(e)
	left := []int{hostPid(p, e), hostPid(p, f)}
	p.EndsWith(0)
	for _, pid := range left {
		if !porttest.Gone(pid) {
			t.Errorf("process %d outlives the port", pid)
		}
	}
}

// W61 setopt clamps: maxforkdepth and signaloneof to 255; negative → badarg;
// unknown → false; maxchild beyond RLIMIT_NOFILE → false.
func TestW61(t *testing.T) {
	p := start(t, Opts{Limits: limit(nofile, 64, 4096)})
	examples(t, p, nil, nil, []example{
		{`setopt(maxforkdepth, 1000)`, `true`}, {`getopt(maxforkdepth)`, `255`},
		{`setopt(signaloneof, 1000)`, `true`}, {`getopt(signaloneof)`, `255`},
		{`setopt(exit_status, 7)`, `true`}, {`getopt(exit_status)`, `1`},
		{`setopt(flowcontrol, -5)`, `true`}, {`getopt(flowcontrol)`, `-1`},
		{`setopt(flowcontrol, 2147483647)`, `true`}, {`getopt(flowcontrol)`, `2147483647`},
		{`setopt(flowcontrol, 2147483648)`, badarg}, {`setopt(exit_status, -1)`, badarg},
		{`setopt(foo, 1)`, `false`}, {`setopt(foo, -1)`, badarg}, {`getopt(foo)`, `false`}, {`setopt('MAXCHILD', 1)`, `false`},
		{`setopt(maxchild, 9)`, `true`}, {`setopt(maxchild, 10)`, `false`}, {`setopt(maxchild, 70000)`, `false`}, {`getopt(maxchild)`, `9`},
		{`setopt(maxchild, 0)`, `true`}, {`fork()`, `{error,eagain}`}, {`setopt(maxchild, 2)`, `true`},
		{`fork()`, `{ok,_}`}, {`fork()`, `{ok,_}`}, {`fork()`, `{error,eagain}`}, {`setopt(maxchild, 1)`, `false`},
	})
	p.EndsWith(0)
}

// W62 setrlimit NOFILE 32 with maxchild 8 → maxchild 4; raising does not raise;
// below need → {error,einval}.
func TestW62(t *testing.T) {
	p := start(t, Opts{Args: []string{"-c", "$BOX/ctl", "-m", "8"}, Limits: limit(nofile, 1024, 4096)})
	examples(t, p, nil, nil, []example{
		{`setrlimit(rlimit_nofile, {alcove_rlimit,64,4096})`, `ok`}, {`getopt(maxchild)`, `8`},
		{`setrlimit(rlimit_nofile, {alcove_rlimit,32,4096})`, `ok`}, {`getopt(maxchild)`, `4`},
		{`setrlimit(rlimit_nofile, {alcove_rlimit,1024,4096})`, `ok`}, {`getopt(maxchild)`, `4`},
		{`setrlimit(rlimit_nofile, {alcove_rlimit,5,4096})`, `{error,einval}`},
		{`fork()`, `{ok,_}`}, {`fork()`, `{ok,_}`},
		{`setrlimit(rlimit_nofile, {alcove_rlimit,17,4096})`, `{error,einval}`},
		{`setrlimit(rlimit_nofile, {alcove_rlimit,18,4096})`, `ok`}, {`getopt(maxchild)`, `2`},
		{`fork()`, `{error,eagain}`},
	})
	p.EndsWith(0)
}

// W63 fd exhaustion in fork: {error,emfile} and the port keeps answering. The
// original answers and dies (D7).
func TestW63(t *testing.T) { descriptorsRunOut(t) }

// W64 Two children with pending frames: lower slot first.
func TestW64(t *testing.T) {
	p := start(t, Opts{})
	a, b := p.Fork(nil), p.Fork(nil)
	p.Call(a, "version")
	p.Call(b, "version")
	for range 20 {
		// Both replies are there before the parent looks.
		syscall.Kill(p.Pid, syscall.SIGSTOP)
		time.Sleep(2 * time.Millisecond)
		syscall.Kill(p.Pid, syscall.SIGCONT)
		signalEvent(t, p, nil, "sigcont")
		p.Write(append(porttest.Wrap(b, getpidFrame()), porttest.Wrap(a, getpidFrame())...))
		p.Reply(a)
		p.Reply(b)
	}
	for _, pid := range []int{b[0], a[0]} {
		syscall.Kill(pid, syscall.SIGSTOP)
	}
	p.Write(append(porttest.Wrap(b, getpidFrame()), porttest.Wrap(a, getpidFrame())...))
	p.Want(nil, nil, `version()`, `<<"1.0.1">>`)
	syscall.Kill(p.Pid, syscall.SIGSTOP)
	for _, pid := range []int{b[0], a[0]} {
		syscall.Kill(pid, syscall.SIGCONT)
	}
	time.Sleep(moment)
	syscall.Kill(p.Pid, syscall.SIGCONT)
	var order []int
	for len(order) < 2 {
		if f := p.NextAny(); f.Type == porttest.TypeCall {
			order = append(order, f.Path[0])
		}
	}
	sameInts(t, "order of the replies", order, a[0], b[0])
}

// What poll found may be used up by the time it is served: the end of a control
// socket makes a process read the last frames of that child, and a read of the
// program's output, which poll seemed to promise as well, would then wait for ever.
func TestReadinessIsNotTakenForGranted(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	d := p.Fork(c)
	pid := hostPid(p, c)
	// The child answers, and is replaced by a program that says nothing, while its
	// parent is stopped.
	p.Go(d, "select", List{}, List{}, List{}, Tuple{Atom("alcove_timeval"), 0, 200000})
	p.Go(d, "execvp", Bin("sleep"), List{Bin("sleep"), Bin("60")})
	p.Want(c, nil, `version()`, `<<"1.0.1">>`)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(p.Reply(d)), fmt.Sprint(Tuple{Atom("ok"), List{}, List{}, List{}}); got != want {
		t.Errorf("select: %s, want %s", got, want)
	}
	if got := p.Ctl(d); got != Atom("fdctl_closed") {
		t.Errorf("%v, want fdctl_closed", got)
	}
	signalEvent(t, p, c, "sigcont")
	p.Want(c, nil, `version()`, `<<"1.0.1">>`)
	p.EndsWith(0)
}

// A frame that cannot be relayed closes the child's output, but those that came
// with it, in front of it, are relayed.
func TestFramesBeforeABrokenOne(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Go(c, "write", 1, Bin{0, 7, 0, 5, 131, 119, 2, 104, 105, 0, 0})
	if got := p.Event(c); got != Atom("hi") {
		t.Errorf("%v, want hi", got)
	}
	p.Want(nil, nil, `version()`, `<<"1.0.1">>`)
	p.EndsWith(0)
}

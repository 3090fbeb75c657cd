package wire

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"alcove/internal/porttest"
)

// W65 SIGTERM to a control process: 157-byte event, Info 128 bytes, pid of sender
// at offset 16; process survives.
func TestW65(t *testing.T) {
	porttest.NeedNative(t, "the emulator makes the siginfo")
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Call(c, "version")
	for _, path := range []Path{nil, c} {
		if err := syscall.Kill(hostPid(p, path), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		f := p.Next(path)
		inner := f.Outer[8*len(path):]
		if len(inner) != 157 || string(inner[:29]) != "\x00\x9b\x00\x05\x83\x68\x03\x77\x06signal\x77\x07sigterm\x6d\x00\x00\x00\x80" {
			t.Fatalf("event of %d bytes: % x", len(inner), inner)
		}
		info := inner[29:]
		if native32(info) != 15 || native32(info[8:]) != 0 || native32(info[16:]) != os.Getpid() {
			t.Errorf("signal %d code %d pid %d", native32(info), native32(info[8:]), native32(info[16:]))
		}
		eq(t, "after the signal", p.Call(path, "version"), `<<"1.0.1">>`)
	}
	p.EndsWith(0)
}

// W66 Names: 6 sigabrt, 29 sigio, 34-64 unknown.
func TestW66(t *testing.T) {
	p := start(t, Opts{})
	names := map[int]string{1: "sighup", 2: "sigint", 3: "sigquit", 6: "sigabrt", 13: "sigpipe", 16: "sigstkflt",
		18: "sigcont", 20: "sigtstp", 21: "sigttin", 23: "sigurg", 29: "sigio", 30: "sigpwr", 31: "sigsys"}
	for n := 34; n <= 64; n++ {
		names[n] = "unknown"
	}
	for n, name := range names {
		if len(porttest.Runner()) > 0 && n > 31 {
			continue // the emulator shifts these
		}
		if err := syscall.Kill(p.Pid, syscall.Signal(n)); err != nil {
			t.Fatal(err)
		}
		if info := signalEvent(t, p, nil, Atom(name)); native32(info) != n {
			t.Errorf("signal %d arrived as %d", n, native32(info))
		}
	}
	examples(t, p, nil, nil, []example{
		{`signal_constant(sigiot)`, `6`}, {`signal_constant(sigpoll)`, `29`}, {`signal_constant(siglost)`, `unknown`},
		{`signal_constant(sigcld)`, `unknown`}, {`signal_constant(sigrtmin)`, `unknown`},
	})
	p.EndsWith(0)
}

// W67 sigaction query and set round trip; SIGKILL, 0, 65 → {ok,sig_dfl}; <<>>
// queries; unknown atom {error,enotsup}; other handler badarg.
func TestW67(t *testing.T) {
	p := start(t, Opts{})
	examples(t, p, nil, nil, []example{
		{`sigaction(sigterm, [])`, `{ok,sig_info}`}, {`sigaction(sigterm, sig_ign)`, `{ok,sig_info}`},
		{`sigaction(sigterm, <<>>)`, `{ok,sig_ign}`}, {`sigaction(sigterm, sig_dfl)`, `{ok,sig_ign}`},
		{`sigaction(15, sig_info)`, `{ok,sig_dfl}`}, {`sigaction('SIGTERM', [])`, `{ok,sig_info}`},
		{`sigaction(sigkill, sig_ign)`, `{ok,sig_dfl}`}, {`sigaction(sigstop, sig_info)`, `{ok,sig_dfl}`},
		{`sigaction(0, [])`, `{ok,sig_dfl}`}, {`sigaction(65, [])`, `{ok,sig_dfl}`}, {`sigaction(-1, sig_ign)`, `{ok,sig_dfl}`},
		{`sigaction(1000, [])`, `{ok,sig_dfl}`}, {`sigaction(32, [])`, `{ok,sig_dfl}`}, {`sigaction(33, [])`, `{ok,sig_dfl}`},
		{`sigaction(sigfoo, foo)`, `{error,enotsup}`}, {`sigaction(sigterm, foo)`, badarg},
		{`sigaction(sigterm, <<"x">>)`, badarg}, {`sigaction(sigterm, "x")`, badarg}, {`sigaction(sigterm, 1)`, badarg},
		{`sigaction("x", [])`, badarg}, {`sigaction(2147483648, [])`, badarg},
	})
	for n := 1; n <= 64; n++ {
		want := "{ok,sig_info}"
		switch n {
		case 9, 17, 19, 32, 33:
			want = "{ok,sig_dfl}"
		}
		if len(porttest.Runner()) > 0 && n > 60 {
			continue // the emulator keeps these
		}
		eq(t, fmt.Sprintf("sigaction(%d, [])", n), p.Call(nil, "sigaction", n, List{}), want)
	}
	p.EndsWith(0)
}

// W68 SIGCHLD: boot answer sig_dfl; with sig_info child exit gives
// {signal,sigchld,_} and no exit event; waitpid frees the slot.
func TestW68(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	vars := Vars{"P": c[0]}
	examples(t, p, nil, vars, []example{
		{`sigaction(sigchld, [])`, `{ok,sig_dfl}`}, {`sigaction(sigchld, sig_ign)`, `{ok,sig_dfl}`},
		{`sigaction(sigchld, sig_info)`, `{ok,sig_dfl}`}, {`sigaction(sigchld, [])`, `{ok,sig_info}`},
	})
	p.Go(c, "exit", 3)
	eq(t, "ctl", p.Ctl(c), "fdctl_closed")
	info := signalEvent(t, p, nil, "sigchld")
	if native32(info[8:]) != 1 || native32(info[16:]) != c[0] || native32(info[24:]) != 3 {
		t.Errorf("code %d pid %d status %d", native32(info[8:]), native32(info[16:]), native32(info[24:]))
	}
	p.Quiet(moment)
	sameInts(t, "table before waitpid", cpid(p, nil), c[0])
	examples(t, p, nil, vars, []example{
		{`waitpid(P, [])`, fmt.Sprintf(`{ok,%d,768,[{exit_status,3}]}`, c[0])}, {`cpid()`, `[]`},
		{`waitpid(-1, 0)`, `{error,echild}`}, {`sigaction(sigchld, sig_dfl)`, `{ok,sig_info}`},
	})
	d := p.Fork(nil)
	p.Go(d, "exit", 4)
	gone(t, p, d, exitStatus(4))
	p.EndsWith(0)
}

// W69 Ignored signals stay ignored across exec; caught ones become default; mask
// empty.
func TestW69(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Want(c, nil, `sigaction(sigusr1, sig_ign)`, `{ok,sig_info}`)
	p.Want(c, nil, `sigaction(sigusr2, sig_dfl)`, `{ok,sig_info}`)
	p.Exec(c, "sleep", "60")
	for field, want := range map[string]string{"SigIgn": "0000000000000200", "SigCgt": "0000000000000000", "SigBlk": "0000000000000000"} {
		if got := status(p, c, field); got != want {
			t.Errorf("%s %s, want %s", field, got, want)
		}
	}
	p.EndsWith(0)
}

// W70 Child inherits dispositions, SIGCHLD mode and options.
func TestW70(t *testing.T) {
	p := start(t, Opts{})
	examples(t, p, nil, nil, []example{
		{`sigaction(sigusr1, sig_ign)`, `{ok,sig_info}`}, {`sigaction(sigusr2, sig_dfl)`, `{ok,sig_info}`},
		{`sigaction(sigchld, sig_info)`, `{ok,sig_dfl}`}, {`setopt(flowcontrol, 3)`, `true`}, {`setopt(signaloneof, 9)`, `true`},
		{`setopt(stdin_closed, 1)`, `true`}, {`setopt(stdout_closed, 1)`, `true`}, {`setopt(stderr_closed, 1)`, `true`},
		{`setopt(exit_status, 0)`, `true`}, {`setopt(termsig, 0)`, `true`}, {`setopt(maxforkdepth, 7)`, `true`}, {`setopt(maxchild, 5)`, `true`},
	})
	c := p.Fork(nil)
	examples(t, p, c, nil, []example{
		{`sigaction(sigusr1, [])`, `{ok,sig_ign}`}, {`sigaction(sigusr2, [])`, `{ok,sig_dfl}`}, {`sigaction(sigchld, [])`, `{ok,sig_info}`},
		{`sigaction(sigterm, [])`, `{ok,sig_info}`},
		{`getopt(flowcontrol)`, `3`}, {`getopt(signaloneof)`, `9`}, {`getopt(stdin_closed)`, `1`}, {`getopt(stdout_closed)`, `1`},
		{`getopt(stderr_closed)`, `1`}, {`getopt(exit_status)`, `0`}, {`getopt(termsig)`, `0`}, {`getopt(maxforkdepth)`, `7`},
		{`getopt(maxchild)`, `5`}, {`cpid()`, `[]`},
	})
	p.EndsWith(0)
}

// W71 A signal during a call is reported after the reply, and interrupts it.
func TestW71(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Want(c, nil, `mkfifo("fifo", 8#600)`, `ok`)
	p.Want(c, nil, `open("fifo", [o_rdwr], 0)`, `{ok,6}`)
	d := p.Fork(c)
	for _, call := range []struct {
		name  string
		args  []any
		reply string
	}{
		{"read", []any{6, 10}, "{error,eintr}"},
		{"waitpid", []any{d[1], 0}, "{error,eintr}"},
		{"select", []any{List{6}, List{}, List{}, List{}}, badarg},
	} {
		pid := hostPid(p, c)
		p.Go(c, call.name, call.args...)
		if !porttest.Eventually(func() bool { st, _ := porttest.ReadStat(pid); return st.State == "S" }) {
			t.Errorf("%s does not block", call.name)
		}
		time.Sleep(moment)
		syscall.Kill(pid, syscall.SIGUSR1)
		eq(t, call.name+" interrupted", p.Reply(c), call.reply)
		signalEvent(t, p, c, "sigusr1")
	}
	p.EndsWith(0)
}

// A signal the process ignores does not interrupt a call.
func TestIgnoredSignalDoesNotInterrupt(t *testing.T) {
	p := start(t, Opts{})
	p.Want(nil, nil, `sigaction(sigusr1, sig_ign)`, `{ok,sig_info}`)
	p.Go(nil, "select", List{}, List{}, List{}, Tuple{Atom("alcove_timeval"), 0, 300000})
	time.Sleep(moment)
	syscall.Kill(p.Pid, syscall.SIGUSR1)
	eq(t, "select", p.Reply(nil), "{ok,[],[],[]}")
	p.Quiet(moment)
	p.EndsWith(0)
}

// A fault of the process itself ends it with that signal; the handler does not
// report it for ever (design: SIGSEGV, SIGBUS, SIGFPE, SIGILL by the kernel).
func TestFaultByKillIsReported(t *testing.T) {
	p := start(t, Opts{})
	for _, name := range []Atom{"sigsegv", "sigbus", "sigfpe", "sigill", "sigtrap"} {
		eq(t, "kill", p.Call(nil, "kill", p.Pid, name), "ok")
		signalEvent(t, p, nil, name)
	}
	p.EndsWith(0)
}

package wire

import (
	"fmt"
	"syscall"
	"testing"

	"alcove/internal/porttest"
)

// 49 kill, 86 sigaction.
func TestCallsSignals(t *testing.T) {
	groups(t, []group{
		{name: "49 kill", list: []example{
			{`kill(Pid, 0)`, `ok`}, {`kill(0, 0)`, `ok`}, {`kill(99999999, 0)`, `{error,esrch}`}, {`kill(-99999999, 0)`, `{error,esrch}`},
			{`kill(Pid, 200)`, `{error,einval}`}, {`kill(Pid, -1)`, `{error,einval}`}, {`kill(Pid, sigfoo)`, `{error,enotsup}`},
			{`kill(Pid, [sigterm])`, badarg}, {`kill(Pid, "x")`, badarg}, {`kill(Pid, [])`, badarg}, {`kill(x, 0)`, badarg}, {`kill(2147483648, 0)`, badarg},
		}},
		{name: "49 kill, unprivileged", needs: "root", list: join(nobody, []example{{`kill(1, 9)`, `{error,eperm}`}})},
		{name: "86 sigaction", list: []example{
			{`sigaction(sigterm, [])`, `{ok,sig_info}`}, {`sigaction(sigterm, sig_ign)`, `{ok,sig_info}`}, {`sigaction(sigterm, <<>>)`, `{ok,sig_ign}`},
			{`sigaction(sigterm, sig_dfl)`, `{ok,sig_ign}`}, {`sigaction(15, sig_info)`, `{ok,sig_dfl}`},
			{`sigaction(sigchld, [])`, `{ok,sig_dfl}`}, {`sigaction(sigchld, sig_ign)`, `{ok,sig_dfl}`}, {`sigaction(sigchld, sig_info)`, `{ok,sig_dfl}`}, {`sigaction(sigchld, sig_dfl)`, `{ok,sig_info}`},
			{`sigaction(sigkill, sig_ign)`, `{ok,sig_dfl}`}, {`sigaction(sigstop, sig_info)`, `{ok,sig_dfl}`}, {`sigaction(65, [])`, `{ok,sig_dfl}`}, {`sigaction(1000, [])`, `{ok,sig_dfl}`},
			{`sigaction(0, [])`, `{ok,sig_dfl}`}, {`sigaction(-1, [])`, `{ok,sig_dfl}`}, {`sigaction(sigfoo, foo)`, `{error,enotsup}`}, {`sigaction(sigterm, foo)`, badarg},
			{`sigaction(sigterm, 'SIG_IGN')`, badarg}, {`sigaction(sigterm, <<"x">>)`, badarg}, {`sigaction(sigterm, "x")`, badarg}, {`sigaction(sigterm, 1)`, badarg},
			{`sigaction("x", [])`, badarg}, {`sigaction(2147483648, [])`, badarg},
		}},
		{name: "98 waitpid", list: []example{
			{`waitpid(-1, 0)`, `{error,echild}`}, {`waitpid(99999, [])`, `{error,echild}`}, {`waitpid(-2147483648, 0)`, `{error,esrch}`}, {`waitpid(-1, -1)`, `{error,einval}`},
			{`waitpid(-1, [wfoo])`, `{error,enotsup}`}, {`waitpid(-1, wnohang)`, badarg}, {`waitpid(-1, x)`, badarg}, {`waitpid(x, 0)`, badarg}, {`waitpid(2147483648, 0)`, badarg},
		}},
	})
}

// §5 names of signals in events and in waitpid's reply.
func TestCallsSignalNames(t *testing.T) {
	porttest.NeedNative(t, "the emulator shifts real-time signals")
	p := start(t, Opts{})
	for n, name := range map[int]string{40: "unknown", 29: "sigio", 6: "sigabrt"} {
		p.Want(nil, Vars{"P": p.Pid, "N": n}, `kill(P, N)`, `ok`)
		if info := signalEvent(t, p, nil, Atom(name)); native32(info) != n {
			t.Errorf("signal %d in the event of %d", native32(info), n)
		}
	}
	p.EndsWith(0)
}

// 98 waitpid of children that stop, go on and end.
func TestCallsWaitpid(t *testing.T) {
	porttest.NeedNative(t, "the emulator shifts real-time signals")
	p := start(t, Opts{})
	p.Want(nil, nil, `sigaction(sigchld, sig_info)`, `{ok,sig_dfl}`)
	c := p.Fork(nil)
	vars := Vars{"P": c[0]}
	p.Want(nil, vars, `waitpid(-1, [wnohang])`, `{ok,0,0,[]}`)
	p.Go(c, "exit", 3)
	p.Ctl(c)
	signalEvent(t, p, nil, "sigchld")
	p.Want(nil, vars, `waitpid(P, [])`, `{ok,P,768,[{exit_status,3}]}`)
	p.Want(nil, vars, `cpid()`, `[]`)
	d := p.Fork(nil)
	vars["P"] = d[0]
	for _, e := range []struct{ signal, wait, reply string }{
		{`kill(P, sigstop)`, `waitpid(P, [wuntraced])`, `{ok,P,4991,[{stopsig,sigstop}]}`},
		{`kill(P, sigcont)`, `waitpid(P, [wcontinued])`, `{ok,P,65535,[continued]}`},
		{`kill(P, sigkill)`, `waitpid(P, 0)`, `{ok,P,9,[{termsig,sigkill}]}`},
	} {
		p.Want(nil, vars, e.signal, `ok`)
		signalEvent(t, p, nil, "sigchld")
		p.Want(nil, vars, e.wait, e.reply)
	}
	f := p.Fork(nil)
	vars["P"] = f[0]
	p.Exec(f, "sleep", "60")
	p.Want(nil, vars, `kill(P, 40)`, `ok`)
	signalEvent(t, p, nil, "sigchld")
	p.Want(nil, vars, `waitpid(P, 0)`, `{ok,P,40,[{termsig,unknown}]}`)
	// A call that waits already wins over the loop.
	p.Want(nil, nil, `sigaction(sigchld, sig_dfl)`, `{ok,sig_info}`)
	g := p.Fork(nil)
	p.Exec(g, "sleep", "0.3")
	p.Drain()
	eq(t, "waitpid before the end", p.Call(nil, "waitpid", g[0], 0), fmt.Sprintf(`{ok,%d,0,[{exit_status,0}]}`, g[0]))
	p.Quiet(moment)
	p.EndsWith(0)
}

// 49 kill of a process group.
func TestCallKillGroup(t *testing.T) {
	p := start(t, Opts{})
	a := p.Fork(nil)
	p.Want(a, nil, `setpgid(0, 0)`, `ok`)
	b := p.Fork(a)
	p.Call(b, "version")
	eq(t, "kill of the group", p.Call(nil, "kill", -a[0], Atom("SIGUSR1")), "ok")
	for _, path := range []Path{a, b} {
		if info := signalEvent(t, p, path, "sigusr1"); native32(info[16:]) != p.Pid {
			t.Errorf("sender %d, want the port", native32(info[16:]))
		}
	}
	if syscall.Kill(hostPid(p, b), 0) != nil {
		t.Error("the group did not survive")
	}
	p.EndsWith(0)
}

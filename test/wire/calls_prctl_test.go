package wire

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"alcove/internal/porttest"
)

const emulatedPrctl = "the emulator answers prctl and seccomp itself"

// 59 prctl.
func TestCallsPrctl(t *testing.T) {
	groups(t, []group{
		{name: "59 prctl", why: emulatedPrctl, needs: "root", list: []example{
			{`prctl(pr_set_name, <<"test",0>>, 0, 0, 0)`, `{ok,0,<<"test",0>>,0,0,0}`}, {`prctl(pr_get_name, <<0:(17*8)>>, 0, 0, 0)`, `{ok,0,<<"test",0:(13*8)>>,0,0,0}`},
			{`prctl(pr_get_name, <<>>, 0, 0, 0)`, `{ok,0,<<>>,0,0,0}`}, {`prctl(pr_capbset_read, 0, 0, 0, 0)`, `{ok,1,0,0,0,0}`},
			{`prctl(pr_set_pdeathsig, 9, 0, 0, 0)`, `{ok,0,9,0,0,0}`}, {`prctl(pr_get_pdeathsig, <<0:32>>, 0, 0, 0)`, `{ok,0,<<9,0,0,0>>,0,0,0}`},
			{`prctl(pr_get_dumpable, [], [], [], [])`, `{ok,1,0,0,0,0}`}, {`prctl(pr_get_dumpable, pr_set_name, 0, 0, 0)`, `{ok,1,15,0,0,0}`},
			{`prctl(pr_get_dumpable, seccomp_ret_allow, 0, 0, 0)`, `{ok,1,2147418112,0,0,0}`}, {`prctl(pr_get_timerslack, 0, 0, 0, 0)`, `{ok,50000,0,0,0,0}`},
			{`prctl(pr_set_no_new_privs, 1, 0, 0, 0)`, `{ok,0,1,0,0,0}`}, {`prctl(pr_set_seccomp, seccomp_mode_filter, 0, 0, 0)`, `{error,efault}`},
			{`prctl(pr_foo, 0, 0, 0, 0)`, `{error,enotsup}`}, {`prctl(pr_foo, {bad}, 0, 0, 0)`, `{error,enotsup}`}, {`prctl(pr_get_dumpable, foo, 0, 0, 0)`, `{error,enotsup}`},
			{`prctl(pr_get_dumpable, 0, foo, bad, 0)`, `{error,enotsup}`}, {`prctl(9999, 0, 0, 0, 0)`, `{error,einval}`}, {`prctl(-1, 0, 0, 0, 0)`, `{error,einval}`},
			{`prctl(pr_set_ptracer_any, 0, 0, 0, 0)`, `{error,einval}`}, {`prctl(pr_get_dumpable, 0, -1, 0, 0)`, badarg}, {`prctl(pr_get_dumpable, 0, 2147483648, 0, 0)`, badarg},
			{`prctl(pr_get_dumpable, "abc", 0, 0, 0)`, badarg}, {`prctl(pr_get_dumpable, 0, 0, 0, {x})`, badarg}, {`prctl(pr_get_dumpable, pr_set_ptracer_any, 0, 0, 0)`, badarg},
			{`prctl(pr_get_dumpable, seccomp_ret_kill_process, 0, 0, 0)`, badarg}, {`prctl(2147483648, 0, 0, 0, 0)`, badarg}, {`prctl("x", 0, 0, 0, 0)`, badarg},
		}},
	})
}

// denyGetcwd is a seccomp program under which getcwd fails with EPERM.
func denyGetcwd() Bin {
	insn := func(code uint16, jt, jf byte, k uint32) []byte {
		b := binary.NativeEndian.AppendUint16(nil, code)
		return binary.NativeEndian.AppendUint32(append(b, jt, jf), k)
	}
	var prog Bin
	prog = append(prog, insn(0x20, 0, 0, 0)...)
	prog = append(prog, insn(0x15, 0, 1, unix.SYS_GETCWD)...)
	prog = append(prog, insn(0x06, 0, 0, 0x00050000|uint32(unix.EPERM))...)
	return append(prog, insn(0x06, 0, 0, 0x7fff0000)...)
}

// 68 seccomp.
func TestCallsSeccomp(t *testing.T) {
	vars := Vars{"Prog": denyGetcwd()}
	const filter = `[<<4:16/native>>,<<0:48>>,{ptr,Prog}]`
	groups(t, []group{
		{name: "68 seccomp", why: emulatedPrctl, vars: vars, list: []example{
			{`seccomp(2, 0, [<<16#7fff0000:32/native>>])`, `ok`}, {`seccomp(2, 0, [<<16#12340000:32/native>>])`, `{error,enotsup}`},
			{`seccomp(1, 0, [])`, `{error,efault}`}, {`seccomp(99, 0, [])`, `{error,einval}`}, {`seccomp(0, 1, [])`, `{error,einval}`},
			{`seccomp(seccomp_foo, bad, bad)`, `{error,enotsup}`}, {`seccomp(0, x, [])`, `{error,enotsup}`}, {`seccomp(0, 0, <<>>)`, badarg},
			{`seccomp(0, 0, 0)`, badarg}, {`seccomp(0, 0, "ab")`, badarg}, {`seccomp("x", 0, [])`, badarg},
			{`prctl(pr_set_no_new_privs, 1, 0, 0, 0)`, `{ok,0,1,0,0,0}`},
			{`seccomp(1, seccomp_filter_flag_tsync, ` + filter + `)`, `ok`}, {`getcwd()`, `{error,eperm}`}, {`seccomp(seccomp_set_mode_filter, 0, ` + filter + `)`, `ok`},
		}},
		{name: "59 prctl with a program", why: emulatedPrctl, vars: vars, list: []example{
			{`prctl(pr_set_no_new_privs, 1, 0, 0, 0)`, `{ok,0,1,0,0,0}`},
			{`prctl(pr_set_seccomp, seccomp_mode_filter, ` + filter + `, 0, 0)`, `{ok,0,2,[<<4,0>>,<<0:48>>,{ptr,Prog}],0,0}`}, {`getcwd()`, `{error,eperm}`},
		}},
	})
	porttest.NeedNative(t, emulatedPrctl)
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Go(c, "seccomp", Atom("seccomp_set_mode_strict"), 0, List{})
	gone(t, p, c, Tuple{Atom("termsig"), Atom("sigkill")})
	p.EndsWith(0)
}

// 62 ptrace.
func TestCallsPtrace(t *testing.T) {
	porttest.NeedNative(t, "the emulator has no ptrace")
	p := start(t, Opts{})
	p.Want(nil, nil, `sigaction(sigchld, sig_info)`, `{ok,sig_dfl}`)
	c := p.Fork(nil)
	vars := Vars{"Pid": c[0], "Self": p.Pid}
	p.Want(c, nil, `ptrace(ptrace_traceme, 0, 0, 0)`, `{ok,0,<<>>,<<>>}`)
	p.Want(c, nil, `ptrace(ptrace_traceme, 0, 0, 0)`, `{error,eperm}`)
	p.Go(c, "execve", Bin("/bin/true"), List{Bin("true")}, List{})
	eq(t, "exec of the tracee", p.Ctl(c), "fdctl_closed")
	signalEvent(t, p, nil, "sigchld")
	examples(t, p, nil, vars, []example{
		{`waitpid(Pid, 0)`, `{ok,Pid,1407,[{stopsig,sigtrap}]}`},
		{`ptrace(ptrace_getsiginfo, Pid, 0, <<0:1024>>)`, `{ok,0,<<>>,_}`},
		{`ptrace(ptrace_geteventmsg, Pid, 0, <<0:64>>)`, `{ok,0,<<>>,<<0,0,0,0,0,0,0,0>>}`},
		{`ptrace(ptrace_getsigmask, Pid, 8, <<0:64>>)`, `{ok,0,<<>>,<<0:64>>}`},
		{`ptrace(ptrace_peektext, Pid, 0, 0)`, `{error,eio}`}, {`ptrace(9999, Pid, 0, 0)`, `{error,eio}`},
		{`ptrace(ptrace_cont, 99999999, 0, 0)`, `{error,esrch}`}, {`ptrace(ptrace_attach, Self, 0, 0)`, `{error,eperm}`}, {`ptrace(ptrace_foo, x, 0, 0)`, `{error,enotsup}`},
		{`ptrace(ptrace_setoptions, Pid, 0, ptrace_o_tracefork)`, badarg}, {`ptrace(ptrace_cont, Pid, [], 0)`, badarg}, {`ptrace(ptrace_cont, Pid, 0, [])`, badarg},
		{`ptrace(ptrace_cont, Pid, -1, 0)`, badarg}, {`ptrace(ptrace_cont, Pid, 0, 2147483648)`, badarg}, {`ptrace(ptrace_cont, x, 0, 0)`, badarg}, {`ptrace("x", Pid, 0, 0)`, badarg},
	})
	examples(t, p, nil, vars, registers)
	p.Want(nil, vars, `ptrace(ptrace_cont, Pid, 0, 0)`, `{ok,0,<<>>,<<>>}`)
	signalEvent(t, p, nil, "sigchld")
	p.Want(nil, vars, `waitpid(Pid, 0)`, fmt.Sprintf(`{ok,%d,0,[{exit_status,0}]}`, c[0]))
	p.EndsWith(0)
}

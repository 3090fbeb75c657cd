package wire

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"alcove/internal/porttest"
)

// W72 Child fds are exactly 0-5 plus inherited user fds; exec'd child has 0-4.
func TestW72(t *testing.T) {
	porttest.NeedNative(t, "shows the descriptors of the emulator")
	p := start(t, Opts{})
	p.Want(nil, nil, `open("/dev/null", [o_rdonly], 0)`, `{ok,6}`)
	p.Want(nil, nil, `open("/dev/null", [o_rdonly,o_cloexec], 0)`, `{ok,7}`)
	a := p.Fork(nil)
	b := p.Fork(nil)
	for _, path := range []Path{a, b, p.Fork(a)} {
		p.Call(path, "version")
		sameInts(t, fmt.Sprintf("fds of %v", path), own(p, path), 0, 1, 2, 3, 4, 5, 6, 7)
	}
	p.Exec(b, "sleep", "60")
	wantFds(t, "fds of an exec'd child", hostPid(p, b), 0, 1, 2, 3, 4, 6)
	p.EndsWith(0)
}

// own returns the descriptors of the process at path less those of its children.
func own(p *Port, path Path) []int {
	fds := porttest.FdNumbers(hostPid(p, path))
	for _, e := range p.Call(path, "cpid").(List) {
		for _, fd := range e.(Tuple)[4:] {
			if i := slices.Index(fds, int(fd.(int64))); i >= 0 {
				fds = slices.Delete(fds, i, i+1)
			}
		}
	}
	return fds
}

// W73 Parent's kept fds are close-on-exec; its stdin end is non-blocking.
func TestW73(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Call(c, "version")
	ctl, in, out, errs := fdsOf(p, c)
	want := map[int]int{
		ctl:  syscall.O_RDWR | syscall.O_CLOEXEC,
		in:   syscall.O_WRONLY | syscall.O_CLOEXEC | syscall.O_NONBLOCK,
		out:  syscall.O_RDONLY | syscall.O_CLOEXEC,
		errs: syscall.O_RDONLY | syscall.O_CLOEXEC,
	}
	mask := syscall.O_ACCMODE | syscall.O_CLOEXEC | syscall.O_NONBLOCK
	for _, fd := range porttest.OpenFds(p.Pid) {
		if flags, ok := want[fd.Num]; ok && fd.Flags&mask != flags {
			t.Errorf("fd %d (%s) has flags %o, want %o", fd.Num, fd.Target, fd.Flags&mask, flags)
		}
	}
	for _, fd := range porttest.OpenFds(hostPid(p, c)) {
		cloexec, nonblock := fd.Flags&syscall.O_CLOEXEC != 0, fd.Flags&syscall.O_NONBLOCK != 0
		if cloexec != (fd.Num == 5) || nonblock != (fd.Num == 3 || fd.Num == 4) {
			t.Errorf("child's fd %d: close-on-exec %v, non-blocking %v", fd.Num, cloexec, nonblock)
		}
	}
	p.EndsWith(0)
}

// W74 Siblings' pipes are not open in a later child (end of file reaches the first
// child when its stdin is closed).
func TestW74(t *testing.T) {
	p := start(t, Opts{})
	first := p.Fork(nil)
	shell(p, first, "cat; echo end")
	later := p.Fork(nil)
	p.Fork(later)
	p.Exec(p.Fork(nil), "sleep", "60")
	_, in, _, _ := fdsOf(p, first)
	eq(t, "close", p.Call(nil, "close", in), "ok")
	if out, _ := output(p, first); out != "end\n" {
		t.Errorf("first child wrote %q", out)
	}
	p.EndsWith(0)
}

// W75 clone with clone_newpid: child getpid is 1, frames carry the outer pid.
func TestW75(t *testing.T) {
	porttest.NeedRoot(t)
	porttest.NeedNative(t, "clone with namespaces is refused by the emulator")
	p := start(t, Opts{})
	c := p.Clone(nil, "clone_newpid")
	eq(t, "getpid in a new pid namespace", p.Call(c, "getpid"), "1")
	d := p.Fork(c)
	eq(t, "first child there", p.Call(d, "getpid"), fmt.Sprint(d[1]))
	if d[1] > 100 {
		t.Errorf("pid %d in a new pid namespace", d[1])
	}
	e := p.Clone(nil, "clone_newipc", "clone_newnet", "clone_newns", "clone_newpid", "clone_newuts")
	eq(t, "all namespaces", p.Call(e, "getpid"), "1")
	p.Want(e, nil, `sethostname("inside")`, `ok`)
	p.Want(nil, nil, `gethostname()`, `{ok,<<"probe">>}`)
	p.Want(p.Clone(nil, "clone_newuser"), nil, `getuid()`, `65534`)
	p.EndsWith(0)
}

// W76 clone: unknown atom {error,enotsup}, bare atom badarg, [] and 0 work like
// fork. (Unlimited stack is {error,enomem} at the original, which allocates one;
// calls.md §13 advises a clone that needs none.)
func TestW76(t *testing.T) {
	p := start(t, Opts{})
	vars := Vars{}
	examples(t, p, nil, vars, []example{
		{`clone([clone_foo])`, `{error,enotsup}`}, {`clone(clone_newuts)`, badarg}, {`clone([clone_newuts|clone_newns])`, badarg},
		{`clone(2147483648)`, badarg}, {`clone(-1)`, `{error,einval}`}, {`clone([])`, `{ok,A}`}, {`clone(0)`, `{ok,B}`},
	})
	for _, name := range []string{"A", "B"} {
		c := Path{int(vars[name].(int64))}
		eq(t, "getpid of "+name, p.Call(c, "getpid"), fmt.Sprint(c[0]))
		p.Go(c, "exit", 1)
		gone(t, p, c, exitStatus(1))
	}
	p.EndsWith(0)
}

// allowList is what the original needs in a leaf (wire.md §8), by system call
// number of this architecture.
func allowList() []int {
	return slices.Concat([]int{
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETPID, unix.SYS_READ, unix.SYS_RESTART_SYSCALL,
		unix.SYS_RT_SIGRETURN, unix.SYS_WRITE, unix.SYS_WRITEV,
	}, archAllowList)
}

// bpf is a seccomp program that lets the listed system calls pass and answers
// all others with action.
func bpf(allow []int, action uint32) Bin {
	insn := func(code uint16, jt, jf byte, k uint32) []byte {
		b := binary.NativeEndian.AppendUint16(nil, code)
		return binary.NativeEndian.AppendUint32(append(b, jt, jf), k)
	}
	var prog Bin
	prog = append(prog, insn(0x20, 0, 0, 0)...) // ld nr
	for i, nr := range allow {
		prog = append(prog, insn(0x15, byte(len(allow)-i), 0, uint32(nr))...)
	}
	prog = append(prog, insn(0x06, 0, 0, action)...)
	return append(prog, insn(0x06, 0, 0, 0x7fff0000)...)
}

const (
	seccompKill = 0
	seccompTrap = 0x00030000
)

// confine puts a seccomp filter on the process at path.
func confine(p *Port, path Path, action uint32) {
	prog := bpf(allowList(), action)
	length := binary.NativeEndian.AppendUint16(nil, uint16(len(prog)/8))
	p.Want(path, nil, `prctl(pr_set_no_new_privs, 1, 0, 0, 0)`, `{ok,0,1,0,0,0}`)
	p.Want(path, Vars{"Len": Bin(length), "Prog": prog},
		`prctl(pr_set_seccomp, seccomp_mode_filter, [Len,<<0:48>>,{ptr,Prog}], 0, 0)`,
		`{ok,0,2,[Len,<<0:48>>,{ptr,Prog}],0,0}`)
}

// W77 Leaf child under the whitelist filter survives version, getpid, cpid,
// getopt, badpid, signals, exit, end of file.
func TestW77(t *testing.T) {
	porttest.NeedNative(t, "the filter would be put on the emulator")
	p := start(t, Opts{})
	c, d := p.Fork(nil), p.Fork(nil)
	for _, path := range []Path{c, d} {
		confine(p, path, seccompKill)
		examples(t, p, path, nil, []example{
			{`version()`, `<<"1.0.1">>`}, {`getpid()`, fmt.Sprint(path[0])}, {`cpid()`, `[]`}, {`getopt(maxchild)`, `64`},
			{`setopt(flowcontrol, 1)`, `true`}, {`iolist_to_bin(["a",<<"b">>])`, `<<"ab">>`}, {`errno_id(2)`, `enoent`},
			{`getenv("HOME")`, `<<"/">>`}, {`environ()`, `_`}, {`file_constant(o_creat)`, `_`}, {`chdir(x)`, badarg}, {`unveil([],[])`, undef},
			{`iolist_to_bin(<<"x"...(60000 bytes)>>)`, `_`}, {`alloc([{ptr,1000}])`, `{ok,_,_}`},
		})
		p.Send(path.Child(77), getpidFrame())
		eq(t, "badpid", p.Ctl(path.Child(77)), "badpid")
		p.Call(nil, "kill", path[0], Atom("sigusr1"))
		signalEvent(t, p, path, "sigusr1")
		eq(t, "after the signal", p.Call(path, "version"), `<<"1.0.1">>`)
	}
	p.Go(c, "exit", 7)
	gone(t, p, c, exitStatus(7))
	_, in, _, _ := fdsOf(p, d)
	p.Call(nil, "close", in)
	gone(t, p, d, exitStatus(0))
	p.EndsWith(0)
}

// W78 Same, kill action: getcwd → fdctl_closed, {termsig,sigsys}.
func TestW78(t *testing.T) {
	porttest.NeedNative(t, "the filter would be put on the emulator")
	p := start(t, Opts{})
	for _, call := range []string{"getcwd", "getuid"} {
		c := p.Fork(nil)
		confine(p, c, seccompKill)
		p.Go(c, call)
		gone(t, p, c, Tuple{Atom("termsig"), Atom("sigsys")})
	}
	p.EndsWith(0)
}

// W79 Same, trap action with SIGSYS caught: reply, then {signal,sigsys,_}, process
// alive.
func TestW79(t *testing.T) {
	porttest.NeedNative(t, "the filter would be put on the emulator")
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Want(c, nil, `sigaction(sigsys, [])`, `{ok,sig_info}`)
	confine(p, c, seccompTrap)
	for range 3 {
		p.Call(c, "setsid")
		info := signalEvent(t, p, c, "sigsys")
		if native32(info[24:]) != unix.SYS_SETSID {
			t.Errorf("siginfo names system call %d, want %d", native32(info[24:]), unix.SYS_SETSID)
		}
		eq(t, "after the trap", p.Call(c, "version"), `<<"1.0.1">>`)
	}
	p.EndsWith(0)
}

// W80 filter: own and child sets OR-ed, child starts with the child set, 17-byte
// binary → badarg.
func TestW80(t *testing.T) {
	p := start(t, Opts{})
	a := p.Fork(nil)
	examples(t, p, a, nil, []example{
		{`filter(<<0,0,0,0,16>>, <<0,0,0,0,0,4>>)`, `ok`}, {`getpid()`, undef}, {`getuid()`, `_`},
		{`filter(<<0:136>>, <<>>)`, badarg}, {`filter(<<>>, <<0:136>>)`, badarg}, {`filter([], <<>>)`, badarg}, {`filter("ab", <<>>)`, badarg},
		{`filter(<<0:128>>, <<0:128>>)`, `ok`}, {`filter(<<0,0,0,8>>, foo)`, badarg}, {`getgid()`, undef},
	}[:8])
	p.Want(a, nil, `filter(<<0,0,0,128>>, foo)`, badarg)
	p.Want(a, nil, `getgid()`, `_`)
	b := p.Fork(a)
	examples(t, p, b, nil, []example{{`getpid()`, `_`}, {`getuid()`, undef}})
	c := p.Fork(b)
	examples(t, p, c, nil, []example{{`getpid()`, `_`}, {`getuid()`, undef}})
	examples(t, p, b, nil, []example{{`filter(<<>>, <<0,0,0,128>>)`, `ok`}, {`getgid()`, `_`}})
	d := p.Fork(b)
	examples(t, p, d, nil, []example{{`getgid()`, undef}, {`getuid()`, undef}, {`getpid()`, `_`}})
	examples(t, p, c, nil, []example{{`getgid()`, `_`}})
	examples(t, p, d, nil, []example{{`filter(<<0,0,0,8>>, <<>>)`, `ok`}, {`filter(<<>>, <<>>)`, undef}, {`filter(x)`, undef}})
	p.EndsWith(0)
}

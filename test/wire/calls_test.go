package wire

import (
	"os"
	"strings"
	"testing"

	"alcove/internal/porttest"
)

// The worked examples of calls.md, one file a family of calls, the expected
// reply beside the request. Each group runs in a child of its own in an empty
// scratch directory.

// group is a list of examples that build on each other.
type group struct {
	name  string
	needs string   // "root", "isolation": what the group cannot do without
	why   string   // why it cannot run under an emulator; empty: it can
	env   []string // environment of the port
	flags []Atom   // namespaces of the child
	setup func(t *testing.T, box string)
	vars  Vars
	list  []example
}

func groups(t *testing.T, all []group) {
	for _, g := range all {
		t.Run(g.name, func(t *testing.T) {
			switch g.needs {
			case "root":
				porttest.NeedRoot(t)
			case "isolation":
				porttest.NeedIsolation(t)
			}
			if g.why != "" {
				porttest.NeedNative(t, g.why)
			}
			g.run(t)
		})
	}
}

func (g *group) run(t *testing.T) {
	t.Helper()
	box := porttest.Scratch(t)
	if g.setup != nil {
		g.setup(t, box)
	}
	p := start(t, Opts{Box: box, Env: g.env, Limits: limit(nofile, 1024, 4096)})
	c := p.Clone(nil, g.flags...)
	vars := Vars{"Box": Bin(box), "Pid": c[0], "Port": p.Pid}
	for k, v := range g.vars {
		vars[k] = v
	}
	examples(t, p, c, vars, g.list)
}

// write makes a file.
func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := porttest.WriteProgram(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// nobody are the calls that make a process an unprivileged user's.
var nobody = []example{
	{`setgroups([])`, `ok`}, {`setresgid(65534,65534,65534)`, `ok`}, {`setresuid(65534,65534,65534)`, `ok`},
}

func join(lists ...[]example) []example {
	var all []example
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// §1 dispatch, §2 argument forms.
func TestCallForms(t *testing.T) {
	groups(t, []group{
		{name: "dispatch", list: []example{
			{`version()`, `<<"1.0.1">>`}, {`version(1)`, badarg}, {`unveil([])`, badarg}, {`unveil([], [])`, undef}, {`cap_constant(1)`, undef},
		}},
		{
			name: "order of decoding",
			list: []example{
				{`open("d/f", [o_foo], -1)`, `{error,enotsup}`}, {`setrlimit(rlimit_foo, bad)`, `{error,enotsup}`},
				{`prctl(pr_foo, {bad}, 0, 0, 0)`, `{error,enotsup}`},
			},
		},
		{
			name: "flags",
			list: []example{
				{`mkdir("d", 8#755)`, `ok`}, {`open("d/f", [o_creat], 8#644)`, `{ok,6}`}, {`close(6)`, `ok`},
				{`open("d/f", [], 0)`, `{ok,6}`}, {`open("d/f", 0, 0)`, `{ok,7}`},
				{`open("d/g", o_rdonly, 0)`, badarg}, {`open("d/g", [o_rdonly,o_foo], 0)`, `{error,enotsup}`},
				{`open("d/f", [o_rdonly|o_rdwr], 0)`, badarg}, {`open("/dev/null", [[o_rdonly]], 0)`, badarg},
				{`open("/dev/null", [o_rdonly,2147483648], 0)`, badarg}, {`open("f", [o_creat,512,o_rdwr], 420)`, `{ok,8}`},
				{`open("zzz", [o_rdonly,0,64], 420)`, `{ok,9}`},
			},
		},
		{
			name: "iodata",
			list: []example{
				{`chdir(["/",<<"t">>,[$m,"p"]])`, `ok`}, {`getcwd()`, `{ok,<<"/tmp">>}`},
				{`chdir("")`, badarg}, {`chdir(<<>>)`, badarg}, {`chdir([[]])`, badarg}, {`chdir(<<0>>)`, `{error,enoent}`},
				{`chdir(<<"/tmp",0,"/x">>)`, `ok`}, {`getcwd()`, `{ok,<<"/tmp">>}`},
				{`chdir(foo)`, badarg}, {`chdir(1)`, badarg}, {`chdir([256])`, badarg}, {`chdir(["/tmp"|<<"x">>])`, badarg},
			},
		},
	})
}

// The calls that need nothing of the system, and those that do not exist here.
func TestCallsPlain(t *testing.T) {
	groups(t, []group{
		{name: "0 alloc", list: []example{
			{`alloc([<<1,2,3>>])`, `{ok,<<1,2,3>>,[<<1,2,3>>]}`}, {`alloc([<<>>,<<>>])`, `{ok,<<>>,[<<>>,<<>>]}`},
			{`alloc([{ptr,<<>>}])`, `{ok,<<0:64>>,[<<0:64>>]}`}, {`alloc([{ptr,0}])`, `{ok,<<0:64>>,[<<0:64>>]}`},
			{`alloc([<<1,2>>,{ptr,4}])`, `{ok,_,[<<1,2>>,{ptr,<<0,0,0,0>>}]}`},
			{`alloc([{ptr,<<"abc">>},<<0:32>>])`, `{ok,_,[{ptr,<<"abc">>},<<0,0,0,0>>]}`},
			{`alloc([])`, badarg}, {`alloc("abc")`, badarg}, {`alloc(<<1>>)`, badarg}, {`alloc([{ptr,-1}])`, badarg},
			{`alloc([{foo,1}])`, badarg}, {`alloc([{ptr,1,2}])`, badarg}, {`alloc([{ptr,65536}])`, badarg},
			{`alloc([{ptr,40000},{ptr,30000}])`, badarg},
		}},
		{name: "not on Linux", list: []example{
			{`cap_constant(cap_read)`, undef}, {`cap_constant(1)`, undef}, {`cap_enter()`, undef}, {`cap_enter(x)`, badarg},
			{`cap_fcntls_get(0)`, undef}, {`cap_fcntls_limit(0, [])`, undef}, {`cap_getmode()`, undef}, {`cap_ioctls_limit(0, [])`, undef},
			{`cap_rights_limit(0, [])`, undef}, {`jail([<<>>])`, undef}, {`jail_attach(1)`, undef}, {`jail_remove(1)`, undef},
			{`pledge("stdio", [])`, undef}, {`procctl(p_pid, 1, proc_reap_status, [])`, undef}, {`unveil([], [])`, undef},
		}},
		{name: "constants", list: []example{
			{`clone_constant(clone_newns)`, `131072`}, {`clone_constant('CLONE_NEWNS')`, `131072`}, {`clone_constant(nonexist)`, `unknown`},
			{`clone_constant("clone_newns")`, badarg}, {`clone_constant(1)`, badarg}, {`clone_constant(clone_vm)`, `unknown`},
			{`fcntl_constant(fd_cloexec)`, `1`}, {`fcntl_constant(f_dupfd)`, `unknown`},
			{`file_constant(o_creat)`, `64`}, {`file_constant('O_Creat')`, `64`}, {`file_constant(o_largefile)`, `0`},
			{`file_constant(o_tmpfile)`, `unknown`}, {`file_constant('__O_SYNC')`, `unknown`},
			{`ioctl_constant(tunsetiff)`, `1074025674`}, {`ioctl_constant(tiocflush)`, `unknown`},
			{`mount_constant(rdonly)`, `1`}, {`mount_constant(mnt_detach)`, `2`}, {`mount_constant(ms_nouser)`, `18446744071562067968`},
			{`mount_constant(ms_mgc_val)`, `3236757504`}, {`mount_constant(nodev)`, `unknown`},
			{`prctl_constant(seccomp_mode_filter)`, `2`}, {`prctl_constant(seccomp_ret_kill)`, `0`},
			{`prctl_constant(seccomp_ret_kill_process)`, `2147483648`}, {`prctl_constant(pr_set_ptracer_any)`, `18446744073709551615`},
			{`prctl_constant(pr_set)`, `unknown`},
			{`ptrace_constant(ptrace_traceme)`, `0`}, {`ptrace_constant(ptrace_getregset)`, `16900`}, {`ptrace_constant(nonexist)`, `unknown`},
			{`rlimit_constant(rlimit_nofile)`, `7`}, {`rlimit_constant(rlim_infinity)`, `unknown`},
			{`seccomp_constant(seccomp_set_mode_filter)`, `1`}, {`seccomp_constant(seccomp_mode_filter)`, `unknown`},
			{`signal_constant(sigterm)`, `15`}, {`signal_constant(sigiot)`, `6`}, {`signal_constant(sigpoll)`, `29`},
			{`signal_constant(sigrtmin)`, `unknown`}, {`signal_constant(siglost)`, `unknown`}, {`signal_constant("sighup")`, badarg},
			{`syscall_constant(exit)`, `unknown`}, {`syscall_constant(audit_arch_x86_64)`, `3221225534`},
			{`syscall_constant(sys_stat64)`, `unknown`}, {`syscall_constant(sys_getrandom)`, `unknown`}, {`syscall_constant(sys_execveat)`, `unknown`},
		}},
		{name: "constants of this architecture", why: "the numbers are those of the machine", list: []example{
			{`syscall_constant(sys_exit)`, porttest.Text(int64(sysExit))}, {`syscall_constant('SYS_exit')`, porttest.Text(int64(sysExit))},
		}},
		{name: "19 errno_id", list: []example{
			{`errno_id(1)`, `eperm`}, {`errno_id(0)`, `unknown`}, {`errno_id(95)`, `enotsup`}, {`errno_id(11)`, `eagain`}, {`errno_id(-1)`, `unknown`},
			{`errno_id(9999)`, `unknown`}, {`errno_id(enoent)`, badarg}, {`errno_id(2147483648)`, badarg},
		}},
		{name: "45 iolist_to_bin", list: []example{
			{`iolist_to_bin(["0",1,[2,[<<3>>]]])`, `<<48,1,2,3>>`}, {`iolist_to_bin([])`, `<<>>`}, {`iolist_to_bin(<<0,1,0>>)`, `<<0,1,0>>`},
			{`iolist_to_bin(` + strings.Repeat("[", 16) + `"ok"` + strings.Repeat("]", 16) + `)`, `<<"ok">>`},
			{`iolist_to_bin(` + strings.Repeat("[", 17) + `"fail"` + strings.Repeat("]", 17) + `)`, badarg},
			{`iolist_to_bin(10)`, badarg}, {`iolist_to_bin([123456])`, badarg}, {`iolist_to_bin([-1])`, badarg}, {`iolist_to_bin(a)`, badarg},
			{`iolist_to_bin(["a"|<<"b">>])`, badarg}, {`iolist_to_bin(#4d 00000001 03 20#)`, badarg},
		}},
		{name: "97 version", list: []example{{`version()`, `<<"1.0.1">>`}}},
	})
}

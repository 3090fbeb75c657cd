package wire

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove/internal/porttest"
)

// execExample is an exec call and what comes of it: the output of the program,
// or the reply of the call when it starts with { or is badarg.
type execExample struct {
	before []example // calls made in the same process first
	call   string
	want   string
}

const programs = "executes programs of the machine"

func execExamples(t *testing.T, p *Port, vars Vars, list []execExample) {
	t.Helper()
	for _, e := range list {
		c := p.Fork(nil)
		examples(t, p, c, vars, e.before)
		name, args, err := porttest.ParseCall(e.call, vars)
		if err != nil {
			t.Fatal(err)
		}
		p.Go(c, name, args...)
		f := p.Next(c)
		got := ""
		switch f.Type {
		case porttest.TypeCall:
			v, err := porttest.Decode(f.Payload)
			if err != nil {
				t.Fatal(err)
			}
			got = porttest.Text(v)
			p.Want(c, nil, `version()`, `<<"1.0.1">>`) // nothing has changed
			p.Go(c, "exit", 0)
			gone(t, p, c, exitStatus(0))
		default:
			got, _ = output(p, c)
		}
		if got != e.want {
			t.Errorf("%s\n got %q\nwant %q", e.call, got, e.want)
		}
	}
}

// 20 execve.
func TestCallsExecve(t *testing.T) {
	porttest.NeedNative(t, programs)
	p := start(t, Opts{Env: []string{"IGNORED=1"}})
	write(t, p.Box+"/noshebang", "echo $0\n", 0o755)
	write(t, p.Box+"/empty", "", 0o755)
	execExamples(t, p, Vars{"Env": Bin(sysBin(t, "env"))}, []execExample{
		{call: `execve(Env, ["env"], ["FOO=bar","B=2"])`, want: "FOO=bar\nB=2\n"},
		{call: `execve(Env, ["env"], [])`, want: ""},
		{call: `execve(Env, [], ["FOO=bar"])`, want: "FOO=bar\n"},
		{call: `execve(Env, ["env"], ["NOEQ","A=1","A=2"])`, want: "NOEQ\nA=1\nA=2\n"},
		{call: `execve(Env, ["env"], [<<"A=1",0,"2">>])`, want: "A=1\n"},
		{call: `execve("env", ["env"], [])`, want: "{error,enoent}"},
		{call: `execve("noshebang", ["x"], [])`, want: "{error,enoexec}"},
		{call: `execve("empty", ["x"], [])`, want: "{error,enoexec}"},
		{call: `execve("", ["env"], [])`, want: badarg},
		{call: `execve(Env, "env", [])`, want: badarg},
		{call: `execve(Env, ["env"], "FOO")`, want: badarg},
		{call: `execve(Env, ["env"], [false])`, want: badarg},
		{call: `execve("/nonexistent", ["x"], foo)`, want: badarg},
	})
	p.EndsWith(0)
}

// 21 execvp.
func TestCallsExecvp(t *testing.T) {
	porttest.NeedNative(t, programs)
	p := start(t, Opts{})
	box := p.Box
	write(t, box+"/noshebang", `echo "$0 $*"`, 0o755)
	for _, dir := range []string{"A", "B", "C"} {
		if err := os.Mkdir(filepath.Join(box, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, box+"/A/dup", "echo A", 0o644)
	write(t, box+"/B/dup", "#!/bin/sh\necho B\n", 0o755)
	write(t, box+"/C/lost", "#!/no/such/interpreter\n", 0o755)
	if err := os.Symlink("loop1", box+"/C/loop1"); err != nil {
		t.Fatal(err)
	}
	path := func(v string) []example { return []example{{`setenv("PATH", ` + v + `, 1)`, `ok`}} }
	in := func(dir string) []example { return []example{{`chdir("` + dir + `")`, `ok`}} }
	unset := []example{{`unsetenv("PATH")`, `ok`}}
	vars := Vars{"Dir": Bin(box), "DirAB": Bin(box + "/A:" + box + "/B"), "DirA": Bin(box + "/A:/nonexistent"), "DirC": Bin(box + "/C:/bin")}
	execExamples(t, p, vars, []execExample{
		{call: `execvp("echo", ["echo","hi",<<"there">>,["a",$b]])`, want: "hi there ab\n"},
		{call: `execvp("/bin/echo", [])`, want: "\n"},
		{call: `execvp("sh", ["sh","-c","echo $#:$0:$1",<<"a",0,"b">>,""])`, want: "1:a:\n"},
		{call: `execvp("nope", ["nope"])`, want: "{error,enoent}"},
		{call: `execvp("/tmp", ["x"])`, want: "{error,eacces}"},
		{call: `execvp("/etc/passwd", ["x"])`, want: "{error,eacces}"},
		{call: `execvp("/etc/passwd/x", ["x"])`, want: "{error,enotdir}"},
		{before: path("Dir"), call: `execvp("noshebang", ["arg0","p1","p2"])`, want: box + "/noshebang p1 p2\n"},
		{call: `execvp("./noshebang", ["arg0","p1"])`, want: "./noshebang p1\n"},
		{before: unset, call: `execvp("noshebang", ["arg0"])`, want: "{error,enoent}"},
		{before: unset, call: `execvp("echo", ["echo","x"])`, want: "x\n"},
		{before: join(path(`""`), in("/bin")), call: `execvp("echo", ["echo","x"])`, want: "x\n"},
		{before: join(path(`""`), in("/")), call: `execvp("echo", ["echo","x"])`, want: "{error,enoent}"},
		{before: join(path(`"/nonexistent:"`), in("/bin")), call: `execvp("echo", ["echo","x"])`, want: "x\n"},
		{before: join(path(`":/nonexistent"`), in("/bin")), call: `execvp("echo", ["echo","x"])`, want: "x\n"},
		{before: join(path(`"/a::/b"`), in("/bin")), call: `execvp("echo", ["echo","x"])`, want: "x\n"},
		{before: path("DirAB"), call: `execvp("dup", ["dup"])`, want: "B\n"},
		{before: path("DirA"), call: `execvp("dup", ["dup"])`, want: "{error,eacces}"},
		{before: path(`"/etc/passwd"`), call: `execvp("echo", ["echo"])`, want: "{error,enotdir}"},
		{before: path("DirC"), call: `execvp("loop1", ["x"])`, want: "{error,eloop}"},
		{before: path("DirC"), call: `execvp("lost", ["x"])`, want: "{error,enoent}"},
		{call: `execvp(<<"n"...(256 bytes)>>, ["x"])`, want: "{error,enametoolong}"},
		{call: `execvp(<<"n"...(255 bytes)>>, ["x"])`, want: "{error,enoent}"},
		{before: path(`[<<"p"...(5000 bytes)>>,":/bin"]`), call: `execvp("echo", ["echo","x"])`, want: "x\n"},
		{call: `execvp(<<0>>, ["x"])`, want: "{error,enoent}"},
		{call: `execvp("", ["x"])`, want: badarg},
		{call: `execvp("echo", "echo")`, want: badarg},
		{call: `execvp("echo", <<"echo">>)`, want: badarg},
		{call: `execvp("echo", ["echo",1])`, want: badarg},
		{call: `execvp("echo", ["echo",foo])`, want: badarg},
		{call: `execvp("echo", ["echo"|<<"foo">>])`, want: badarg},
	})
	p.EndsWith(0)
}

// 21 execvp of a script without #! and without arguments: the original
// dereferences NULL there; the shell has to run.
func TestCallExecvpShellWithoutArguments(t *testing.T) {
	porttest.NeedNative(t, programs)
	p := start(t, Opts{})
	write(t, p.Box+"/noshebang", `echo "$0 $#"`, 0o755)
	execExamples(t, p, nil, []execExample{{call: `execvp("./noshebang", [])`, want: "./noshebang 0\n"}})
	p.EndsWith(0)
}

// 25 fexecve.
func TestCallsFexecve(t *testing.T) {
	porttest.NeedNative(t, "emulators know no execveat")
	p := start(t, Opts{})
	write(t, p.Box+"/script", "#!/bin/sh\necho $0\n", 0o755)
	write(t, p.Box+"/noshebang", "echo $0\n", 0o755)
	open := func(path, flags string) []example {
		return []example{{`open("` + path + `", ` + flags + `, 0)`, `{ok,6}`}}
	}
	env := sysBin(t, "env")
	execExamples(t, p, nil, []execExample{
		{before: open(env, "[o_rdonly,o_cloexec]"), call: `fexecve(6, ["env"], ["A=1"])`, want: "A=1\n"},
		{before: open(env, "[o_rdonly]"), call: `fexecve(6, ["env"], [])`, want: "{error,einval}"},
		{before: open(env, "[o_rdonly]"), call: `fexecve(6, [], ["A=1"])`, want: "{error,einval}"},
		{call: `fexecve(-1, ["env"], ["A=1"])`, want: "{error,einval}"},
		{call: `fexecve(99, ["env"], ["A=1"])`, want: "{error,ebadf}"},
		{call: `fexecve(0, ["env"], ["A=1"])`, want: "{error,eacces}"},
		{before: open("script", "[o_rdonly,o_cloexec]"), call: `fexecve(6, ["x"], ["A=1"])`, want: "{error,enoent}"},
		{before: open("script", "[o_rdonly]"), call: `fexecve(6, ["x"], ["A=1"])`, want: "/dev/fd/6\n"},
		{before: open("noshebang", "[o_rdonly]"), call: `fexecve(6, ["x"], ["A=1"])`, want: "{error,enoexec}"},
		{before: open(".", "[o_rdonly]"), call: `fexecve(6, ["x"], ["A=1"])`, want: "{error,eacces}"},
		{call: `fexecve(foo, ["env"], ["A=1"])`, want: badarg},
		{before: open(env, "[o_rdonly]"), call: `fexecve(6, "env", ["A=1"])`, want: badarg},
	})
	p.EndsWith(0)
}

// 20 across exec: dispositions, mask and descriptors.
func TestCallExecKeeps(t *testing.T) {
	porttest.NeedNative(t, programs)
	p := start(t, Opts{})
	c := p.Fork(nil)
	examples(t, p, c, nil, []example{
		{`sigaction(sigusr1, sig_ign)`, `{ok,sig_info}`}, {`sigaction(sigusr2, sig_dfl)`, `{ok,sig_info}`},
		{`open("/dev/null", [o_rdonly], 0)`, `{ok,6}`}, {`open("/dev/null", [o_rdonly,o_cloexec], 0)`, `{ok,7}`},
	})
	shell(p, c, `grep -E '^Sig(Ign|Blk)' /proc/self/status; cd /proc/$$/fd; for i in 6 7; do [ -e $i ] && echo fd $i; done; true`)
	out, _ := output(p, c)
	want := "SigBlk: 0000000000000000 SigIgn: 0000000000000200 fd 6"
	if got := strings.Join(strings.Fields(out), " "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.EndsWith(0)
}

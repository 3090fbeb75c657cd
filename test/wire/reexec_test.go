package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alcove/internal/porttest"
)

// The way clients renew a control process: the program, under whatever name, is
// opened as a descriptor and executed in a child with -d, 3, 4 and 5 kept
// (wire.md §2.5). before prepares the child; the descriptor is opened first, as
// the file may be out of reach afterwards. (The original needs the machine's C
// library and cannot start in an empty root.)
func TestReexec(t *testing.T) {
	porttest.NeedIsolation(t)
	porttest.NeedNative(t, "the machine cannot execute the program without the emulator")
	for _, c := range []struct {
		name   string
		flags  []Atom
		before []example
		after  []example
	}{
		{name: "plain"},
		{
			name:   "in a chroot without proc",
			before: []example{{`mkdir("root", 8#755)`, `ok`}, {`chroot("root")`, `ok`}, {`chdir("/")`, `ok`}},
			after:  []example{{`getcwd()`, `{ok,<<"/">>}`}, {`readdir("/")`, `{ok,_}`}, {`open("/proc/self/stat", [o_rdonly], 0)`, `{error,enoent}`}},
		},
		{
			name: "as an unprivileged user",
			before: []example{
				{`setgroups([])`, `ok`}, {`setresgid(65534,65534,65534)`, `ok`}, {`setresuid(65534,65534,65534)`, `ok`},
			},
			after: []example{{`getresuid()`, `{ok,65534,65534,65534}`}, {`setuid(0)`, `{error,eperm}`}},
		},
		{
			name: "unprivileged in a chroot",
			before: []example{
				{`mkdir("root", 8#755)`, `ok`}, {`chroot("root")`, `ok`}, {`chdir("/")`, `ok`},
				{`setresgid(65534,65534,65534)`, `ok`}, {`setresuid(65534,65534,65534)`, `ok`},
			},
			after: []example{{`getresuid()`, `{ok,65534,65534,65534}`}},
		},
		{
			name:  "in new pid, mount and network namespaces",
			flags: []Atom{"clone_newpid", "clone_newns", "clone_newnet", "clone_newuts", "clone_newipc"},
			after: []example{{`getpid()`, `1`}, {`sethostname("inside")`, `ok`}},
		},
		{
			name:  "in a new user namespace",
			flags: []Atom{"clone_newuser"},
			after: []example{{`getuid()`, `65534`}},
		},
		{
			name:   "with new privileges refused",
			before: []example{{`prctl(pr_set_no_new_privs, 1, 0, 0, 0)`, `{ok,0,1,0,0,0}`}},
		},
		{
			name:   "with signals ignored and others pending",
			before: []example{{`sigaction(sigusr1, sig_ign)`, `{ok,sig_info}`}},
			after:  []example{{`sigaction(sigusr1, [])`, `{ok,sig_ign}`}, {`sigaction(sigterm, [])`, `{ok,sig_dfl}`}, {`sigaction(sigchld, [])`, `{ok,sig_dfl}`}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, Opts{})
			copyOf(t, porttest.Binary(t), filepath.Join(p.Box, "another-name"))
			child := p.Clone(nil, c.flags...)
			p.Want(child, nil, `open("another-name", [o_rdonly,o_cloexec], 0)`, `{ok,6}`)
			examples(t, p, child, nil, c.before)
			for fd := 3; fd <= 5; fd++ {
				p.Want(child, Vars{"Fd": fd}, `fcntl(Fd, f_setfd, 0)`, `{ok,0}`)
			}
			before := porttest.Text(p.Call(nil, "cpid"))
			p.Want(child, nil, `fexecve(6, ["another-name","-d","1"], ["A=1"])`, `ok`)
			for fd := 3; fd <= 5; fd++ {
				p.Want(child, Vars{"Fd": fd}, `fcntl(Fd, f_setfd, 1)`, `{ok,0}`)
			}
			if after := porttest.Text(p.Call(nil, "cpid")); after != before {
				t.Errorf("table %s, before %s", after, before)
			}
			examples(t, p, child, nil, c.after)
			examples(t, p, child, nil, []example{{`environ()`, `[<<"A=1">>]`}, {`cpid()`, `[]`}, {`getopt(maxforkdepth)`, `16`}})
			// The image is new: one thread, and it forks.
			pid := hostPid(p, child)
			if n := porttest.Threads(pid); n != 1 {
				t.Errorf("%d threads", n)
			}
			below := p.Fork(child)
			p.Want(below, nil, `version()`, `<<"1.0.1">>`)
			p.Go(below, "exit", 3)
			gone(t, p, below, exitStatus(3))
			p.EndsWith(0)
		})
	}
}

// A port that replaces itself goes on as a port.
func TestReexecPort(t *testing.T) {
	porttest.NeedNative(t, "the machine cannot execute the program without the emulator")
	p := start(t, Opts{})
	reexec(t, p, nil, 0)
	c := p.Fork(nil)
	p.Want(c, nil, `getpid()`, fmt.Sprint(c[0]))
	p.EndsWith(0)
}

// Exec of the program without its descriptors prepared is an exec like any
// other: the parent sees the child's frames as stdout (wire.md §2.5).
func TestReexecUnprepared(t *testing.T) {
	porttest.NeedNative(t, "the machine cannot execute the program without the emulator")
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Exec(c, porttest.Binary(t), "-d", "1")
	if got := p.Output(c, porttest.TypeStdout, len(readyFrame)); string(got) != string(readyFrame) {
		t.Errorf("stdout % x, want the ready frame", got)
	}
	p.Send(c, porttest.Request("fork"))
	f := p.Next(c)
	inner, err := porttest.ParseFrame(f.Payload)
	if err != nil || f.Type != porttest.TypeStdout {
		p.Fatalf("%v, %v", f, err)
	}
	v, err := porttest.Decode(inner.Payload)
	if err != nil || !strings.HasPrefix(porttest.Text(v), "{ok,") {
		t.Errorf("fork inside answered %s, %v", porttest.Text(v), err)
	}
	p.CloseStdin()
	p.Wait()
}

// Without descriptor 3 the ready frame is written, then the process ends with 9.
func TestReexecWithoutDescriptors(t *testing.T) {
	p := porttest.Start(t, Opts{Args: []string{"-d", "0"}})
	if ws := p.Wait(); porttest.ExitText(ws) != "exit 9" {
		t.Errorf("%s, want exit 9", porttest.ExitText(ws))
	}
}

// With /proc hidden the program starts as well.
func TestStartWithoutProc(t *testing.T) {
	porttest.NeedIsolation(t)
	porttest.NeedNative(t, "the machine cannot execute the program without the emulator")
	p := start(t, Opts{})
	root := filepath.Join(p.Box, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	copyOf(t, porttest.Binary(t), filepath.Join(root, "port"))
	c := p.Clone(nil, "clone_newpid")
	examples(t, p, c, Vars{"Root": Bin(root)}, []example{{`chroot(Root)`, `ok`}, {`chdir("/")`, `ok`}})
	p.Exec(c, "/port", "-c", "/ctl")
	if got := p.Output(c, porttest.TypeStdout, len(readyFrame)); string(got) != string(readyFrame) {
		t.Errorf("stdout % x, want the ready frame", got)
	}
	p.EndsWith(0)
}

package wire

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"alcove/internal/porttest"
)

const (
	nofile  = syscall.RLIMIT_NOFILE
	stack   = syscall.RLIMIT_STACK
	forever = 1<<64 - 1
)

func limit(res int, soft, hard uint64) []porttest.Limit {
	return []porttest.Limit{{Res: res, Cur: soft, Max: hard}}
}

// W1 First 9 bytes on stdout: the ready frame, nothing else unasked.
func TestW1(t *testing.T) {
	p := porttest.Launch(t, Opts{})
	if f := p.NextAny(); !bytes.Equal(f.Outer, readyFrame) {
		t.Errorf("first frame % x, want % x", f.Outer, readyFrame)
	}
	p.Quiet(2 * moment)
	p.EndsWith(0)
	silent(t, p)
}

// W2 No arguments: exit 22, no output on either stream.
func TestW2(t *testing.T) {
	silent(t, ends(t, Opts{NoArgs: true}, 22))
}

// W3 -h: exit 95, two lines on stderr, stdout empty; a bad option adds a
// libc-style first line.
func TestW3(t *testing.T) {
	porttest.NeedNative(t, "argv[0] is the emulator's business")
	const usage = "port-name 1.0.1\nusage: port-name -c <path> [<options>]\n"
	for _, c := range []struct {
		args   []string
		stderr string
	}{
		{[]string{"-h"}, usage},
		{[]string{"-x"}, "dir/port-name: invalid option -- 'x'\n" + usage},
		{[]string{"-c"}, "dir/port-name: option requires an argument -- 'c'\n" + usage},
		{[]string{"-m"}, "dir/port-name: option requires an argument -- 'm'\n" + usage},
		{[]string{"--help"}, "dir/port-name: invalid option -- '-'\n" + usage},
		{[]string{"operand", "-h"}, usage},
		{[]string{"-h", "-d", "300"}, usage},
		{[]string{"-c", "x", "-hq"}, usage},
	} {
		p := ends(t, Opts{Args: c.args, Argv0: "dir/port-name"}, 95)
		p.Quiet(0)
		if !porttest.Eventually(func() bool { return p.Stderr() == c.stderr }) {
			t.Errorf("%q: stderr %q, want %q", c.args, p.Stderr(), c.stderr)
		}
	}
}

// W4 -c existing path: 17; missing directory: 2; -c ”: 2; all silent.
func TestW4(t *testing.T) {
	box := porttest.Scratch(t)
	file := filepath.Join(box, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{file: 17, box: 17, box + "/no/ctl": 2, "": 2, file + "/ctl": 20} {
		silent(t, ends(t, Opts{Args: []string{"-c", path}}, status))
	}
}

// W5 -d 255 accepted, -d 256 and -d -1 exit 11, -d 65536 is depth 0, -d abc is 0.
func TestW5(t *testing.T) {
	for _, d := range []string{"256", "300", "-1", "65535"} {
		silent(t, ends(t, Opts{Args: []string{"-d", d}}, 11))
	}
	silent(t, ends(t, Opts{Args: []string{"-d", "300", "-h"}}, 11))
	for d, reply := range map[string]string{
		"255": "{error,eagain}", "16": "{error,eagain}", "15": "{ok,_}",
		"0": "{ok,_}", "65536": "{ok,_}", "abc": "{ok,_}", "": "{ok,_}",
	} {
		p := start(t, Opts{Args: []string{"-d", d}, Fds: reexecFds})
		eq(t, "fork with -d "+d, p.Call(nil, "fork"), reply)
	}
}

// W6 -m N accepted iff 6N+6 <= soft RLIMIT_NOFILE, else 11; -m 0 forbids fork.
func TestW6(t *testing.T) {
	for _, c := range []struct {
		soft uint64
		m    string
		max  int // -1: exit 11
	}{
		{64, "9", 9}, {64, "10", -1}, {64, "-1", -1}, {64, "65536", 0}, {64, "x", 0}, {64, "", 0},
		{1024, "169", 169}, {1024, "170", -1}, {1024, "65", 65}, {12, "1", 1}, {12, "2", -1},
	} {
		o := Opts{Args: []string{"-c", "$BOX/ctl", "-m", c.m}, Limits: limit(nofile, c.soft, 4096)}
		if c.max < 0 {
			silent(t, ends(t, o, 11))
			continue
		}
		p := start(t, o)
		eq(t, fmt.Sprintf("maxchild with -m %q", c.m), p.Call(nil, "getopt", Atom("maxchild")), fmt.Sprint(c.max))
		if c.max == 0 {
			eq(t, "fork with -m 0", p.Call(nil, "fork"), "{error,eagain}")
		}
		p.EndsWith(0)
	}
	p := start(t, Opts{Args: []string{"-m", "3", "-c$BOX/ctl", "-m5"}})
	eq(t, "the last -m wins", p.Call(nil, "getopt", Atom("maxchild")), "5")
	p.EndsWith(0)
}

// W7 Default maxchild 64; with RLIMIT_NOFILE 64 → 9, 17 → 1, 11 → 0.
func TestW7(t *testing.T) {
	for soft, max := range map[uint64]int{4096: 64, 1024: 64, 390: 64, 389: 63, 64: 9, 18: 2, 17: 1, 12: 1, 11: 0, 6: 0} {
		p := start(t, Opts{Limits: limit(nofile, soft, 4096)})
		eq(t, fmt.Sprintf("maxchild with %d descriptors", soft), p.Call(nil, "getopt", Atom("maxchild")), fmt.Sprint(max))
		p.EndsWith(0)
	}
	silent(t, ends(t, Opts{Limits: limit(nofile, 5, 4096)}, 24))
}

// W8 Fifo is made with mode 0644 less umask, fd 5 is it, read-write; the unlink
// call removes it.
func TestW8(t *testing.T) {
	masks := []int{0o022, 0o077, 0}
	if os.Getuid() == 0 {
		masks = append(masks, 0o777) // others cannot open what they made then
	}
	for _, mask := range masks {
		p := start(t, Opts{Umask: &mask})
		ctl := filepath.Join(p.Box, "ctl")
		fi, err := os.Lstat(ctl)
		if err != nil {
			t.Fatal(err)
		}
		if want := os.ModeNamedPipe | os.FileMode(0o644&^mask); fi.Mode() != want {
			t.Errorf("umask %o: mode %v, want %v", mask, fi.Mode(), want)
		}
		for _, fd := range porttest.OpenFds(p.Pid) {
			if fd.Num == 5 && (fd.Target != ctl || fd.Flags&syscall.O_ACCMODE != syscall.O_RDWR) {
				t.Errorf("fd 5 is %+v, want %s read-write", fd, ctl)
			}
		}
		eq(t, "unlink", p.Call(nil, "unlink", Bin(ctl)), "ok")
		if _, err := os.Lstat(ctl); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", ctl, err)
		}
		p.EndsWith(0)
	}
}

// W9 Port fds 3, 4, 5 close on exec of the port; the driver sees fdctl_closed.
func TestW9(t *testing.T) {
	porttest.NeedNative(t, "shows the descriptors of the emulator")
	p := start(t, Opts{})
	for _, fd := range porttest.OpenFds(p.Pid) {
		if got, want := fd.Flags&syscall.O_CLOEXEC != 0, fd.Num >= 3; got != want {
			t.Errorf("close-on-exec of fd %d is %v, want %v", fd.Num, got, want)
		}
	}
	fifo, err := syscall.Open(filepath.Join(p.Box, "ctl"), syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fifo)
	buf := make([]byte, 1)
	if _, err := syscall.Read(fifo, buf); err != syscall.EAGAIN {
		t.Errorf("fifo before the exec: %v, want EAGAIN", err)
	}
	p.Unframed()
	p.Go(nil, "execvp", Bin("cat"), List{Bin("cat")})
	if !porttest.Eventually(func() bool { n, err := syscall.Read(fifo, buf); return n == 0 && err == nil }) {
		t.Error("no end of file on the fifo after the exec")
	}
	wantFds(t, "fds of the new program", p.Pid, 0, 1, 2)
	p.Write([]byte("bytes"))
	if got := string(p.Raw(5)); got != "bytes" {
		t.Errorf("cat answered %q", got)
	}
}

// W10 Unlimited soft stack becomes 8388608; finite stays; under -d untouched.
func TestW10(t *testing.T) {
	porttest.NeedNative(t, "the emulator needs its own stack limit")
	for _, c := range []struct {
		soft, hard uint64
		args       []string
		want       string
	}{
		{forever, forever, nil, "8388608 unlimited"},
		{8 << 20, forever, nil, "8388608 unlimited"},
		{64 << 20, 64 << 20, nil, "67108864 67108864"},
		{1 << 20, forever, nil, "1048576 unlimited"},
		{forever, forever, []string{"-d", "0"}, "unlimited unlimited"},
	} {
		o := Opts{Limits: limit(stack, c.soft, c.hard), Args: c.args}
		if c.args != nil {
			o.Fds = reexecFds
		}
		p := start(t, o)
		if got := porttest.Limits(p.Pid)["Max stack size"]; got != c.want {
			t.Errorf("%+v: stack limit %q, want %q", c, got, c.want)
		}
		p.EndsWith(0)
	}
}

// W11 Environment normalisation as in §1.
func TestW11(t *testing.T) {
	porttest.NeedNative(t, "the emulator arranges the environment")
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"A=1", "B", "A=2", "C=3"}, `[<<"A=2">>,<<"C=3">>]`},
		{[]string{"A=1", "B=2", "A=3", "NOEQ", "C="}, `[<<"A=3">>,<<"B=2">>,<<"C=">>]`},
		{[]string{"A=1", "=x", "B=2", "A=3"}, `[<<"A=1">>,<<"=x">>,<<"B=2">>,<<"A=3">>]`},
		{[]string{}, `[]`},
	} {
		p := start(t, Opts{Env: c.env})
		eq(t, fmt.Sprintf("environ of %q", c.env), p.Call(nil, "environ"), c.want)
		child := p.Fork(nil)
		eq(t, fmt.Sprintf("environ in a child, %q", c.env), p.Call(child, "environ"), c.want)
		p.EndsWith(0)
	}
}

// W12 Ready frame unwritable → exit 5.
func TestW12(t *testing.T) {
	silent(t, ends(t, Opts{DeadOut: true}, 5))
	silent(t, ends(t, Opts{Fds: []porttest.Fd{{Num: 1, Path: "/dev/full", Flags: syscall.O_WRONLY}}}, 5))
}

// W13 -d creates no fifo and catches only SIGCHLD.
func TestW13(t *testing.T) {
	porttest.NeedNative(t, "the emulator has handlers of its own")
	p := start(t, Opts{Args: []string{"-c", "$BOX/ctl", "-d", "3"}, Fds: reexecFds})
	if _, err := os.Lstat(filepath.Join(p.Box, "ctl")); !os.IsNotExist(err) {
		t.Errorf("a fifo was made: %v", err)
	}
	if got := status(p, nil, "SigCgt"); got != "0000000000010000" {
		t.Errorf("caught signals %s, want SIGCHLD only", got)
	}
	q := start(t, Opts{})
	if got := status(q, nil, "SigCgt"); got != "fffffffe7ffbfeff" {
		t.Errorf("caught signals of a port %s, want fffffffe7ffbfeff", got)
	}
}

// W14 Re-exec with 3, 4, 5 inherited: reply ok, parent's table unchanged, fork
// works after.
func TestW14(t *testing.T) {
	porttest.NeedNative(t, "executes the port's own file, which the machine cannot run without the emulator")
	p := start(t, Opts{})
	a := p.Fork(nil)
	p.Want(a, nil, `getopt(stdout_closed)`, `0`)
	p.Want(a, nil, `setopt(stdout_closed, 1)`, `true`)
	before := porttest.Text(p.Call(nil, "cpid"))
	reexec(t, p, a, 1)
	if after := porttest.Text(p.Call(nil, "cpid")); after != before {
		t.Errorf("child table %s, before %s", after, before)
	}
	p.Want(a, nil, `getopt(stdout_closed)`, `0`)
	b := p.Fork(a)
	eq(t, "getpid below", p.Call(b, "getpid"), fmt.Sprint(b[1]))
	p.EndsWith(0)
}

// reexec replaces the control process at path by a fresh image of the program,
// as clients do, and takes its ready frame.
func reexec(t *testing.T, p *Port, path Path, depth int) {
	t.Helper()
	for fd := 3; fd <= 5; fd++ {
		p.Want(path, Vars{"Fd": fd}, `fcntl(Fd, f_setfd, 0)`, `{ok,0}`)
	}
	port := porttest.Binary(t)
	p.Go(path, "execve", Bin(port), List{Bin("alcove"), Bin("-d"), Bin(fmt.Sprint(depth))}, List{Bin("A=1")})
	if v := p.Reply(path); v != Atom("ok") {
		p.Fatalf("exec of the program answered %s", porttest.Text(v))
	}
	for fd := 3; fd <= 5; fd++ {
		p.Want(path, Vars{"Fd": fd}, `fcntl(Fd, f_setfd, 1)`, `{ok,0}`)
	}
}

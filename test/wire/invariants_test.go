package wire

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/internal/porttest"
)

// One thread in the port, in children, and in the parent of an exec'd
// grandchild.
func TestOneThread(t *testing.T) {
	porttest.NeedNative(t, "the emulator has threads of its own")
	p := start(t, Opts{})
	deep := p.Chain(4)
	p.Exec(p.Fork(deep), "sleep", "60")
	clone := p.Clone(nil)
	for i := range len(deep) + 1 {
		p.Call(deep[:i], "iolist_to_bin", Bin(make([]byte, 50000)))
	}
	for _, path := range []Path{nil, deep[:1], deep[:2], deep, clone} {
		p.Call(path, "version")
		if n := porttest.Threads(hostPid(p, path)); n != 1 {
			t.Errorf("%v has %d threads", path, n)
		}
	}
	p.EndsWith(0)
}

// pipeline sends n times the same call and compares every reply with the first
// bytes of want; up to 256 calls are on their way at a time.
func pipeline(p *Port, path Path, n int, request []byte, check func(f porttest.Frame)) {
	const batch = 256
	frames := bytes.Repeat(porttest.Wrap(path, request), batch)
	size := len(frames) / batch
	sent, got := 0, 0
	for got < n {
		if k := min(batch, n-sent); k > 0 {
			p.Write(frames[:k*size])
			sent += k
		}
		for got < sent-batch/2 || sent == n && got < n {
			check(p.Next(path))
			got++
		}
	}
}

// A leaf under the original's allow-list with kill action survives 100,000 calls.
func TestLeafUnderSeccomp(t *testing.T) {
	porttest.NeedNative(t, "the filter would be put on the emulator")
	p := start(t, Opts{})
	c := p.Fork(nil)
	confine(p, c, seccompKill)
	want := append([]byte{0x83, 0x62}, pid4(c[0])...)
	pipeline(p, c, 60_000, getpidFrame(), func(f porttest.Frame) {
		if !bytes.Equal(f.Payload, want) {
			p.Fatalf("%v", f)
		}
	})
	for _, call := range []string{
		`iolist_to_bin(["abc",[<<"def">>,[1,2,3]]])`, `alloc([<<1,2,3>>,{ptr,<<"abc">>},{ptr,500}])`, `environ()`,
		`setenv("K", "some value", 1)`,
	} {
		name, args, err := porttest.ParseCall(call, nil)
		if err != nil {
			t.Fatal(err)
		}
		if name == "setenv" {
			continue // keeps what it is given: may need memory, as in the original
		}
		pipeline(p, c, 10_000, porttest.Request(name, args...), func(f porttest.Frame) {
			if f.Type != porttest.TypeCall {
				p.Fatalf("%v", f)
			}
		})
	}
	pipeline(p, c, 10_000, []byte{0, 7, 0, 4, 0, 36, 0x82, 0x68, 0}, func(f porttest.Frame) {
		if f.Type != porttest.TypeCall {
			p.Fatalf("%v", f)
		}
	})
	p.Want(c, nil, `getpid()`, fmt.Sprint(c[0]))
	p.EndsWith(0)
}

// Memory of the port and of a child is flat over 1,000,000 calls.
func TestMemoryFlat(t *testing.T) {
	calls := 1_000_000
	if testing.Short() {
		calls = 100_000
	}
	p := start(t, Opts{})
	c := p.Fork(nil)
	mixed := []string{
		`getpid()`, `iolist_to_bin(["abc",[<<"def">>,[1,2,3]]])`, `errno_id(2)`, `file_constant(o_creat)`, `getcwd()`,
		`alloc([<<1,2,3>>,{ptr,<<"abc">>},{ptr,500}])`, `open("/nonexistent", [o_rdonly], 0)`, `setopt(exit_status, 1)`,
		`setenv("KEY", <<"0123456789">>, 1)`, `chdir(nonsense)`,
	}
	requests := make([][]byte, len(mixed))
	for i, call := range mixed {
		name, args, err := porttest.ParseCall(call, nil)
		if err != nil {
			t.Fatal(err)
		}
		requests[i] = porttest.Request(name, args...)
	}
	round := func(n int) {
		for _, path := range []Path{nil, c} {
			for _, r := range requests {
				pipeline(p, path, n/len(requests)/2, r, func(porttest.Frame) {})
			}
		}
	}
	round(20_000) // everything has been touched once
	before := []int{porttest.Memory(p.Pid, "Rss"), porttest.Memory(hostPid(p, c), "Rss")}
	round(calls)
	after := []int{porttest.Memory(p.Pid, "Rss"), porttest.Memory(hostPid(p, c), "Rss")}
	for i, who := range []string{"port", "child"} {
		if grown := after[i] - before[i]; grown > 256 {
			t.Errorf("%s: %d kB before, %d kB after %d calls", who, before[i], after[i], calls)
		}
	}
	p.EndsWith(0)
}

// Time and memory of the port do not grow with forked and gone children.
func TestForksLeaveNothing(t *testing.T) {
	p := start(t, Opts{})
	churn := func(n int) {
		for i := range n {
			c := p.Fork(nil)
			if i%2 == 0 {
				p.Exec(c, "true")
				wantEvent(t, p, c, exitStatus(0))
			} else {
				p.Go(c, "exit", 0)
				gone(t, p, c, exitStatus(0))
			}
		}
		emptied(t, p, nil)
	}
	churn(50)
	before := porttest.Memory(p.Pid, "Rss")
	churn(300)
	if grown := porttest.Memory(p.Pid, "Rss") - before; grown > 256 {
		t.Errorf("%d kB more after 300 children", grown)
	}
	sameInts(t, "fds", porttest.FdNumbers(p.Pid), 0, 1, 2, 3, 4, 5)
	p.EndsWith(0)
}

// inside is what a program says about itself that the port or a child of it
// executes.
const inside = `exec 2>&1; cd /
grep -E '^(SigBlk|SigIgn|SigPnd|ShdPnd|Threads|NoNewPrivs|Seccomp|Umask|Uid|Gid):' /proc/self/status
grep -E '^Max (open files|stack size|core file size)' /proc/self/limits
ls -1 /proc/$$/fd
tr '\0' '\n' < /proc/$$/environ
echo end`

// What an exec'd program sees: signal sets and masks, limits, descriptors and
// environment, in a child, in a grandchild and in the port's own place.
func TestExecSees(t *testing.T) {
	porttest.NeedNative(t, "executes programs of the machine, which see the emulator's state")
	porttest.NeedRoot(t) // for the limits
	mask := 0o027
	o := Opts{
		Umask: &mask, Env: []string{"PATH=/usr/bin:/bin", "A=1", "A=2", "B"},
		Limits: append(append(limit(nofile, 777, 2000), limit(stack, forever, forever)...), limit(4, 1, 2)...), // 4: RLIMIT_CORE
	}
	common := []string{
		"Umask: 0027", "Uid: 0 0 0 0", "Gid: 0 0 0 0", "Threads: 1",
		"SigPnd: 0000000000000000", "ShdPnd: 0000000000000000", "SigBlk: 0000000000000000",
		"SigIgn: 0000000000000000", "NoNewPrivs: 0", "Seccomp: 0",
		"Max stack size 8388608 unlimited bytes", "Max core file size 1 2 bytes", "Max open files 777 2000 files",
	}
	environ := []string{"PATH=/usr/bin:/bin", "A=2", "end"}
	check := func(what, got string, fds ...string) {
		t.Helper()
		want := slices.Concat(common, fds, environ)
		var lines []string
		for line := range strings.Lines(got) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		if !slices.Equal(lines, want) {
			t.Errorf("%s sees\n%q, want\n%q", what, lines, want)
		}
	}
	p := start(t, o)
	c := p.Fork(nil)
	d := p.Fork(c)
	e := p.Clone(c)
	for _, path := range []Path{d, e, c} {
		shell(p, path, inside)
		out, _ := output(p, path)
		check(fmt.Sprint("child ", path), out, "0", "1", "2", "3", "4")
	}
	p.EndsWith(0)

	q := start(t, o)
	q.Unframed()
	q.Go(nil, "execvp", Bin("sh"), List{Bin("sh"), Bin("-c"), Bin(inside)})
	q.Wait()
	check("the program in the port's place", string(q.Raw(1)), "0", "1", "2")
}

// What the port's signals look like from outside, in the port and in children.
func TestSignalState(t *testing.T) {
	porttest.NeedNative(t, "the emulator has handlers of its own")
	p := start(t, Opts{Block: []int{10, 12}, Ignore: []int{1, 13}})
	c := p.Fork(nil)
	d := p.Clone(c)
	for _, path := range []Path{nil, c, d} {
		p.Call(path, "version")
		for field, want := range map[string]string{
			"SigBlk": "0000000000000a00", "SigIgn": "0000000000000000", "SigCgt": "fffffffe7ffbfeff",
		} {
			if got := status(p, path, field); got != want {
				t.Errorf("%v: %s %s, want %s", path, field, got, want)
			}
		}
	}
	p.Exec(d, "sleep", "60")
	for field, want := range map[string]string{"SigBlk": "0000000000000a00", "SigIgn": "0000000000000000", "SigCgt": "0000000000000000"} {
		if got := status(p, d, field); got != want {
			t.Errorf("exec'd: %s %s, want %s", field, got, want)
		}
	}
	p.EndsWith(0)
}

// The binary links none of the packages that start threads, raise limits or
// cost start-up.
func TestLinkedPackages(t *testing.T) {
	if os.Getenv("ALCOVE_PORT") != "" {
		porttest.Skip(t, "asks about this module's program, not ALCOVE_PORT")
	}
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Dir = porttest.ModuleRoot(t)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.Lines(string(out)) {
		switch pkg := strings.TrimSpace(pkg); pkg {
		case "os", "fmt", "net", "os/signal", "os/exec", "log", "runtime/cgo":
			t.Errorf("the port links %s", pkg)
		}
	}
}

// The binary is one static file.
func TestStatic(t *testing.T) {
	if os.Getenv("ALCOVE_PORT") != "" {
		porttest.Skip(t, "asks about this module's program, not ALCOVE_PORT")
	}
	f, err := elf.Open(porttest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libs, err := f.ImportedLibraries(); err != nil || len(libs) > 0 {
		t.Errorf("needs %v, %v", libs, err)
	}
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_INTERP {
			t.Error("has an interpreter")
		}
	}
}

// An idle port and idle children use no processor time.
func TestIdle(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Exec(p.Fork(c), "sleep", "60")
	p.Call(c, "version")
	pids := []int{p.Pid, hostPid(p, c)}
	var before []time.Duration
	for _, pid := range pids {
		st, _ := porttest.ReadStat(pid)
		before = append(before, st.CPU)
	}
	time.Sleep(10 * moment)
	for i, pid := range pids {
		if st, _ := porttest.ReadStat(pid); st.CPU-before[i] > 20*time.Millisecond {
			t.Errorf("process %d used %v in %v of idleness", i, st.CPU-before[i], 10*moment)
		}
	}
	p.EndsWith(0)
}

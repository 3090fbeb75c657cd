// Package wire drives the built port program over pipes and holds it to
// wire.md: a test TestWn for each line Wn of its checklist (§10), a test TestDn
// for each defect Dn of the original (§9) that this program does not have, the
// worked examples of calls.md, and the invariants of the design.
//
// ALCOVE_PORT points the same tests at another port program. At the original
// the TestW and the call examples pass and the TestD fail: that is how they were
// made. (W55, W63 and a few examples ask for more than the original does; they
// say so.)
package wire

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"alcove/internal/porttest"
)

type (
	Atom  = porttest.Atom
	Bin   = porttest.Bin
	Tuple = porttest.Tuple
	List  = porttest.List
	Raw   = porttest.Raw
	Path  = porttest.Path
	Port  = porttest.Port
	Vars  = porttest.Vars
	Opts  = porttest.Options
)

func TestMain(m *testing.M) { porttest.Main(m) }

var (
	readyFrame = []byte{0, 7, 0, 4, 0x83, 0x77, 2, 'o', 'k'}
	closed     = Atom("fdctl_closed")
)

// start starts a port that has to end orderly with the test, all its frames
// taken.
func start(t *testing.T, o Opts) *Port {
	t.Helper()
	return porttest.Start(t, o)
}

// ends starts a port that ends by itself, and compares its exit status.
func ends(t *testing.T, o Opts, status int) *Port {
	t.Helper()
	o.Silent = true
	p := porttest.Start(t, o)
	ws := p.Wait()
	if !ws.Exited() || ws.ExitStatus() != status {
		p.Fatalf("args %q: %s, want exit %d", o.Args, porttest.ExitText(ws), status)
	}
	return p
}

// silent fails if a port that has ended left anything on stdout or stderr.
func silent(t *testing.T, p *Port) {
	t.Helper()
	p.Quiet(0)
	if s := p.Stderr(); s != "" {
		t.Errorf("stderr %q, want nothing", s)
	}
}

// example is a call and its reply in Erlang syntax, see porttest.ParseTerm.
type example struct{ call, reply string }

// examples runs calls in one process, in order. A failing one does not stop the
// rest unless the process is gone.
func examples(t *testing.T, p *Port, path Path, vars Vars, list []example) {
	t.Helper()
	if vars == nil {
		vars = Vars{}
	}
	for _, e := range list {
		name, args, err := porttest.ParseCall(e.call, vars)
		if err != nil {
			t.Fatal(err)
		}
		want, err := porttest.ParseTerm(e.reply, vars)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Call(path, name, args...); !porttest.Match(want, got, vars) {
			t.Errorf("%s\n got %s\nwant %s", e.call, porttest.Text(got), e.reply)
		}
	}
}

// eq compares a reply term with one in Erlang syntax.
func eq(t *testing.T, what string, got any, want string) {
	t.Helper()
	w, err := porttest.ParseTerm(want, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !porttest.Match(w, got, Vars{}) {
		t.Errorf("%s: got %s, want %s", what, porttest.Text(got), want)
	}
}

// rawCall sends a call frame with the given bytes behind the call number and
// returns the payload of the reply.
func rawCall(p *Port, path Path, name string, args []byte) []byte {
	n, _ := porttest.Number(name)
	p.Send(path, porttest.CallFrame(n, args))
	return p.Next(path).Payload
}

// tuple1 is the argument bytes of a call with one argument, given as bytes.
func tuple1(arg ...byte) []byte { return append([]byte{0x83, 0x68, 1}, arg...) }

// fdsOf returns the numbers in the child table of the process at path for its
// child: control, stdin, stdout and stderr.
func fdsOf(p *Port, child Path) (ctl, in, out, errs int) {
	parent, pid := child[:len(child)-1], int64(child[len(child)-1])
	for _, e := range p.Call(parent, "cpid").(List) {
		if c := e.(Tuple); c[1] == pid {
			return int(c[4].(int64)), int(c[5].(int64)), int(c[6].(int64)), int(c[7].(int64))
		}
	}
	p.Fatalf("%v is in no table", child)
	return
}

// cpid returns the pids in the child table of the process at path.
func cpid(p *Port, path Path) []int {
	var pids []int
	for _, e := range p.Call(path, "cpid").(List) {
		pids = append(pids, int(e.(Tuple)[1].(int64)))
	}
	return pids
}

// emptied waits until the child table of the process at path is empty.
func emptied(t *testing.T, p *Port, path Path) {
	t.Helper()
	if !porttest.Eventually(func() bool { return len(cpid(p, path)) == 0 }) {
		t.Errorf("children left in the table: %v", cpid(p, path))
	}
}

// status returns a field of /proc/PID/status of the process at path.
func status(p *Port, path Path, field string) string {
	return porttest.Status(hostPid(p, path))[field]
}

func hostPid(p *Port, path Path) int {
	if len(path) == 0 {
		return p.Pid
	}
	pid, err := p.HostPid(path)
	if err != nil {
		p.Fatalf("%v", err)
	}
	return pid
}

// exitStatus is the event of a child's end.
func exitStatus(n int) Tuple { return Tuple{Atom("exit_status"), int64(n)} }

// wantEvent takes the next frame about path and compares it with an event.
func wantEvent(t *testing.T, p *Port, path Path, want Tuple) {
	t.Helper()
	if got := p.Event(path); porttest.Text(got) != porttest.Text(want) {
		p.Fatalf("event of %v: got %s, want %s", path, porttest.Text(got), porttest.Text(want))
	}
}

// gone takes the frames of a control process that ends: its control socket
// closes, then its exit event.
func gone(t *testing.T, p *Port, path Path, event Tuple) {
	t.Helper()
	if v := p.Ctl(path); v != closed {
		p.Fatalf("%s of %v before its end", porttest.Text(v), path)
	}
	wantEvent(t, p, path, event)
}

// signalEvent takes the next frame about path, an event {signal,Name,Info}, and
// returns Info.
func signalEvent(t *testing.T, p *Port, path Path, name Atom) []byte {
	t.Helper()
	ev, ok := p.Event(path).(Tuple)
	if !ok || len(ev) != 3 || ev[0] != Atom("signal") || ev[1] != name {
		p.Fatalf("event %s, want {signal,%s,Info}", porttest.Text(ev), name)
	}
	info := ev[2].(Bin)
	if len(info) != 128 {
		p.Fatalf("siginfo of %d bytes", len(info))
	}
	return info
}

func native32(b []byte) int { return int(int32(binary.NativeEndian.Uint32(b))) }

// sysBin names a program of the machine that the tests execute.
func sysBin(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/bin", "/usr/bin"} {
		if _, err := os.Stat(dir + "/" + name); err == nil {
			return dir + "/" + name
		}
	}
	porttest.Skip(t, "needs %s in /bin or /usr/bin", name)
	return ""
}

// shell replaces the program of the process at path by a shell script.
func shell(p *Port, path Path, script string) { p.Exec(path, "/bin/sh", "-c", script) }

// output collects a child's stdout up to its exit event and returns both.
func output(p *Port, path Path) (string, any) {
	var b strings.Builder
	for {
		f := p.Next(path)
		switch f.Type {
		case porttest.TypeStdout:
			b.Write(f.Payload)
		case porttest.TypeEvent:
			v, err := porttest.Decode(f.Payload)
			if err != nil {
				p.Fatalf("%v", err)
			}
			return b.String(), v
		default:
			p.Fatalf("unexpected %v", f)
		}
	}
}

func sameInts(t *testing.T, what string, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantFds waits for a program to have these descriptors: one that has just been
// executed opens files of its own for a moment.
func wantFds(t *testing.T, what string, pid int, want ...int) {
	t.Helper()
	if !porttest.Eventually(func() bool { return slices.Equal(porttest.FdNumbers(pid), want) }) {
		sameInts(t, what, porttest.FdNumbers(pid), want...)
	}
}

const moment = 50 * time.Millisecond

// reexecFds are the descriptors a control process has when it is executed
// again with -d.
var reexecFds = []porttest.Fd{
	{Num: 3, Path: "pipe-r:signals", Flags: 0o4000},
	{Num: 4, Path: "pipe-w:signals", Flags: 0o4000},
	{Num: 5, Path: "/dev/null", Flags: 2},
}

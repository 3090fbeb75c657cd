package porttest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long a wait for the port may take. A port that is alive
// answers within milliseconds; the margin is for a loaded machine.
const Patience = 10 * time.Second

// Options shape the start of a port. The zero value is what Erlang does: a
// control fifo in a fresh directory, nothing else.
type Options struct {
	Args    []string // default -c CTL; $BOX stands for the scratch directory
	NoArgs  bool
	Argv0   string   // default the path of the program
	Env     []string // default that of DefaultEnv
	NoEnv   bool
	Dir     string // default the scratch directory
	Umask   *int
	Limits  []Limit
	Fds     []Fd
	Close   []int
	Block   []int
	Ignore  []int
	NoNewPr bool
	Nice    int
	UID     int
	DeadOut bool   // stdout is a pipe without reader
	Binary  string // default the program under test
	Box     string // default a new directory, removed at the end
	Silent  bool   // no ready frame is expected; Start does not wait for it
}

// DefaultEnv is the environment of a started port.
var DefaultEnv = []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C", "PROBE=1"}

// Port is a running port program and what it has sent so far. All methods fail
// the test when the port does not do within Patience what they wait for; the
// message lists the frames received.
type Port struct {
	t     testing.TB
	Box   string // scratch directory, the working directory of the port
	Pid   int
	Log   bool // log each frame
	stdin *os.File

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when anything below changes
	raw      bool
	rawBytes []byte
	queue    []Frame // received, not yet taken
	history  []string
	broken   error // stdout stopped being frames
	eof      bool
	stderr   bytes.Buffer
	exited   bool
	status   syscall.WaitStatus
}

// Start starts the port program and takes its ready frame.
func Start(t testing.TB, o Options) *Port {
	t.Helper()
	p := Launch(t, o)
	if !o.Silent {
		p.Ready()
	}
	return p
}

// Ready takes the ready frame and compares it byte by byte (wire.md §2.1).
func (p *Port) Ready() {
	p.t.Helper()
	f := p.Next(nil)
	if want := []byte{0, 7, 0, 4, 0x83, 0x77, 2, 'o', 'k'}; !bytes.Equal(f.Outer, want) {
		p.t.Fatalf("ready frame % x, want % x", f.Outer, want)
	}
}

// Launch starts the port program and returns at once.
func Launch(t testing.TB, o Options) *Port {
	t.Helper()
	p := &Port{t: t, Box: o.Box, changed: make(chan struct{})}
	if p.Box == "" {
		p.Box = Scratch(t)
	}
	binary := o.Binary
	if binary == "" {
		binary = Binary(t)
	}
	pl := o.plan(p.Box, binary)
	text, err := json.Marshal(pl)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var pipes [3][2]*os.File
	for i := range pipes {
		if pipes[i][0], pipes[i][1], err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
	}
	reapLock.RLock()
	proc, err := os.StartProcess(self, []string{self}, &os.ProcAttr{
		Env:   []string{launchEnv + "=" + string(text)},
		Files: []*os.File{pipes[0][0], pipes[1][1], pipes[2][1]},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err == nil {
		p.Pid = proc.Pid
		managed.Store(p.Pid, true)
		proc.Release()
	}
	reapLock.RUnlock()
	for _, f := range []*os.File{pipes[0][0], pipes[1][1], pipes[2][1]} {
		f.Close()
	}
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	p.stdin = pipes[0][1]
	go p.readFrames(pipes[1][0])
	go p.readStderr(pipes[2][0])
	go p.wait()
	t.Cleanup(p.kill)
	return p
}

func (o *Options) plan(box, binary string) plan {
	expand := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			out[i] = strings.ReplaceAll(s, "$BOX", box)
		}
		return out
	}
	pl := plan{
		Argv0: o.Argv0, Dir: strings.ReplaceAll(o.Dir, "$BOX", box), Umask: o.Umask, Limits: o.Limits,
		Fds: o.Fds, Close: o.Close, Block: o.Block, Ignore: o.Ignore, NoNewPr: o.NoNewPr, Nice: o.Nice,
		UID: o.UID, DeadOut: o.DeadOut, Env: expand(o.Env),
	}
	if pl.Dir == "" {
		pl.Dir = box
	}
	if o.Env == nil && !o.NoEnv {
		pl.Env = DefaultEnv
	}
	args := expand(o.Args)
	if o.Args == nil && !o.NoArgs {
		args = []string{"-c", filepath.Join(box, "ctl")}
	}
	pl.Exec = append(append(Runner(), binary), args...)
	return pl
}

// Scratch makes a directory that is removed at the end of the test, with a name
// of 20 bytes whatever the test is called.
func Scratch(t testing.TB) string {
	t.Helper()
	for n := 0; n < 1000; n++ {
		dir := fmt.Sprintf("/tmp/alcove-%08x", uint32(time.Now().UnixNano())+uint32(n))
		err := os.Mkdir(dir, 0o755)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	t.Fatal("no free name for a scratch directory")
	return ""
}

// WriteProgram writes a file that is going to be executed. No process may be
// started meanwhile: it would hold the file open for writing for a moment, and
// executing it then fails with ETXTBSY.
func WriteProgram(path string, content []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

func (p *Port) readFrames(r *os.File) {
	defer r.Close()
	buf := make([]byte, 2+65535)
	for {
		p.mu.Lock()
		raw := p.raw
		p.mu.Unlock()
		if raw {
			p.readRaw(r, nil)
			return
		}
		if _, err := io.ReadFull(r, buf[:2]); err != nil {
			p.endOfOutput(err, 0)
			return
		}
		p.mu.Lock()
		raw = p.raw
		p.mu.Unlock()
		if raw {
			p.readRaw(r, buf[:2])
			return
		}
		n := int(binary.BigEndian.Uint16(buf))
		if got, err := io.ReadFull(r, buf[2:2+n]); err != nil {
			p.endOfOutput(err, 2+got)
			return
		}
		f, err := ParseFrame(bytes.Clone(buf[:2+n]))
		p.change(func() {
			if err != nil {
				p.broken = err
				return
			}
			p.queue = append(p.queue, f)
			p.remember(f.String())
		})
		if err != nil {
			io.Copy(io.Discard, r)
			p.endOfOutput(io.EOF, 0)
			return
		}
	}
}

func (p *Port) readRaw(r *os.File, first []byte) {
	p.change(func() { p.rawBytes = append(p.rawBytes, first...) })
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		p.change(func() { p.rawBytes = append(p.rawBytes, buf[:n]...) })
		if err != nil {
			p.endOfOutput(io.EOF, 0)
			return
		}
	}
}

func (p *Port) endOfOutput(err error, partial int) {
	p.change(func() {
		p.eof = true
		if partial > 0 {
			p.broken = fmt.Errorf("output ends inside a frame, %d bytes of it there", partial)
		} else if !errors.Is(err, io.EOF) {
			p.broken = err
		}
	})
}

func (p *Port) readStderr(r *os.File) {
	defer r.Close()
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		p.change(func() { p.stderr.Write(buf[:n]) })
		if err != nil {
			return
		}
	}
}

func (p *Port) wait() {
	var ws syscall.WaitStatus
	for {
		_, err := syscall.Wait4(p.Pid, &ws, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	managed.Delete(p.Pid)
	p.change(func() { p.exited, p.status = true, ws })
}

// change alters the state under the lock and wakes the waiters.
func (p *Port) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// remember keeps the last frames for messages.
func (p *Port) remember(s string) {
	if p.Log {
		p.t.Log(s)
	}
	if len(p.history) >= 200 {
		p.history = append(p.history[:0:0], p.history[100:]...)
	}
	p.history = append(p.history, s)
}

// Until waits for cond, which is called under the lock, and reports whether it
// came true in time.
func (p *Port) until(patience time.Duration, cond func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		ok, changed := cond(), p.changed
		p.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			p.mu.Lock()
			defer p.mu.Unlock()
			return cond()
		}
	}
}

// Fatalf fails the test with everything known about the port.
func (p *Port) Fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), p.Report())
}

// Report describes the port for a failure message.
func (p *Port) Report() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "port %d: ", p.Pid)
	switch {
	case p.exited:
		b.WriteString(ExitText(p.status))
	case p.eof:
		b.WriteString("running, stdout closed")
	default:
		b.WriteString("running")
	}
	if p.broken != nil {
		fmt.Fprintf(&b, "; %v", p.broken)
	}
	if p.stderr.Len() > 0 {
		fmt.Fprintf(&b, "; stderr %q", p.stderr.String())
	}
	b.WriteString("; received")
	last := p.history[max(0, len(p.history)-40):]
	if len(last) < len(p.history) {
		fmt.Fprintf(&b, " (last %d)", len(last))
	}
	for _, s := range last {
		b.WriteString("\n  " + s)
	}
	return b.String()
}

// Write puts bytes on the port's stdin as they are.
func (p *Port) Write(b []byte) {
	p.t.Helper()
	if err := p.TryWrite(b); err != nil {
		p.Fatalf("write of %d bytes: %v", len(b), err)
	}
}

// TryWrite is Write for a port that may have gone; it returns the error.
func (p *Port) TryWrite(b []byte) error {
	p.stdin.SetWriteDeadline(time.Now().Add(Patience))
	_, err := p.stdin.Write(b)
	return err
}

// Send sends a frame (or raw data) to the process at path.
func (p *Port) Send(path Path, data []byte) {
	p.t.Helper()
	p.Write(Wrap(path, data))
}

// Go sends a call without waiting for its reply.
func (p *Port) Go(path Path, name string, args ...any) {
	p.t.Helper()
	p.Send(path, Request(name, args...))
}

// Call sends a call and returns its decoded reply, which must be the next frame
// about that process.
func (p *Port) Call(path Path, name string, args ...any) any {
	p.t.Helper()
	p.Go(path, name, args...)
	return p.Reply(path)
}

// Reply takes the next frame about path, which must be the reply of a call.
func (p *Port) Reply(path Path) any {
	p.t.Helper()
	return p.term(path, TypeCall)
}

// Event takes the next frame about path, which must be an event.
func (p *Port) Event(path Path) any {
	p.t.Helper()
	return p.term(path, TypeEvent)
}

// Ctl takes the next frame about path, which must be a control frame.
func (p *Port) Ctl(path Path) any {
	p.t.Helper()
	return p.term(path, TypeCtl)
}

func (p *Port) term(path Path, typ int) any {
	p.t.Helper()
	f := p.Next(path)
	if f.Type != typ {
		p.Fatalf("%s frame of %v expected, got %v", TypeName(typ), path, f)
	}
	v, err := Decode(f.Payload)
	if err != nil {
		p.Fatalf("%v", err)
	}
	return v
}

// Next takes the oldest frame about path.
func (p *Port) Next(path Path) Frame {
	p.t.Helper()
	f, ok := p.Poll(path, Patience)
	if !ok {
		p.Fatalf("no frame of %v", path)
	}
	return f
}

// Poll takes the oldest frame about path if one comes within patience.
func (p *Port) Poll(path Path, patience time.Duration) (Frame, bool) {
	return p.take(patience, func(f Frame) bool { return slices.Equal(f.Path, path) })
}

// NextAny takes the oldest frame whatever it is about.
func (p *Port) NextAny() Frame {
	p.t.Helper()
	f, ok := p.take(Patience, func(Frame) bool { return true })
	if !ok {
		p.Fatalf("no frame")
	}
	return f
}

// PollAny takes the oldest frame if one comes within patience.
func (p *Port) PollAny(patience time.Duration) (Frame, bool) {
	return p.take(patience, func(Frame) bool { return true })
}

func (p *Port) take(patience time.Duration, fits func(Frame) bool) (f Frame, ok bool) {
	p.until(patience, func() bool {
		for i := range p.queue {
			if fits(p.queue[i]) {
				f, ok = p.queue[i], true
				p.queue = slices.Delete(p.queue, i, i+1)
				return true
			}
		}
		return p.eof || p.broken != nil
	})
	return f, ok
}

// PollType takes the oldest frame about path of one type, if one comes within
// patience; frames of other types stay.
func (p *Port) PollType(path Path, typ int, patience time.Duration) (Frame, bool) {
	return p.take(patience, func(f Frame) bool { return f.Type == typ && slices.Equal(f.Path, path) })
}

// Drain takes all frames that are there.
func (p *Port) Drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = nil
}

// Quiet fails if any frame comes within d.
func (p *Port) Quiet(d time.Duration) {
	p.t.Helper()
	if f, ok := p.PollAny(d); ok {
		p.Fatalf("unexpected frame %v", f)
	}
}

// Output collects n bytes that arrive about path as frames of type typ, and
// fails if another frame about path comes in between.
func (p *Port) Output(path Path, typ, n int) []byte {
	p.t.Helper()
	var b []byte
	for len(b) < n {
		f := p.Next(path)
		if f.Type != typ {
			p.Fatalf("after %d of %d bytes of %s: %v", len(b), n, TypeName(typ), f)
		}
		b = append(b, f.Payload...)
	}
	return b
}

// Fork makes a child of the process at path and returns the child's path.
func (p *Port) Fork(path Path) Path {
	p.t.Helper()
	return p.childOf(path, "fork")
}

// Clone is Fork with namespace flags, given by name.
func (p *Port) Clone(path Path, flags ...Atom) Path {
	p.t.Helper()
	l := List{}
	for _, f := range flags {
		l = append(l, f)
	}
	return p.childOf(path, "clone", l)
}

func (p *Port) childOf(path Path, name string, args ...any) Path {
	p.t.Helper()
	r, ok := p.Call(path, name, args...).(Tuple)
	if ok && len(r) == 2 && r[0] == Atom("ok") {
		if pid, ok := r[1].(int64); ok {
			return path.Child(int(pid))
		}
	}
	p.Fatalf("%s from %v answered %s", name, path, Text(r))
	return nil
}

// Chain forks a line of n processes and returns the path of the last.
func (p *Port) Chain(n int) Path {
	p.t.Helper()
	var path Path
	for range n {
		path = p.Fork(path)
	}
	return path
}

// Exec replaces the program of the process at path (PATH search) and takes the
// control frame that says so.
func (p *Port) Exec(path Path, argv ...string) {
	p.t.Helper()
	l := List{}
	for _, a := range argv {
		l = append(l, Bin(a))
	}
	p.Go(path, "execvp", Bin(argv[0]), l)
	if v := p.Ctl(path); v != Atom("fdctl_closed") {
		p.Fatalf("exec of %q answered %s", argv, Text(v))
	}
}

// Want sends a call written in Erlang syntax and compares its reply with a
// term in the same syntax (see ParseTerm, Match). Names it meets are bound in
// vars.
func (p *Port) Want(path Path, vars Vars, call, reply string) {
	p.t.Helper()
	name, args, err := ParseCall(call, vars)
	if err != nil {
		p.t.Fatal(err)
	}
	want, err := ParseTerm(reply, vars)
	if err != nil {
		p.t.Fatal(err)
	}
	if got := p.Call(path, name, args...); !Match(want, got, vars) {
		p.Fatalf("%s\n got %s\nwant %s", call, Text(got), reply)
	}
}

// Unframed says that the port has become another program: from the next frame
// on its stdout is kept as bytes, see Raw.
func (p *Port) Unframed() { p.change(func() { p.raw = true }) }

// Raw waits for n bytes of unframed output and returns all there is.
func (p *Port) Raw(n int) []byte {
	p.t.Helper()
	p.until(Patience, func() bool { return len(p.rawBytes) >= n || p.eof })
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.rawBytes)
}

// CloseStdin ends the port's input.
func (p *Port) CloseStdin() { p.stdin.Close() }

// End closes the port's stdin, waits for its exit and returns the status. It
// fails if frames are left that no one has taken.
func (p *Port) End() syscall.WaitStatus {
	p.t.Helper()
	p.CloseStdin()
	ws := p.Wait()
	p.mu.Lock()
	left := slices.Clone(p.queue)
	p.mu.Unlock()
	if len(left) > 0 {
		p.Fatalf("%d frames left, first %v", len(left), left[0])
	}
	return ws
}

// EndsWith calls End and compares the exit status.
func (p *Port) EndsWith(status int) {
	p.t.Helper()
	if ws := p.End(); !ws.Exited() || ws.ExitStatus() != status {
		p.Fatalf("port ended with %s, want exit %d", ExitText(ws), status)
	}
}

// Wait waits for the port's exit and the end of its output.
func (p *Port) Wait() syscall.WaitStatus {
	p.t.Helper()
	if !p.until(Patience, func() bool { return p.exited }) {
		p.Fatalf("the port does not end")
	}
	p.until(Patience/5, func() bool { return p.eof })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Exited reports whether the port ended within patience, and how.
func (p *Port) Exited(patience time.Duration) (syscall.WaitStatus, bool) {
	ok := p.until(patience, func() bool { return p.exited })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status, ok
}

// Stderr returns what the port has written to its stderr so far.
func (p *Port) Stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// ExitText is "exit N" or "signal N".
func ExitText(ws syscall.WaitStatus) string {
	if ws.Signaled() {
		return fmt.Sprintf("signal %d", ws.Signal())
	}
	return fmt.Sprintf("exit %d", ws.ExitStatus())
}

var (
	// managed holds the pids of ports whose exit status someone waits for.
	managed sync.Map
	// reapLock keeps the collector of orphans from a process that is being
	// started or waited for elsewhere.
	reapLock sync.RWMutex
)

// kill ends everything the port started: descendants first, then whatever is
// left of its session.
func (p *Port) kill() {
	p.stdin.Close()
	for range 100 {
		left := p.Processes()
		if _, gone := p.Exited(0); gone && len(left) == 0 {
			break
		}
		for _, pid := range left {
			unix.Kill(pid, unix.SIGKILL)
			unix.Kill(pid, unix.SIGCONT)
		}
		if _, gone := p.Exited(0); !gone {
			unix.Kill(p.Pid, unix.SIGKILL)
		}
		reapOrphans()
		p.Exited(5 * time.Millisecond)
	}
	reapOrphans()
}

// reapOrphans collects ended processes that were left to this one.
func reapOrphans() {
	reapLock.Lock()
	defer reapLock.Unlock()
	self := os.Getpid()
	for _, st := range allProcesses() {
		if _, ours := managed.Load(st.Pid); st.PPid == self && st.State == "Z" && !ours {
			var ws syscall.WaitStatus
			syscall.Wait4(st.Pid, &ws, syscall.WNOHANG, nil)
		}
	}
}

// Malformed returns what was wrong with the port's output, nil if every frame
// could be read.
func (p *Port) Malformed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

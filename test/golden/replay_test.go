package golden

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"alcove/internal/porttest"
)

// run is the replay of one scenario.
type run struct {
	t     *testing.T
	s     *scenario
	port  *porttest.Port
	names *bindings
	lanes map[lane]*stream
	fifo  int            // reading end of the control fifo, -1
	hosts map[string]int // pids of processes by path, while they were there
	done  int            // steps that were replayed and compared

	diffs     []error // replies of the right kind with other contents
	truncated int     // of them, those with a term cut short that is badarg here

	output  map[lane]int // bytes of output received, by process and kind
	awaited map[lane]int // bytes of output the steps so far wait for
}

// lane is a sequence of frames whose order is kept: those about one process, or
// one kind of its output where the scenario says so.
type lane struct {
	path string
	kind string
}

// stream is what a lane has to deliver and what came and fits nothing yet.
type stream struct {
	want []wanted
	next int // first of want that has not come
	got  []frame
}

// isOutput tells the types that are a stream of bytes. Recorded neighbours of
// one process are joined to one reply, that of the earliest step.
func isOutput(typ string) bool { return typ == "stdout" || typ == "stderr" }

type wanted struct {
	reply
	step int
	call string // the call a reply belongs to
	cut  bool   // the request of that call ends inside its term
	nth  int    // how many replies of its step came before it
}

type frame struct {
	porttest.Frame
	rest []byte // payload not yet compared
}

func (r *run) lane(path, typ string) lane {
	l := lane{path: path}
	if r.s.flag("lanes") && isOutput(typ) {
		l.kind = typ
	}
	return l
}

// expect lays out the recorded replies by lane.
func (r *run) expect() {
	r.lanes = map[lane]*stream{}
	for _, st := range append(slices.Clone(r.s.steps), r.s.end) {
		for nth, rep := range st.Replies {
			if rep.Type == "raw" && rep.Path == "" {
				continue
			}
			if m := mended[stepName{r.s.name, st.Step}]; nth == 0 && m.typ != "" {
				rep.Type = m.typ
			}
			l := r.lane(rep.Path, rep.Type)
			if r.lanes[l] == nil {
				r.lanes[l] = &stream{}
			}
			r.lanes[l].want = append(r.lanes[l].want, wanted{rep, st.Step, st.Request, st.cut(), nth})
		}
	}
}

// settle takes frames until all that was recorded up to a step has come.
func (r *run) settle(step int) error {
	deadline := time.Now().Add(porttest.Patience)
	for {
		for l, s := range r.lanes {
			if err := r.compare(l, s); err != nil {
				return err
			}
		}
		missing := r.missing(step)
		if missing == "" {
			missing = r.missingOutput()
		}
		patience := time.Until(deadline)
		if missing == "" {
			patience = 0
		}
		f, ok := r.port.PollAny(patience)
		if !ok {
			if missing != "" {
				return fmt.Errorf("still to come: %s", missing)
			}
			return nil
		}
		path, typ := r.names.names(f.Path), porttest.TypeName(f.Type)
		l := r.lane(path, typ)
		if r.lanes[l] == nil {
			return fmt.Errorf("unexpected %v", f)
		}
		if isOutput(typ) {
			r.output[lane{path, typ}] += len(f.Payload)
		}
		r.lanes[l].got = append(r.lanes[l].got, frame{f, f.Payload})
	}
}

// missing names a reply recorded up to a step that has not come. Output counts
// only where another reply stands behind it; how much of it a step waits for is
// missingOutput's matter.
func (r *run) missing(step int) string {
	for _, s := range r.lanes {
		for _, w := range s.want[s.next:] {
			if w.step <= step && (!isOutput(w.Type) || step == r.s.end.Step) {
				return fmt.Sprintf("%s of %q, %.300s", w.Type, w.Path, w.Text)
			}
		}
	}
	return ""
}

func (r *run) missingOutput() string {
	for l, n := range r.awaited {
		if r.output[l] < n {
			return fmt.Sprintf("%d bytes of %s of %q, %d are here", n, l.kind, l.path, r.output[l])
		}
	}
	return ""
}

// compare takes from the lane what can be compared.
func (r *run) compare(l lane, s *stream) error {
	for len(s.got) > 0 && s.next < len(s.want) {
		if r.s.flag("sortctl") {
			s.sortCtl()
		}
		w := &s.want[s.next]
		f := &s.got[0]
		if porttest.TypeName(f.Type) != w.Type {
			return fmt.Errorf("got %v\nwant %s of %q, %s", f, w.Type, w.Path, w.Text)
		}
		payload, ok := s.payload(w)
		if !ok {
			return nil
		}
		if err := r.same(w, payload); err != nil {
			r.diffs = append(r.diffs, fmt.Errorf("step %d, %.200s: %w", w.step, w.call, err))
		}
		if okName.MatchString(w.Text) {
			pid := 0
			switch n := len(payload); payload[n-2] {
			case 0x61:
				pid = int(payload[n-1])
			default:
				pid = int(binary.BigEndian.Uint32(payload[n-4:]))
			}
			r.names.born(w.Path, w.Text, f.Path, pid)
		}
		s.next++
	}
	if len(s.got) > 0 && s.next == len(s.want) {
		return fmt.Errorf("unexpected %v", s.got[0].Frame)
	}
	return nil
}

// sortCtl moves forward the recorded control frame that came, if it is one of
// those next to each other.
func (s *stream) sortCtl() {
	if s.want[s.next].Type != "ctl" {
		return
	}
	came := hex.EncodeToString(s.got[0].Payload)
	for i := s.next; i < len(s.want) && s.want[i].Type == "ctl"; i++ {
		if s.want[i].Hex == came {
			a, b := &s.want[s.next], &s.want[i]
			a.reply, b.reply = b.reply, a.reply
			return
		}
	}
}

// payload takes the bytes to compare with w: a whole frame, or of output as many
// bytes as were recorded, however they were cut into frames.
func (s *stream) payload(w *wanted) ([]byte, bool) {
	if !isOutput(w.Type) {
		p := s.got[0].rest
		s.got = s.got[1:]
		return p, true
	}
	have, i := 0, 0
	for ; i < len(s.got) && porttest.TypeName(s.got[i].Type) == w.Type; i++ {
		have += len(s.got[i].rest)
	}
	if have < w.Len && i == len(s.got) {
		return nil, false
	}
	var p []byte
	for len(s.got) > 0 && len(p) < w.Len && porttest.TypeName(s.got[0].Type) == w.Type {
		n := min(w.Len-len(p), len(s.got[0].rest))
		p = append(p, s.got[0].rest[:n]...)
		s.got[0].rest = s.got[0].rest[n:]
		if len(s.got[0].rest) == 0 {
			s.got = s.got[1:]
		}
	}
	return p, true
}

func (r *run) same(w *wanted, got []byte) error {
	if _, ok := machineReplies[stepName{r.s.name, w.step}]; ok || w.Any {
		return nil
	}
	if m, ok := mended[stepName{r.s.name, w.step}]; ok && m.reply != "" && w.nth == 0 {
		if m.maybe && hex.EncodeToString(got) == w.Hex {
			return nil
		}
		return r.better(w, m.reply, got)
	}
	if w.cut && w.Hex != badargHex {
		r.truncated++
		return r.better(w, "badarg", got)
	}
	switch {
	case strings.HasPrefix(w.call, "readdir("):
		got = sortedNames(got)
	case strings.HasPrefix(w.call, "alloc("):
		got = withoutAddresses(got)
	}
	ok := false
	switch {
	case w.SHA256 != "":
		sum := sha256.Sum256(r.names.normal(got))
		ok = hex.EncodeToString(sum[:]) == w.SHA256
	default:
		want, err := hex.DecodeString(w.Hex)
		if err != nil {
			return err
		}
		ok = r.names.same(want, got, w.Text) ||
			w.Type == "stdout" && r.names.text(string(got)) == strings.ReplaceAll(string(want), string(boxMark), "$BOX")
	}
	if ok {
		return nil
	}
	return fmt.Errorf("%s of %q\n got %d bytes %.200x\nwant %d bytes %.200s = %.300s",
		w.Type, w.Path, len(got), got, w.Len, w.Hex, w.Text)
}

// badargHex is the bare atom badarg.
const badargHex = "837706626164617267"

// better compares a reply with the one that stands in the place of a recorded
// defect.
func (r *run) better(w *wanted, want string, got []byte) error {
	v, err := porttest.Decode(got)
	if err != nil {
		return err
	}
	if text := r.names.text(porttest.Text(v)); text != want {
		return fmt.Errorf("got %s, want %s in place of the recorded defect %.200s", text, want, w.Text)
	}
	return nil
}

// sortedNames puts the names of a readdir reply in order; how a file system
// orders them is no matter of the port.
func sortedNames(p []byte) []byte {
	v, err := porttest.Decode(p)
	reply, ok := v.(porttest.Tuple)
	if err != nil || !ok || len(reply) != 2 {
		return p
	}
	names, ok := reply[1].(porttest.List)
	if !ok {
		return p
	}
	cells := make([]string, len(names))
	for i, n := range names {
		cells[i] = "\x6c\x00\x00\x00\x01" + string(porttest.Encode(n))
	}
	sort.Strings(cells)
	out := "\x83\x68\x02\x77\x02ok" + strings.Join(cells, "") + "\x6a"
	return []byte(out)
}

// withoutAddresses puts the mark of an address into the buffer of an alloc
// reply wherever its list shows a pointer.
func withoutAddresses(p []byte) []byte {
	v, err := porttest.Decode(p)
	reply, ok := v.(porttest.Tuple)
	if err != nil || !ok || len(reply) != 3 {
		return p
	}
	buffer, ok := reply[1].(porttest.Bin)
	list, ok2 := reply[2].(porttest.List)
	if !ok || !ok2 {
		return p
	}
	at := bytes.Index(p, []byte(buffer))
	for _, e := range list {
		n := 8
		if b, ok := e.(porttest.Bin); ok {
			n = len(b)
		} else {
			copy(p[at:at+8], addrMark)
		}
		at += n
	}
	return p
}

// play replays the scenario and returns what differed, nil if nothing did.
func (r *run) play() error {
	err := r.steps()
	return errors.Join(append(r.diffs, err)...)
}

func (r *run) steps() error {
	if err := r.setUp(); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	r.expect()
	r.start()
	if r.s.end.RefCrash != "" {
		return r.playBetter()
	}
	for _, st := range r.s.steps {
		err := r.act(st)
		if err == nil {
			err = r.settle(st.Step)
		}
		if err != nil {
			return fmt.Errorf("step %d, %s %.200s: %w", st.Step, st.Kind, st.Request, err)
		}
		r.done++
	}
	return r.finish()
}

func (r *run) finish() error {
	end := r.s.end
	r.port.CloseStdin()
	if _, ok := r.port.Exited(porttest.Patience); !ok {
		return fmt.Errorf("the port does not end")
	}
	ws := r.port.Wait()
	if err := r.settle(end.Step); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	if m := mended[stepName{r.s.name, end.Step}]; m.exit != "" {
		end.Exit = m.exit
	}
	if got := porttest.ExitText(ws); got != end.Exit {
		return fmt.Errorf("ended with %s, want %s", got, end.Exit)
	}
	if end.Stderr != "" && !porttest.Eventually(func() bool {
		return strings.ReplaceAll(r.port.Stderr(), r.port.Box, "$BOX") == end.Stderr
	}) {
		return fmt.Errorf("stderr %q, want %q", r.port.Stderr(), end.Stderr)
	}
	for _, rep := range end.Replies {
		if rep.Type == "raw" && hex.EncodeToString(r.port.Raw(rep.Len)) != rep.Hex {
			return fmt.Errorf("unframed output %q, want %s", r.port.Raw(0), rep.Text)
		}
	}
	r.done++
	return nil
}

// playBetter replays a scenario in which the original crashes, hangs or worse.
// Every call to the port has to be answered, the right one as recorded in
// expect, and the port has to live to its orderly end.
func (r *run) playBetter() error {
	expect := regexp.MustCompile(r.s.end.Expect)
	for _, st := range r.s.steps {
		if err := r.act(st); err != nil {
			return fmt.Errorf("step %d: %w", st.Step, err)
		}
		if st.Kind == "call" && st.Path == "" {
			text, err := r.anyReply()
			if err != nil {
				return fmt.Errorf("step %d, %s: %w", st.Step, st.Request, err)
			}
			if strings.HasSuffix(st.Request, "()") && strings.HasPrefix(st.Request, "fork") ||
				strings.HasPrefix(st.Request, "clone(") {
				if !expect.MatchString(text) {
					return fmt.Errorf("step %d, %s answered %s, want %s", st.Step, st.Request, text, r.s.end.Expect)
				}
			}
		}
		r.done++
	}
	r.port.CloseStdin()
	ws, ok := r.port.Exited(porttest.Patience)
	if !ok || porttest.ExitText(ws) != "exit 0" {
		return fmt.Errorf("the port did not end in order: %v", r.port.Report())
	}
	r.done++
	return nil
}

// anyReply takes the next call reply of the port itself; frames about children
// are looked at for their names only.
func (r *run) anyReply() (string, error) {
	for {
		f, ok := r.port.PollAny(porttest.Patience)
		if !ok {
			return "", fmt.Errorf("no reply")
		}
		if len(f.Path) > 0 || f.Type != porttest.TypeCall {
			continue
		}
		v, err := porttest.Decode(f.Payload)
		if err != nil {
			return "", err
		}
		if t, ok := v.(porttest.Tuple); ok && len(t) == 2 {
			if pid, ok := t[1].(int64); ok {
				r.names.name[fmt.Sprint(pid)] = "C"
			}
		}
		return porttest.Text(v), nil
	}
}

// act does what a step says and waits for nothing.
func (r *run) act(st step) error {
	switch st.Kind {
	case "boot":
		if r.s.end.RefCrash != "" {
			r.port.Ready()
		}
		return nil
	case "call", "exec", "send":
		b, err := r.requestBytes(st)
		if err != nil {
			return err
		}
		if st.Kind == "exec" {
			r.hostPid(st.Path)
		}
		if err := r.port.TryWrite(b); err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
		return nil
	case "await":
		if n, kind, ok := strings.Cut(st.Request, " bytes of "); ok {
			more, err := strconv.Atoi(n)
			if st.Path == "" { // the port has become another program
				r.port.Raw(more)
				return err
			}
			r.awaited[lane{st.Path, kind}] += more
			return err
		}
		if ms, ok := strings.CutSuffix(st.Request, "ms"); ok {
			n, err := strconv.Atoi(ms)
			time.Sleep(time.Duration(n) * time.Millisecond)
			return err
		}
		return nil
	case "observe":
		if err := r.settle(st.Step - 1); err != nil {
			return err
		}
		if m, ok := mended[stepName{r.s.name, st.Step}]; ok && m.observed != nil {
			st.Observed = m.observed
		}
		if err := r.observeSame(st); err != nil {
			r.diffs = append(r.diffs, fmt.Errorf("step %d: %w", st.Step, err))
		}
		return nil
	case "signal":
		return r.signal(st)
	case "eof":
		r.port.CloseStdin()
		return nil
	case "wait":
		if _, ok := r.port.Exited(porttest.Patience); !ok {
			return fmt.Errorf("the port does not end")
		}
		return nil
	case "raw":
		r.port.Unframed()
		return nil
	case "host":
		return r.populate(strings.Fields(strings.ReplaceAll(st.Request, "$BOX", r.port.Box)))
	}
	return fmt.Errorf("no such kind of step: %s", st.Kind)
}

func (r *run) requestBytes(st step) ([]byte, error) {
	request := st.Request
	if st.RequestHex == "" {
		st.Request = lowerName.ReplaceAllStringFunc(request, func(m string) string {
			return fmt.Sprintf("#61%02x#", 0xe0+r.names.index[m[1:len(m)-1]])
		})
	}
	b, err := st.request()
	if err != nil {
		return nil, err
	}
	path, err := r.names.path(st.Path)
	if err != nil {
		return nil, err
	}
	b, err = r.names.fill(b, request)
	if err != nil {
		return nil, err
	}
	return porttest.Wrap(path, b), nil
}

func (r *run) hostPid(path string) (int, error) {
	if path == "" {
		return r.port.Pid, nil
	}
	pids, err := r.names.path(path)
	if err != nil {
		return r.hosts[path], err
	}
	pid, err := r.port.HostPid(pids)
	if err != nil {
		if old, ok := r.hosts[path]; ok {
			return old, nil
		}
		return 0, err
	}
	r.hosts[path] = pid
	return pid, nil
}

func (r *run) signal(st step) error {
	n, err := strconv.Atoi(st.Request)
	if err != nil {
		return err
	}
	pid, err := r.hostPid(st.Path)
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.Signal(n))
}

// limits are those of the box the recordings were made on.
var limits = []porttest.Limit{
	{Res: syscall.RLIMIT_NOFILE, Cur: 1024, Max: 4096},
	{Res: syscall.RLIMIT_STACK, Cur: 8 << 20, Max: 1<<64 - 1},
	{Res: syscall.RLIMIT_CORE, Cur: 0, Max: 0},
	{Res: 6, Cur: 8192, Max: 8192},  // RLIMIT_NPROC
	{Res: 11, Cur: 4096, Max: 4096}, // RLIMIT_SIGPENDING
}

// setUp makes the scratch directory with what the scenario needs in it.
func (r *run) setUp() error {
	box := filepath.Join(boxes.dir, fmt.Sprintf("%08d", boxes.count.Add(1)))
	r.t.Cleanup(func() { os.RemoveAll(box) })
	for _, dir := range []string{box, box + "/w", box + "/pub"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(box+"/pub", 0o777|os.ModeSticky); err != nil {
		return err
	}
	if err := os.Link(filepath.Join(boxes.dir, "alcove"), box+"/alcove"); err != nil {
		return err
	}
	r.names = newBindings(box, 0)
	for _, item := range r.s.end.Setup {
		args := make([]string, len(item))
		for i, a := range item {
			args[i] = strings.ReplaceAll(a, "$BOX", box)
		}
		if err := r.prepare(args); err != nil {
			return fmt.Errorf("%q: %w", item, err)
		}
	}
	return nil
}

func (r *run) prepare(args []string) error {
	// The two bytes of a name in file/readdir that are no UTF-8 did not survive JSON.
	name := strings.ReplaceAll(args[1], "\ufffd\ufffd", "\xff\xfe")
	switch args[0] {
	case "write":
		mode := uint64(0o644)
		if len(args) > 3 {
			var err error
			if mode, err = strconv.ParseUint(args[3], 8, 32); err != nil {
				return err
			}
		}
		return porttest.WriteProgram(name, []byte(args[2]), os.FileMode(mode))
	case "mkdir":
		return os.Mkdir(name, 0o755)
	case "symlink":
		return os.Symlink(args[1], args[2])
	case "mkfifo":
		return syscall.Mkfifo(name, 0o644)
	case "listen":
		return r.listen(name)
	}
	return fmt.Errorf("no such preparation")
}

// listen answers on a unix socket with what it gets, in capitals.
func (r *run) listen(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	r.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					c.Write([]byte(strings.ToUpper(string(buf[:n]))))
				}
			}()
		}
	}()
	return nil
}

// populate DIR COUNT LENGTH makes files whose names are numbers of that length.
func (r *run) populate(args []string) error {
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	width, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(args[1], 0o755); err != nil {
		return err
	}
	for i := range count {
		if err := os.WriteFile(filepath.Join(args[1], fmt.Sprintf("%0*d", width, i)), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) start() {
	b, box := r.s.end.Boot, r.names.box
	o := porttest.Options{
		Box: box, Binary: box + "/alcove", Dir: box + "/w",
		Args: b.Args, NoArgs: b.NoArgs, Argv0: b.Argv0, Env: b.Env, NoEnv: b.NoEnv, Umask: b.Umask,
		Limits: append(slices.Clone(limits), b.Limits...), Fds: b.Fds, Block: b.Block,
		NoNewPr: b.NoNewPr, Nice: b.Nice, UID: b.UID, DeadOut: b.DeadOut,
	}
	if b.Dir != "" {
		o.Dir = b.Dir
	}
	r.hosts, r.output, r.awaited = map[string]int{}, map[lane]int{}, map[lane]int{}
	r.fifo = -1
	r.port = porttest.Launch(r.t, o)
	r.names.value[indexPort] = r.port.Pid
	r.names.bindDescriptors(r.s)
	if !r.watchesFifo() {
		return
	}
	if f, ok := r.port.PollAny(porttest.Patience); ok {
		l := r.lane("", "call")
		r.lanes[l].got = append(r.lanes[l].got, frame{f, f.Payload})
	}
	fd, err := syscall.Open(box+"/ctl", syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err == nil {
		r.fifo = fd
		r.t.Cleanup(func() { syscall.Close(fd) })
	}
}

func (r *run) watchesFifo() bool {
	for _, st := range r.s.steps {
		if st.Kind == "observe" && st.Request == "fifo" {
			return true
		}
	}
	return false
}

package wire

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"alcove/internal/porttest"
)

var (
	stormSeed = flag.Uint64("storm.seed", 0, "seed of the storm tests; 0 takes a new one")
	stormTime = flag.Duration("storm.time", 2*time.Second, "how long each storm test lasts")
)

func storm(t *testing.T) (*rand.Rand, time.Time) {
	t.Helper()
	seed := *stormSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-storm.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, 0)), time.Now().Add(*stormTime)
}

// harmless are calls that do not change the machine, wait or end the process,
// whatever their arguments.
var harmless = []string{
	"alloc", "errno_id", "getenv", "getopt", "iolist_to_bin", "clone_constant", "fcntl_constant", "file_constant",
	"ioctl_constant", "mount_constant", "prctl_constant", "signal_constant", "syscall_constant", "getpriority",
	"getrlimit", "getsid", "setcpid", "version", "cpid", "environ", "getcwd", "getgroups", "gethostname",
	"getresuid", "getpid", "lseek", "readdir", "execvp", "execve", "fexecve", "unveil", "sigaction",
}

// randomTerm appends a term in external form, now and then a broken one.
func randomTerm(r *rand.Rand, b []byte, depth int) []byte {
	if r.IntN(60) == 0 {
		return append(b, byte(r.Uint32()), byte(r.Uint32()))
	}
	kinds := 9
	if depth > 4 {
		kinds = 6
	}
	switch r.IntN(kinds) {
	case 0:
		return append(b, 0x61, byte(r.Uint32()))
	case 1:
		n := r.Uint32()
		return append(b, 0x62, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	case 2:
		n := r.IntN(12)
		b = append(b, 0x6e, byte(n), byte(r.IntN(2)))
		for range n {
			b = append(b, byte(r.Uint32()))
		}
		return b
	case 3:
		names := []string{"ptr", "o_rdonly", "rlimit_nofile", "sigterm", "flowcontrol", "alcove_timeval", "undefined", "sig_info"}
		return append(b, porttest.Encode(Atom(names[r.IntN(len(names))]))...)
	case 4:
		return append(b, porttest.Encode(Bin(make([]byte, r.IntN(300))))...)
	case 5:
		return append(b, 0x6a)
	case 6:
		n := r.IntN(5)
		b = append(b, 0x68, byte(n))
		for range n {
			b = randomTerm(r, b, depth+1)
		}
		return b
	case 7:
		n := r.IntN(40)
		b = append(b, 0x6b, 0, byte(n))
		for range n {
			b = append(b, byte(r.Uint32()))
		}
		return b
	default:
		n := 1 + r.IntN(5)
		b = append(b, 0x6c, 0, 0, 0, byte(n))
		for range n {
			b = randomTerm(r, b, depth+1)
		}
		if r.IntN(8) == 0 {
			return randomTerm(r, b, depth+1)
		}
		return append(b, 0x6a)
	}
}

// Calls with random arguments: each is answered by one well-formed reply, and
// the process lives.
func TestStormCalls(t *testing.T) {
	r, end := storm(t)
	p := start(t, Opts{})
	c := p.Fork(nil)
	n := 0
	for ; time.Now().Before(end); n++ {
		name := harmless[r.IntN(len(harmless))]
		number, _ := porttest.Number(name)
		args := []byte{0x83, 0x68, byte(arity[name])}
		if r.IntN(20) == 0 {
			args[2] = byte(r.IntN(6))
		}
		for range args[2] {
			args = randomTerm(r, args, 0)
		}
		if r.IntN(10) == 0 && len(args) > 1 {
			args = args[:1+r.IntN(len(args)-1)]
		}
		path := []Path{nil, c}[r.IntN(2)]
		p.Send(path, porttest.CallFrame(number, args))
		f, ok := p.Poll(path, porttest.Patience)
		if !ok || f.Type != porttest.TypeCall {
			p.Fatalf("call %d: %s with % x: %v", n, name, args, f)
		}
		if _, err := porttest.Decode(f.Payload); err != nil {
			p.Fatalf("call %d: %s with % x: %v", n, name, args, err)
		}
	}
	t.Logf("%d calls", n)
	p.EndsWith(0)
}

// arity of the calls in harmless.
var arity = map[string]int{
	"alloc": 1, "errno_id": 1, "getenv": 1, "getopt": 1, "iolist_to_bin": 1, "clone_constant": 1, "fcntl_constant": 1,
	"file_constant": 1, "ioctl_constant": 1, "mount_constant": 1, "prctl_constant": 1, "signal_constant": 1,
	"syscall_constant": 1, "getpriority": 2, "getrlimit": 1, "getsid": 1, "setcpid": 3, "lseek": 3, "readdir": 1,
	"execvp": 2, "execve": 3, "fexecve": 3, "unveil": 2, "sigaction": 2,
}

// Random bytes on stdin: the port answers or ends with status 0, it never hangs,
// crashes or sends anything malformed.
func TestStormGarbage(t *testing.T) {
	r, end := storm(t)
	for n := 0; time.Now().Before(end); n++ {
		p := start(t, Opts{})
		var sent []byte
		for range 1 + r.IntN(20) {
			var b []byte
			switch r.IntN(4) {
			case 0: // a frame with a random body
				l := r.IntN(40)
				b = append(b, byte(l>>8), byte(l), 0, byte(r.IntN(9)))
				for range max(l-2, 0) {
					b = append(b, byte(r.Uint32()))
				}
			case 1:
				b = porttest.Wrap(Path{r.IntN(100) - 50}, getpidFrame())
			case 2:
				b = getpidFrame()
			default:
				for range r.IntN(30) {
					b = append(b, byte(r.IntN(8)))
				}
			}
			sent = append(sent, b...)
		}
		p.TryWrite(sent)
		p.CloseStdin()
		ws, ended := p.Exited(porttest.Patience)
		if !ended || !ws.Exited() || ws.ExitStatus() != 0 {
			// A call among the garbage may be exit(N) or close(0).
			if !ended || !ws.Exited() {
				p.Fatalf("round %d: after % x: %s", n, sent, porttest.ExitText(ws))
			}
		}
		p.Wait()
		for {
			if _, ok := p.PollAny(0); !ok {
				break
			}
		}
		if err := p.Malformed(); err != nil {
			p.Fatalf("round %d: after % x: %v", n, sent, err)
		}
	}
}

// Trees that grow and fall, with output, signals and exits at any time: every
// frame stays well-formed and the port ends in order.
func TestStormTree(t *testing.T) {
	r, end := storm(t)
	p := start(t, Opts{})
	paths := []Path{nil}
	n := 0
	for ; time.Now().Before(end); n++ {
		i := r.IntN(len(paths))
		path := paths[i]
		switch r.IntN(6) {
		case 0, 1:
			if len(path) > 5 || len(paths) > 30 {
				continue
			}
			p.Go(path, "fork")
			f, ok := p.PollType(path, porttest.TypeCall, porttest.Patience)
			if !ok {
				p.Fatalf("no answer to fork from %v", path)
			}
			if v, err := porttest.Decode(f.Payload); err == nil {
				if pid, ok := v.(Tuple)[1].(int64); ok {
					paths = append(paths, path.Child(int(pid)))
				}
			}
		case 2:
			p.Go(path, "write", 2, Bin("noise"))
			if _, ok := p.PollType(path, porttest.TypeCall, porttest.Patience); !ok {
				p.Fatalf("no answer to write from %v", path)
			}
		case 3:
			if len(path) == 0 {
				continue
			}
			if r.IntN(2) == 0 {
				p.Go(path, "exit", r.IntN(256))
			} else {
				p.Go(path[:len(path)-1], "kill", path[len(path)-1], 9)
				p.PollType(path[:len(path)-1], porttest.TypeCall, porttest.Patience)
			}
			kept := paths[:0:0]
			for _, q := range paths {
				if len(q) < len(path) || q[:len(path)].String() != path.String() {
					kept = append(kept, q)
				}
			}
			paths = kept
			if _, ok := p.PollType(path, porttest.TypeEvent, porttest.Patience); !ok {
				p.Fatalf("no exit event of %v", path)
			}
		case 4:
			p.Go(path, "getpid")
			if _, ok := p.PollType(path, porttest.TypeCall, porttest.Patience); !ok {
				p.Fatalf("no answer from %v", path)
			}
		default:
			if len(path) == 0 || len(path) > 5 {
				continue
			}
			p.Go(path, "fork")
			f, ok := p.PollType(path, porttest.TypeCall, porttest.Patience)
			if !ok {
				p.Fatalf("no answer to fork from %v", path)
			}
			v, err := porttest.Decode(f.Payload)
			if err != nil {
				p.Fatalf("%v", err)
			}
			if pid, ok := v.(Tuple)[1].(int64); ok {
				p.Go(path.Child(int(pid)), "execvp", Bin("sh"), List{Bin("sh"), Bin("-c"), Bin("echo out; echo err >&2; exit 3")})
			}
		}
	}
	t.Logf("%d steps, %d processes left", n, len(paths))
	p.CloseStdin()
	ws, ended := p.Exited(porttest.Patience)
	if !ended || porttest.ExitText(ws) != "exit 0" {
		p.Fatalf("end: %s", porttest.ExitText(ws))
	}
	if err := p.Malformed(); err != nil {
		p.Fatalf("%v", err)
	}
}

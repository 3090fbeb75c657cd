// Command bench drives two port programs over pipes, turn and turn about, and
// prints the medians side by side.
//
//	go run ./test/bench -ref /path/to/original/priv/alcove -new /path/to/alcove
//
// Every figure is the median of the rounds; ratio is new to ref. The machine
// should be idle: the two are compared, not measured.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"alcove/internal/porttest"
)

func main() {
	ref := flag.String("ref", "", "the original port program")
	new := flag.String("new", "", "the port program to compare with it; default: this module's, built now")
	rounds := flag.Int("rounds", 9, "rounds of each measurement")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	flag.Parse()
	if err := run(*ref, *new, *rounds, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ref, new string, rounds int, asJSON bool) error {
	if ref == "" {
		return errors.New("no program to compare with: build the original alcove 1.0.1 and give the path of its priv/alcove as -ref (REFERENCE=/path/to/alcove make bench)")
	}
	if _, err := os.Stat(ref); err != nil {
		return fmt.Errorf("the original: %w (build it first: REFERENCE is the directory of its checkout, with priv/alcove in it)", err)
	}
	dir, err := os.MkdirTemp("", "alcove-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if new == "" {
		new = filepath.Join(dir, "alcove")
		if err := porttest.GoBuild(new, "."); err != nil {
			return err
		}
	}
	b := &bench{programs: [2]string{ref, new}, dir: dir, rounds: rounds}
	var results []result
	for _, m := range measurements {
		r, err := b.compare(m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		results = append(results, r)
		if !asJSON {
			r.print(len(results) == 1)
		}
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(results)
	}
	return nil
}

// measurement takes one figure of a program.
type measurement struct {
	name  string
	unit  string
	limit float64 // aim for the ratio of new to ref; negative: at least that much
	run   func(b *bench, program string) (float64, error)
}

var measurements = []measurement{
	{"start to ready frame", "ms", 1.5, (*bench).startUp},
	{"round trip, depth 0", "us", 1, roundTrip(0)},
	{"round trip, depth 1", "us", 1, roundTrip(1)},
	{"round trip, depth 4", "us", 1, roundTrip(4)},
	{"round trip, depth 15", "us", 1, roundTrip(15)},
	{"pipelined calls, depth 0", "1000/s", -1, pipelined(0)},
	{"pipelined calls, depth 1", "1000/s", -1, pipelined(1)},
	{"pipelined calls, depth 4", "1000/s", -1, pipelined(4)},
	{"fork", "us", 1.2, (*bench).fork},
	{"fork, exec, exit", "us", 1.2, (*bench).forkExecExit},
	{"child stdout, depth 1", "MB/s", -1, stdout(1)},
	{"child stdout, depth 4", "MB/s", -1, stdout(4)},
	{"RSS of the port", "kB", 1, portMemory("Rss")},
	{"PSS of the port", "kB", 1, portMemory("Pss")},
	{"RSS of one of 64 idle children", "kB", 1, childMemory("Rss")},
	{"PSS of one of 64 idle children", "kB", 1, childMemory("Pss")},
}

type result struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Ref   float64 `json:"ref"`
	New   float64 `json:"new"`
	Ratio float64 `json:"ratio"`
	Aim   string  `json:"aim"`
	OK    bool    `json:"ok"`
}

func (r result) print(head bool) {
	if head {
		fmt.Printf("%-32s %10s %10s  %-7s %6s  %s\n", "median of rounds", "ref", "new", "", "ratio", "aim")
	}
	mark := ""
	if !r.OK {
		mark = "  missed"
	}
	fmt.Printf("%-32s %10.1f %10.1f  %-7s %6.2f  %s%s\n", r.Name, r.Ref, r.New, r.Unit, r.Ratio, r.Aim, mark)
}

type bench struct {
	programs [2]string // ref, new
	dir      string
	rounds   int
	started  int
}

// compare runs the rounds of one measurement, the programs taking turns in going
// first.
func (b *bench) compare(m measurement) (result, error) {
	var figures [2][]float64
	for round := range b.rounds {
		for turn := range b.programs {
			i := (round + turn) % len(b.programs)
			f, err := m.run(b, b.programs[i])
			if err != nil {
				return result{}, fmt.Errorf("%s: %w", b.programs[i], err)
			}
			figures[i] = append(figures[i], f)
		}
	}
	r := result{Name: m.name, Unit: m.unit, Ref: median(figures[0]), New: median(figures[1])}
	r.Ratio = r.New / r.Ref
	if m.limit > 0 {
		r.Aim, r.OK = fmt.Sprintf("<= %.1f", m.limit), r.Ratio <= m.limit
	} else {
		r.Aim, r.OK = fmt.Sprintf(">= %.1f", -m.limit), r.Ratio >= -m.limit
	}
	return r, nil
}

func median(f []float64) float64 {
	f = slices.Sorted(slices.Values(f))
	return f[len(f)/2]
}

// port is a running program.
type port struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	buf []byte
}

func (b *bench) start(program string) (*port, error) {
	b.started++
	fifo := filepath.Join(b.dir, fmt.Sprint("ctl", b.started))
	cmd := exec.Command(program, "-c", fifo)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &port{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<17), buf: make([]byte, 2+65535)}
	if _, err := p.next(); err != nil {
		return nil, errors.Join(fmt.Errorf("no ready frame: %w", err), p.end())
	}
	return p, os.Remove(fifo)
}

// end closes the input and waits; what is still on its way is thrown away.
func (p *port) end() error {
	p.in.Close()
	io.Copy(io.Discard, p.out)
	return p.cmd.Wait()
}

// next reads one frame. It stays valid until the following call.
func (p *port) next() ([]byte, error) {
	if _, err := io.ReadFull(p.out, p.buf[:2]); err != nil {
		return nil, err
	}
	f := p.buf[:2+int(binary.BigEndian.Uint16(p.buf))]
	_, err := io.ReadFull(p.out, f[2:])
	return f, err
}

// call sends a request and reads the frame that answers it.
func (p *port) call(path porttest.Path, request []byte) (porttest.Frame, error) {
	if _, err := p.in.Write(porttest.Wrap(path, request)); err != nil {
		return porttest.Frame{}, err
	}
	f, err := p.next()
	if err != nil {
		return porttest.Frame{}, err
	}
	return porttest.ParseFrame(f)
}

var forkRequest = porttest.Request("fork")

func (p *port) forkFrom(path porttest.Path) (porttest.Path, error) {
	f, err := p.call(path, forkRequest)
	if err != nil {
		return nil, err
	}
	v, err := porttest.Decode(f.Payload)
	if err != nil {
		return nil, err
	}
	if t, ok := v.(porttest.Tuple); ok && len(t) == 2 {
		if pid, ok := t[1].(int64); ok {
			return path.Child(int(pid)), nil
		}
	}
	return nil, fmt.Errorf("fork answered %s", porttest.Text(v))
}

func (p *port) chain(depth int) (path porttest.Path, err error) {
	for range depth {
		if path, err = p.forkFrom(path); err != nil {
			return nil, err
		}
	}
	return path, nil
}

// with runs f on a fresh port and ends it.
func (b *bench) with(program string, f func(p *port) (float64, error)) (float64, error) {
	p, err := b.start(program)
	if err != nil {
		return 0, err
	}
	figure, err := f(p)
	return figure, errors.Join(err, p.end())
}

// startUp is the time from the start of the process to its ready frame.
func (b *bench) startUp(program string) (float64, error) {
	const starts = 20
	var times []float64
	for range starts {
		began := time.Now()
		p, err := b.start(program)
		took := time.Since(began)
		if err != nil {
			return 0, err
		}
		times = append(times, float64(took.Microseconds())/1000)
		if err := p.end(); err != nil {
			return 0, err
		}
	}
	return median(times), nil
}

func roundTrip(depth int) func(*bench, string) (float64, error) {
	return func(b *bench, program string) (float64, error) {
		return b.with(program, func(p *port) (float64, error) {
			const calls = 3000
			path, err := p.chain(depth)
			if err != nil {
				return 0, err
			}
			frame := porttest.Wrap(path, porttest.Request("getpid"))
			times := make([]float64, calls)
			for i := range times {
				began := time.Now()
				if _, err := p.in.Write(frame); err != nil {
					return 0, err
				}
				if _, err := p.next(); err != nil {
					return 0, err
				}
				times[i] = float64(time.Since(began).Nanoseconds()) / 1000
			}
			return median(times), nil
		})
	}
}

func pipelined(depth int) func(*bench, string) (float64, error) {
	return func(b *bench, program string) (float64, error) {
		return b.with(program, func(p *port) (float64, error) {
			const calls, batch = 60000, 200
			path, err := p.chain(depth)
			if err != nil {
				return 0, err
			}
			frames := bytes.Repeat(porttest.Wrap(path, porttest.Request("getpid")), batch)
			failed := make(chan error, 1)
			began := time.Now()
			// At most two batches are on their way: more would fill a pipe to a
			// child, which the original does not survive.
			tokens := make(chan struct{}, 2)
			go func() {
				for range calls / batch {
					tokens <- struct{}{}
					if _, err := p.in.Write(frames); err != nil {
						failed <- err
						return
					}
				}
				failed <- nil
			}()
			for i := 1; i <= calls; i++ {
				if _, err := p.next(); err != nil {
					return 0, err
				}
				if i%batch == 0 {
					<-tokens
				}
			}
			took := time.Since(began)
			return calls / took.Seconds() / 1000, <-failed
		})
	}
}

// fork is the time of the call alone; the child ends before the next one.
func (b *bench) fork(program string) (float64, error) {
	return b.with(program, func(p *port) (float64, error) {
		const forks = 100
		var times []float64
		exit := porttest.Request("exit", 0)
		for range forks {
			began := time.Now()
			c, err := p.forkFrom(nil)
			took := time.Since(began)
			if err != nil {
				return 0, err
			}
			times = append(times, float64(took.Nanoseconds())/1000)
			if _, err := p.in.Write(porttest.Wrap(c, exit)); err != nil {
				return 0, err
			}
			if err := p.untilEvent(); err != nil {
				return 0, err
			}
		}
		return median(times), nil
	})
}

func (p *port) untilEvent() error {
	for {
		f, err := p.next()
		if err != nil {
			return err
		}
		if frame, err := porttest.ParseFrame(f); err != nil || frame.Type == porttest.TypeEvent {
			return err
		}
	}
}

// forkExecExit is the time from the fork call to the exit event of /bin/true.
func (b *bench) forkExecExit(program string) (float64, error) {
	return b.with(program, func(p *port) (float64, error) {
		const rounds = 60
		var times []float64
		request := porttest.Request("execve", porttest.Bin("/bin/true"), porttest.List{porttest.Bin("true")}, porttest.List{})
		for range rounds {
			began := time.Now()
			c, err := p.forkFrom(nil)
			if err != nil {
				return 0, err
			}
			if _, err := p.in.Write(porttest.Wrap(c, request)); err != nil {
				return 0, err
			}
			if err := p.untilEvent(); err != nil {
				return 0, err
			}
			times = append(times, float64(time.Since(began).Nanoseconds())/1000)
		}
		return median(times), nil
	})
}

func stdout(depth int) func(*bench, string) (float64, error) {
	return func(b *bench, program string) (float64, error) {
		return b.with(program, func(p *port) (float64, error) {
			const size = 64 << 20
			path, err := p.chain(depth)
			if err != nil {
				return 0, err
			}
			argv := porttest.List{porttest.Bin("head"), porttest.Bin("-c"), porttest.Bin(fmt.Sprint(size)), porttest.Bin("/dev/zero")}
			began := time.Now()
			if _, err := p.in.Write(porttest.Wrap(path, porttest.Request("execvp", porttest.Bin("head"), argv))); err != nil {
				return 0, err
			}
			for got := 0; got < size; {
				f, err := p.next()
				if err != nil {
					return 0, err
				}
				frame, err := porttest.ParseFrame(f)
				if err != nil {
					return 0, err
				}
				if frame.Type == porttest.TypeStdout {
					got += len(frame.Payload)
				}
			}
			return size / time.Since(began).Seconds() / 1e6, nil
		})
	}
}

func portMemory(field string) func(*bench, string) (float64, error) {
	return func(b *bench, program string) (float64, error) {
		return b.with(program, func(p *port) (float64, error) {
			for range 1000 {
				if _, err := p.call(nil, porttest.Request("getpid")); err != nil {
					return 0, err
				}
			}
			return float64(porttest.Memory(p.cmd.Process.Pid, field)), nil
		})
	}
}

func childMemory(field string) func(*bench, string) (float64, error) {
	return func(b *bench, program string) (float64, error) {
		return b.with(program, func(p *port) (float64, error) {
			const children = 64
			var paths []porttest.Path
			for range children {
				c, err := p.forkFrom(nil)
				if err != nil {
					return 0, err
				}
				if _, err := p.call(c, porttest.Request("version")); err != nil {
					return 0, err
				}
				paths = append(paths, c)
			}
			sum := 0
			for _, c := range paths {
				sum += porttest.Memory(c[0], field)
			}
			return float64(sum) / children, nil
		})
	}
}

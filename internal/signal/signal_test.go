package signal_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"alcove/internal/fdnum"
	"alcove/internal/signal"
	"alcove/internal/sys"
)

// helperName is argument 0 of the test binary when it is started as a helper
// process that does what argument 1 says.
const helperName = "signal-helper"

func TestMain(m *testing.M) {
	if os.Args[0] == helperName {
		runtime.LockOSThread()
		helpers[os.Args[1]]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// in is the read end of the signal pipe.
const in = 3

// helpers are the roles of a helper process. Each prints what the test compares.
var helpers = map[string]func(){
	"read a null pointer": func() {
		pipe()
		install(unix.SIGSEGV)
		fmt.Println("ready")
		var p *[4]int
		if len(os.Args) > 99 {
			p = new([4]int)
		}
		fmt.Println(p[1])
	},
	"touch a page that is not there": func() {
		pipe()
		install(unix.SIGBUS)
		f, err := os.CreateTemp("", "")
		check(err)
		os.Remove(f.Name())
		check(f.Truncate(1 << 16))
		b, err := unix.Mmap(int(f.Fd()), 0, 1<<16, unix.PROT_READ, unix.MAP_SHARED)
		check(err)
		check(f.Truncate(0))
		fmt.Println("ready")
		fmt.Println(b[100])
	},
	"report": func() {
		pipe()
		for _, n := range reported {
			install(n)
		}
		fmt.Println("ready", os.Getpid())
		for range reported {
			info := read(true)
			fmt.Printf("%d %d %d %d\n", len(info), word(info, 0), word(info, 8), word(info, 16))
		}
	},
	"interrupt": func() {
		pipe()
		install(unix.SIGUSR1)
		var p sys.Pipe
		check(errnoOrNil(sys.Pipe2(&p, unix.O_CLOEXEC)))
		fmt.Println("ready")
		_, errno := sys.Read(p[0], make([]byte, 1))
		fmt.Println(errno == unix.EINTR)
	},
	"fill the pipe": func() {
		pipe()
		install(unix.SIGUSR1)
		fmt.Println(signal.Lost())
		// A pipe has room for 64 KiB.
		const room = 65536 / signal.InfoSize
		for range room {
			raise(unix.SIGUSR1)
		}
		fmt.Println(signal.Lost())
		raise(unix.SIGUSR1)
		raise(unix.SIGUSR1)
		fmt.Println(signal.Lost(), signal.Lost())
		n := 0
		for len(read(false)) == signal.InfoSize {
			n++
		}
		fmt.Println(n == room)
		raise(unix.SIGUSR1)
		fmt.Println(signal.Lost(), len(read(false)))
	},
	"no pipe": func() {
		unix.Close(fdnum.SignalsIn)
		install(unix.SIGUSR1)
		fmt.Println("ready")
		raise(unix.SIGUSR1)
		fmt.Println("still here")
	},
	"dispositions": func() {
		pipe()
		// Whatever was inherited: make, for one, ignores 32 and 33.
		signal.Restore(0)
		for _, n := range []int32{-1, 0, 9, 19, 32, 33, 65, 1000} {
			_, asked := signal.Get(n)
			fmt.Println(n, int(asked), int(signal.Set(n, signal.Info)), int(signal.Set(n, signal.Ignore)))
		}
		for _, d := range []signal.Disposition{signal.Ignore, signal.Default, signal.Info, signal.Ignore} {
			for _, n := range []int32{1, 10, 31, 34, 64} {
				if errno := signal.Set(n, d); errno != 0 {
					fmt.Println(n, d, errno)
				}
				if got, errno := signal.Get(n); got != d || errno != 0 {
					fmt.Println(n, d, got, errno)
				}
			}
		}
		// The mask while a handler runs, flags: as the kernel has them.
		status("SigIgn")
	},
	"catch all": func() {
		pipe()
		signal.CatchAll(signal.Bit(33) | signal.Bit(1))
		status("SigCgt", "SigIgn")
	},
	"restore": func() {
		pipe()
		signal.CatchAll(0)
		signal.Restore(signal.Bit(33) | signal.Bit(1) | signal.Bit(64))
		status("SigCgt", "SigIgn")
	},
}

// reported are signals sent by kill(2), those among them that a fault would raise.
var reported = []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTERM, 34, 64}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func errnoOrNil(errno sys.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// pipe makes the signal pipe.
func pipe() {
	var p sys.Pipe
	check(errnoOrNil(sys.Pipe2(&p, unix.O_CLOEXEC|unix.O_NONBLOCK)))
	// Through high numbers: either end may stand where the other goes.
	for i, fd := range p {
		moved, errno := sys.Fcntl(fd, unix.F_DUPFD_CLOEXEC, 50)
		check(errnoOrNil(errno))
		p[i] = moved
	}
	check(errnoOrNil(sys.Dup3(p[0], in, unix.O_CLOEXEC)))
	check(errnoOrNil(sys.Dup3(p[1], fdnum.SignalsIn, unix.O_CLOEXEC)))
}

func install(n unix.Signal) { check(errnoOrNil(signal.Set(int32(n), signal.Info))) }

// raise sends a signal to this thread; it has been handled on return.
func raise(n unix.Signal) { check(unix.Tgkill(os.Getpid(), unix.Gettid(), n)) }

// read takes one siginfo from the pipe, or nothing if there is none and wait is
// not set.
func read(wait bool) []byte {
	b := make([]byte, signal.InfoSize)
	for {
		n, errno := sys.Read(in, b)
		if errno == unix.EAGAIN && wait {
			time.Sleep(time.Millisecond)
			continue
		}
		if errno != 0 {
			return nil
		}
		return b[:n]
	}
}

// word is a native 32-bit field of a siginfo_t.
func word(b []byte, at int) int32 { return int32(binary.NativeEndian.Uint32(b[at:])) }

// status prints lines of /proc/self/status.
func status(names ...string) {
	text, err := os.ReadFile("/proc/thread-self/status")
	check(err)
	for _, name := range names {
		_, rest, _ := strings.Cut(string(text), name+":\t")
		line, _, _ := strings.Cut(rest, "\n")
		fmt.Println(name, line)
	}
}

// help starts a helper. Descriptors 3 and 4 are the null device until it makes
// its pipe, so that nothing of the Go runtime gets these numbers.
func help(t *testing.T, role string) (*exec.Cmd, *bytes.Buffer, func() string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd := &exec.Cmd{Path: program, Args: []string{helperName, role}, ExtraFiles: []*os.File{null, null}}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []byte
	return cmd, &stderr, func() string {
		for {
			if line, rest, ok := bytes.Cut(all, []byte("\n")); ok {
				all = rest
				return string(line)
			}
			var buf [1024]byte
			n, err := out.Read(buf[:])
			if err != nil {
				return "EOF"
			}
			all = append(all, buf[:n]...)
		}
	}
}

// output is everything that a helper prints before it ends well.
func output(t *testing.T, role string) []string {
	t.Helper()
	cmd, stderr, line := help(t, role)
	var lines []string
	for l := line(); l != "EOF"; l = line() {
		lines = append(lines, l)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	return lines
}

// TestFaultsKill: a fault of the process itself ends it with the signal, as if no
// handler were there; it neither loops nor ends with an exit status.
func TestFaultsKill(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]syscall.Signal{
		"read a null pointer":            syscall.SIGSEGV,
		"touch a page that is not there": syscall.SIGBUS,
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			cmd, stderr, line := help(t, role)
			if got := line(); got != "ready" {
				t.Errorf("helper says %q", got)
			}
			timeout := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			defer timeout.Stop()
			cmd.Wait()
			w := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !w.Signaled() || w.Signal() != want {
				t.Errorf("wait status %#x, want death by %v\n%s", int(w), want, stderr)
			}
		})
	}
}

// TestSentSignalsAreReported: the siginfo_t of a signal that somebody sends goes
// to the pipe whole, also of those that a fault would raise.
func TestSentSignalsAreReported(t *testing.T) {
	t.Parallel()
	cmd, stderr, line := help(t, "report")
	if got, want := line(), fmt.Sprint("ready ", cmd.Process.Pid); got != want {
		t.Fatalf("helper says %q, want %q", got, want)
	}
	for _, n := range reported {
		if err := unix.Kill(cmd.Process.Pid, n); err != nil {
			t.Fatal(err)
		}
		// Number, code SI_USER, sender.
		if got, want := line(), fmt.Sprintf("%d %d 0 %d", signal.InfoSize, n, os.Getpid()); got != want {
			t.Errorf("signal %d: %q, want %q", n, got, want)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stderr)
	}
}

// TestSignalsInterrupt: no system call goes on behind a handler (calls.md §6).
func TestSignalsInterrupt(t *testing.T) {
	t.Parallel()
	cmd, stderr, line := help(t, "interrupt")
	line()
	done := make(chan string)
	go func() { done <- line() }()
	for {
		// Until it has reached the call.
		if err := unix.Kill(cmd.Process.Pid, unix.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-done:
			if got != "true" {
				t.Errorf("read fails with EINTR: %s\n%s", got, stderr)
			}
			cmd.Wait()
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestFullPipe: what finds no room is dropped and reported once; the process
// lives, and order is kept (D14).
func TestFullPipe(t *testing.T) {
	t.Parallel()
	want := []string{"false", "false", "true false", "true", "false 128"}
	if got := output(t, "fill the pipe"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNoPipe: without descriptor 4 the process ends with EBADF (wire.md §5.7).
func TestNoPipe(t *testing.T) {
	t.Parallel()
	cmd, stderr, line := help(t, "no pipe")
	if got := line(); got != "ready" {
		t.Errorf("helper says %q", got)
	}
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != int(unix.EBADF) {
		t.Errorf("exit status %d, want %d\n%s", got, unix.EBADF, stderr)
	}
}

// TestDispositions: what is set is what is got; numbers that are none, or that the
// C library keeps, are refused, and SIGKILL and SIGSTOP can only be asked for.
func TestDispositions(t *testing.T) {
	t.Parallel()
	want := []string{
		"-1 22 22 22", "0 22 22 22", "9 0 22 22", "19 0 22 22", "32 22 22 22", "33 22 22 22", "65 22 22 22", "1000 22 22 22",
		fmt.Sprintf("SigIgn %016x", uint64(signal.Bit(1)|signal.Bit(10)|signal.Bit(31)|signal.Bit(34)|signal.Bit(64))),
	}
	if got := output(t, "dispositions"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCatchAll: all but SIGKILL, SIGSTOP, 32 and 33; these two are as inherited.
func TestCatchAll(t *testing.T) {
	t.Parallel()
	want := []string{"SigCgt fffffffe7ffbfeff", fmt.Sprintf("SigIgn %016x", uint64(signal.Bit(33)))}
	if got := output(t, "catch all"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRestore: nothing is caught any more, what was ignored is again.
func TestRestore(t *testing.T) {
	t.Parallel()
	want := []string{"SigCgt 0000000000000000",
		fmt.Sprintf("SigIgn %016x", uint64(signal.Bit(1)|signal.Bit(33)|signal.Bit(64)))}
	if got := output(t, "restore"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBit(t *testing.T) {
	t.Parallel()
	for n, want := range map[int32]sys.Sigset{1: 1, 2: 2, 17: 0x10000, 64: 1 << 63} {
		if got := signal.Bit(n); got != want {
			t.Errorf("%d: %#x", n, got)
		}
	}
}

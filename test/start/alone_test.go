// Package start starts the port program over and over, in every way that could
// keep it from becoming single-threaded. The tests stand apart from package thread:
// a test binary that links it would lose its own threads.
package start

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"alcove/internal/porttest"
)

// filterEnv makes the test binary refuse unshare(2) to itself and become the
// program that the variable names, with its own arguments.
const filterEnv = "ALCOVE_START_TEST_FILTER"

// port is the program under test.
var port string

func TestMain(m *testing.M) {
	if program := os.Getenv(filterEnv); program != "" {
		fmt.Fprintln(os.Stderr, becomeFiltered(program))
		os.Exit(125)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	port = filepath.Join(dir, "port")
	if err := porttest.GoBuild(port, "../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// becomeFiltered executes a program under a filter that fails unshare with EPERM.
func becomeFiltered(program string) error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	// struct seccomp_data begins with the number of the system call.
	code := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_UNSHARE, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		return err
	}
	return syscall.Exec(program, os.Args, nil)
}

// launch is one way to start the port.
type launch struct {
	env []string
	// root is a directory to change the root to; the program is /port there.
	root string
	// filtered starts it where it may not call unshare.
	filtered bool
}

var ready = []byte("\x00\x07\x00\x04\x83w\x02ok")

// begins starts the port, waits for its first frame, looks at its threads, and
// ends it.
func (s launch) begins(fifo string) error {
	program := port
	env := append([]string{"PATH=/usr/bin:/bin"}, s.env...)
	attr := &syscall.SysProcAttr{}
	host := fifo
	switch {
	case s.root != "":
		program, attr.Chroot, host = "/port", s.root, filepath.Join(s.root, fifo)
	case s.filtered:
		env = append(env, filterEnv+"="+port)
		self, err := os.Executable()
		if err != nil {
			return err
		}
		program = self
	}
	defer os.Remove(host)
	var stderr bytes.Buffer
	cmd := &exec.Cmd{Path: program, Args: []string{"port", "-c", fifo}, Env: env, Stderr: &stderr, SysProcAttr: attr, Dir: "/"}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stuck := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	frame := make([]byte, len(ready))
	_, err = io.ReadFull(out, frame)
	threads := tasks(cmd.Process.Pid)
	in.Close()
	rest, _ := io.ReadAll(out)
	if wait := cmd.Wait(); wait != nil {
		err = errors.Join(err, wait)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w\n%s", err, &stderr)
	case !bytes.Equal(frame, ready) || len(rest) != 0:
		return fmt.Errorf("output % x % x", frame, rest)
	case len(threads) != 1:
		return fmt.Errorf("threads: %q", threads)
	}
	return nil
}

// tasks describes the threads of a process: name, state and what it waits for. A
// thread that is about to leave gets a moment.
func tasks(pid int) []string {
	var list []string
	for range 20 {
		list = nil
		dirs, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		for _, dir := range dirs {
			status, err := os.ReadFile(filepath.Join(dir, "status"))
			if err != nil {
				continue
			}
			where, _ := os.ReadFile(filepath.Join(dir, "wchan"))
			blocked := ""
			for line := range strings.Lines(string(status)) {
				if strings.HasPrefix(line, "State:") || strings.HasPrefix(line, "SigBlk:") {
					blocked += strings.TrimSpace(line) + " "
				}
			}
			list = append(list, filepath.Base(dir)+" "+blocked+string(where))
		}
		if len(list) == 1 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return list
}

// repeat starts the port n times.
func (s launch) repeat(t *testing.T, n int) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "ctl")
	if s.root != "" {
		fifo = "/ctl"
	}
	for i := range n {
		if err := s.begins(fifo); err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
	}
}

// TestAlone: every start ends up with one thread, all of them within bounded
// time.
func TestAlone(t *testing.T) {
	porttest.NeedNative(t, "an emulator has threads of its own")
	begin := time.Now()
	launch{}.repeat(t, 500)
	if d := time.Since(begin); d > 30*time.Second {
		t.Errorf("500 starts took %v", d)
	}
}

// TestAloneWhateverTheRuntimeIsTold: the variables that the Go runtime listens to
// start other threads at other times, or keep them busy.
func TestAloneWhateverTheRuntimeIsTold(t *testing.T) {
	porttest.NeedNative(t, "an emulator has threads of its own")
	for _, env := range []string{
		"GOGC=1", "GOGC=off", "GOMAXPROCS=1", "GOMAXPROCS=64", "GOMEMLIMIT=1", "GOTRACEBACK=crash",
		"GODEBUG=asyncpreemptoff=1", "GODEBUG=schedtrace=1", "GODEBUG=schedtrace=1,scheddetail=1",
		"GODEBUG=gctrace=1,scavtrace=1", "GODEBUG=inittrace=1", "GODEBUG=gcstoptheworld=2", "GODEBUG=gccheckmark=1",
		"GODEBUG=containermaxprocs=1,updatemaxprocs=1", "GODEBUG=madvdontneed=0", "GODEBUG=checkfinalizers=1",
	} {
		t.Run(env, func(t *testing.T) {
			t.Parallel()
			launch{env: []string{env}}.repeat(t, 25)
		})
	}
}

// TestAloneTogether: many starts at once, more than there are processors.
func TestAloneTogether(t *testing.T) {
	porttest.NeedNative(t, "an emulator has threads of its own")
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			launch{env: []string{"GOMAXPROCS=8"}}.repeat(t, 30)
		})
	}
}

// TestAloneOnOneProcessor: the threads that have to go wait for the one that sends
// them away.
func TestAloneOnOneProcessor(t *testing.T) {
	porttest.NeedNative(t, "an emulator has threads of its own")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetaffinity(0, &all)
	launch{}.repeat(t, 100)
}

// TestAloneWithoutProc: nothing of /proc is needed, nor any other file.
func TestAloneWithoutProc(t *testing.T) {
	porttest.NeedNative(t, "the emulator is not in the new root")
	porttest.NeedRoot(t)
	root := t.TempDir()
	program, err := os.ReadFile(port)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "port"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	launch{root: root}.repeat(t, 100)
	launch{root: root, env: []string{"GOGC=1", "GOMAXPROCS=1"}}.repeat(t, 25)
}

// TestAloneWithoutUnshare: where a filter keeps the kernel from telling, the
// pending signal does.
func TestAloneWithoutUnshare(t *testing.T) {
	porttest.NeedNative(t, "the filter would be put on the emulator")
	launch{filtered: true}.repeat(t, 50)
}

// TestStartsWithSignalsBlocked: also the signal that sends threads away.
func TestStartsWithSignalsBlocked(t *testing.T) {
	porttest.NeedNative(t, "the emulator has a mask of its own")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fifo := filepath.Join(t.TempDir(), "ctl")
	// A new process has the mask of the thread that makes it.
	full := unix.Sigset_t{}
	for i := range full.Val {
		full.Val[i] = ^uint64(0)
	}
	var old unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &full, &old); err != nil {
		t.Fatal(err)
	}
	err := launch{}.begins(fifo)
	if restored := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil); restored != nil {
		t.Fatal(restored)
	}
	if err != nil {
		t.Error(err)
	}
}

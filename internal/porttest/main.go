// Package porttest starts a port program for tests and talks to it as Erlang
// would: frames in, frames out, with a deadline on every wait.
//
// The program is built from this module once per test run. Two variables point
// the same tests elsewhere:
//
//	ALCOVE_PORT    path of the port program to test instead
//	ALCOVE_RUNNER  program to put in front of it, for example qemu-aarch64-static
//
// A package that uses porttest calls Main from its TestMain. As root Main runs
// the tests as process 1 of new pid, mount, uts, ipc and network namespaces:
// nothing a test does to host name, mounts, interfaces or processes reaches the
// machine, and nothing it starts outlives it.
package porttest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	isolatedEnv = "ALCOVE_TEST_ISOLATED"
	// firstPid makes pids take the four-byte integer form, as on a machine that
	// has been up for a while.
	firstPid = 10000
	// hostName is the host name inside the namespaces.
	hostName = "probe"
)

// Main runs the tests of a package and exits. See the package comment.
func Main(m *testing.M) {
	if text, ok := os.LookupEnv(launchEnv); ok {
		launch(text)
	}
	if err := resetReserved(); err != nil {
		fmt.Fprintln(os.Stderr, "porttest: cannot reset signals 32 and 33:", err)
		os.Exit(1)
	}
	switch {
	case os.Getenv(isolatedEnv) != "":
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, "porttest: cannot set up the namespaces:", err)
			os.Exit(1)
		}
	case os.Getuid() == 0 && !listing():
		os.Exit(isolate())
	}
	code := m.Run()
	removeBuild()
	reportSkips()
	os.Exit(code)
}

// skips counts the skipped tests by reason.
var skips struct {
	sync.Mutex
	count map[string]int
}

// Skip skips a test for a reason that names what is missing, and counts it.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	skips.Lock()
	if skips.count == nil {
		skips.count = map[string]int{}
	}
	skips.count[reason]++
	skips.Unlock()
	t.Skip(reason)
}

func reportSkips() {
	total := 0
	for _, n := range skips.count {
		total += n
	}
	if total == 0 {
		return
	}
	fmt.Printf("%d tests skipped:\n", total)
	for _, reason := range slices.Sorted(maps.Keys(skips.count)) {
		fmt.Printf("  %3d %s\n", skips.count[reason], reason)
	}
}

// Isolated reports whether the tests run in namespaces of their own. Tests that
// change host name, mounts or signal "every process" need that.
func Isolated() bool { return os.Getenv(isolatedEnv) != "" }

// listing tells go test -list, which runs no test.
func listing() bool {
	for _, a := range os.Args[1:] {
		if strings.HasPrefix(a, "-test.list=") {
			return true
		}
	}
	return false
}

// isolate runs this program again in new namespaces and returns its exit code.
func isolate() int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "porttest:", err)
		return 1
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), isolatedEnv+"=1")
	runtime.LockOSThread() // the parent-death signal is tied to this thread
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS |
			syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET,
		Pdeathsig: syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "porttest: no new namespaces (run as a user with CAP_SYS_ADMIN, or not as root):", err)
		return 1
	}
	sigs := make(chan os.Signal, 4)
	signal.Notify(sigs, syscall.SIGQUIT, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for s := range sigs {
			cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, "porttest: tests ended:", err)
	return 1
}

func settle() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Sethostname([]byte(hostName)); err != nil {
		return fmt.Errorf("sethostname: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("loopback interface: %w", err)
	}
	unix.Umask(0o022)
	last := fmt.Sprint(firstPid)
	if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(last), 0); err != nil {
		return fmt.Errorf("set the first pid: %w", err)
	}
	return nil
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

var build struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Binary returns the path of the port program under test, building it if
// ALCOVE_PORT does not name one.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("ALCOVE_PORT"); path != "" {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("ALCOVE_PORT: %v", err)
		}
		return path
	}
	build.once.Do(func() {
		build.dir, build.err = os.MkdirTemp("", "alcove-port")
		if build.err != nil {
			return
		}
		build.path = filepath.Join(build.dir, "alcove")
		build.err = GoBuild(build.path, ModuleRoot(t))
	})
	if build.err != nil {
		t.Fatalf("building the port program: %v", build.err)
	}
	return build.path
}

func removeBuild() {
	if build.dir != "" {
		os.RemoveAll(build.dir)
	}
}

// GoBuild builds the main package in dir for the architecture of the tests,
// without cgo.
func GoBuild(out, dir string) error {
	cmd := exec.Command("go", "build", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return Run(cmd)
}

// Run runs a helper command of a test. It keeps the collector of orphans away
// from the command's process.
func Run(cmd *exec.Cmd) error {
	reapLock.RLock()
	defer reapLock.RUnlock()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// ModuleRoot returns the directory of go.mod.
func ModuleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// NeedRoot skips a test that changes more than its own process may as an
// ordinary user.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		Skip(t, "needs root: changes ids, limits or namespaces")
	}
}

// NeedIsolation skips a test that would reach beyond its processes.
func NeedIsolation(t testing.TB) {
	t.Helper()
	if !Isolated() {
		Skip(t, "needs root: runs in namespaces of its own")
	}
}

// Runner returns the program in front of the port with its arguments, nil if
// there is none.
func Runner() []string {
	words := strings.Fields(os.Getenv("ALCOVE_RUNNER"))
	if len(words) == 0 {
		return nil
	}
	if path, err := exec.LookPath(words[0]); err == nil {
		words[0] = path
	}
	return words
}

// NeedNative skips a test that user mode emulation cannot carry, with the reason.
func NeedNative(t testing.TB, why string) {
	t.Helper()
	if len(Runner()) > 0 {
		Skip(t, "not under %s: %s", filepath.Base(Runner()[0]), why)
	}
}

package porttest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// launchEnv carries the plan of a start to a second run of the test binary,
// which brings itself into that state and then becomes the port by exec. What
// it sets (umask, limits, masks, ids, descriptors) could not be set for one
// child alone from a program with threads.
const launchEnv = "ALCOVE_TEST_LAUNCH"

// Limit is a resource limit of the started process.
type Limit struct {
	Res      int
	Cur, Max uint64
}

// Fd is a descriptor that is open at the start under number Num. Path is a
// file, or pipe-r:NAME and pipe-w:NAME for the two ends of a pipe. Flags are
// those of open(2), for pipes the status flags.
type Fd struct {
	Num     int
	Path    string
	Flags   int
	Cloexec bool
}

// plan is everything that shapes the process to be started. The zero value
// inherits all from the test.
type plan struct {
	Exec    []string // program in front, the program, its arguments (argv[0] separately)
	Argv0   string
	Env     []string
	Dir     string
	Umask   *int
	Limits  []Limit
	Fds     []Fd
	Close   []int // descriptors closed at the start
	Block   []int
	Ignore  []int
	NoNewPr bool
	Nice    int
	UID     int // 0: stay
	DeadOut bool
}

// launch carries out the plan in the environment and does not return.
func launch(text string) {
	runtime.LockOSThread()
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		launchFailed("plan", err)
	}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"chdir", p.chdir}, {"descriptors", p.descriptors}, {"nice", p.nice}, {"limits", p.limits},
		{"ids", p.ids}, {"privileges", p.privileges}, {"mask", p.mask},
	} {
		if err := step.run(); err != nil {
			launchFailed(step.name, err)
		}
	}
	argv := append([]string{}, p.Exec...)
	if p.Argv0 != "" {
		argv[0] = p.Argv0
	}
	launchFailed("exec "+p.Exec[0], execve(p.Exec[0], argv, p.Env))
}

func launchFailed(what string, err error) {
	fmt.Fprintf(os.Stderr, "porttest launch: %s: %v\n", what, err)
	os.Exit(125)
}

func (p *plan) chdir() error {
	if p.Umask != nil {
		syscall.Umask(*p.Umask)
	}
	if p.Dir == "" {
		return nil
	}
	return syscall.Chdir(p.Dir)
}

// descriptors opens p.Fds. All are made at high numbers first, so that placing
// one never hits another.
func (p *plan) descriptors() error {
	// What the test itself was started with is none of the port's business.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return err
	}
	if p.DeadOut {
		if err := deadPipe(); err != nil {
			return err
		}
	}
	const base = 200
	pipes := map[string][2]int{}
	high := make([]int, len(p.Fds))
	for i, f := range p.Fds {
		fd, err := openHigh(f, pipes, base)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		high[i] = fd
	}
	for i, f := range p.Fds {
		flags := 0
		if f.Cloexec {
			flags = unix.O_CLOEXEC
		}
		if err := unix.Dup3(high[i], f.Num, flags); err != nil {
			return err
		}
	}
	for _, fd := range p.Close {
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}

func deadPipe() error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	if err := unix.Close(p[0]); err != nil {
		return err
	}
	return unix.Dup3(p[1], 1, 0)
}

func openHigh(f Fd, pipes map[string][2]int, base int) (int, error) {
	end, name, isPipe := strings.Cut(f.Path, ":")
	if !isPipe {
		fd, err := unix.Open(f.Path, f.Flags|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return -1, err
		}
		return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, base)
	}
	ends, ok := pipes[name]
	if !ok {
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return -1, err
		}
		pipes[name] = ends
	}
	fd := ends[0]
	if end == "pipe-w" {
		fd = ends[1]
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, f.Flags); err != nil {
		return -1, err
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, base)
}

func (p *plan) nice() error {
	if p.Nice == 0 {
		return nil
	}
	return unix.Setpriority(unix.PRIO_PROCESS, 0, p.Nice)
}

func (p *plan) limits() error {
	for _, l := range p.Limits {
		if err := syscall.Setrlimit(l.Res, &syscall.Rlimit{Cur: l.Cur, Max: l.Max}); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) ids() error {
	if p.UID == 0 {
		return nil
	}
	if err := syscall.Setgroups([]int{}); err != nil {
		return err
	}
	if err := syscall.Setgid(p.UID); err != nil {
		return err
	}
	return syscall.Setuid(p.UID)
}

func (p *plan) privileges() error {
	if !p.NoNewPr {
		return nil
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// mask sets the blocked and ignored signals; the mask of this locked thread is
// the one exec keeps.
func (p *plan) mask() error {
	for _, sig := range p.Ignore {
		if err := setHandler(int(sig), sigIgn); err != nil {
			return err
		}
	}
	var set unix.Sigset_t
	for _, sig := range p.Block {
		set.Val[(sig-1)/64] |= 1 << ((sig - 1) % 64)
	}
	return unix.PthreadSigmask(unix.SIG_SETMASK, &set, nil)
}

// execve keeps an empty or odd environment as it is, which syscall.Exec does too.
func execve(path string, argv, env []string) error {
	if err := syscall.Exec(path, argv, env); err != nil {
		return fmt.Errorf("%s: %w", strconv.Quote(path), err)
	}
	return nil
}

package calls

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConstantCalls follows calls.md §9, call 14 and its like.
func TestConstantCalls(t *testing.T) {
	p := newProcess(t)
	run(t, p, []step{
		{"clone_constant", with(atom("clone_newns")), "131072"},
		{"clone_constant", with(atom("CLONE_NEWNS")), "131072"},
		{"clone_constant", with(atom("Clone_NewNS")), "131072"},
		{"clone_constant", with(raw("64 00 0b 636c6f6e655f6e65776e73")), "131072"},
		{"clone_constant", with(atom("clone_newns\x00x")), "131072"},
		{"clone_constant", with(atom("nonexist")), "unknown"},
		{"clone_constant", with(atom("")), "unknown"},
		{"clone_constant", with(atom("newns")), "unknown"},
		{"clone_constant", with(str("clone_newns")), "badarg"},
		{"clone_constant", with([]byte("clone_newns")), "badarg"},
		{"clone_constant", with(1), "badarg"},
		{"clone_constant", with(list{atom("clone_newns")}), "badarg"},
		{"mount_constant", with(atom("ms_nouser")), "18446744071562067968"},
		{"mount_constant", with(atom("ms_mgc_val")), "3236757504"},
		{"mount_constant", with(atom("rdonly")), "1"},
		{"mount_constant", with(atom("mnt_detach")), "2"},
		{"mount_constant", with(atom("nodev")), "unknown"},
		{"prctl_constant", with(atom("pr_set_ptracer_any")), "18446744073709551615"},
		{"prctl_constant", with(atom("seccomp_mode_filter")), "2"},
		{"prctl_constant", with(atom("seccomp_ret_kill")), "0"},
		{"prctl_constant", with(atom("seccomp_ret_kill_process")), "2147483648"},
		{"prctl_constant", with(atom("pr_set")), "unknown"},
		{"signal_constant", with(atom("sigterm")), "15"},
		{"signal_constant", with(atom("sigiot")), "6"},
		{"signal_constant", with(atom("sigpoll")), "29"},
		{"signal_constant", with(atom("sigrtmin")), "unknown"},
		{"signal_constant", with(atom("siglost")), "unknown"},
		{"seccomp_constant", with(atom("seccomp_set_mode_filter")), "1"},
		{"seccomp_constant", with(atom("seccomp_mode_filter")), "unknown"},
		{"syscall_constant", with(atom("sys_exit")), fmt.Sprint(unix.SYS_EXIT)},
		{"syscall_constant", with(atom("exit")), "unknown"},
		{"syscall_constant", with(atom("audit_arch_x86_64")), "3221225534"},
		{"syscall_constant", with(atom("sys_getrandom")), "unknown"},
		{"fcntl_constant", with(atom("fd_cloexec")), "1"},
		{"fcntl_constant", with(atom("f_dupfd")), "unknown"},
		{"file_constant", with(atom("o_creat")), "64"},
		{"file_constant", with(atom("o_tmpfile")), "unknown"},
		{"rlimit_constant", with(atom("rlimit_nofile")), "7"},
		{"rlimit_constant", with(atom("rlim_infinity")), "unknown"},
		{"ptrace_constant", with(atom("ptrace_traceme")), "0"},
		{"ptrace_constant", with(atom("ptrace_getregset")), "16900"},
		{"ioctl_constant", with(atom("tunsetiff")), "1074025674"},
		{"ioctl_constant", with(atom("tiocflush")), "unknown"},
	})
}

// TestEveryConstantAnswersItsCall: the first entry of a name wins, in any case.
func TestEveryConstantAnswersItsCall(t *testing.T) {
	p := newProcess(t)
	for name, rows := range constantTables {
		call := name + "_constant"
		seen := map[string]bool{}
		for _, c := range rows {
			if c.name != strings.ToLower(c.name) {
				t.Errorf("table %s: %s is not in lower case", name, c.name)
			}
			if seen[c.name] {
				continue
			}
			seen[c.name] = true
			got, ok := find(rows, []byte(strings.ToUpper(c.name)))
			if !ok || got != c {
				t.Errorf("table %s: %s is found as %v", name, c.name, got)
			}
			// There are no calls for these three.
			if name == "prio" || name == "socket" || name == "wait" {
				continue
			}
			if got, want := reply(t, p, call, atom(c.name)), fmt.Sprint(uint64(c.value)); got != want {
				t.Errorf("%s(%s): %s, want %s", call, c.name, got, want)
			}
		}
	}
}

// TestErrnoAtoms compares with the names that the kernel headers have, but for the
// numbers that the original does not name (calls.md §4).
func TestErrnoAtoms(t *testing.T) {
	p := newProcess(t)
	// The headers have two names for these numbers; 134 is newer than the original.
	exceptions := map[int]string{11: "eagain", 35: "edeadlk", 95: "enotsup", 117: "euclean", 134: "unknown"}
	for _, n := range []int{84, 85, 86, 120, 123, 124, 125, 126, 127, 128, 129, 132, 133} {
		exceptions[n] = "unknown"
	}
	for n := -1; n < 200; n++ {
		want := strings.ToLower(unix.ErrnoName(unix.Errno(n)))
		if want == "" || n <= 0 {
			want = "unknown"
		}
		if name, ok := exceptions[n]; ok {
			want = name
		}
		if got := reply(t, p, "errno_id", n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	run(t, p, []step{
		{"errno_id", with(9999), "unknown"},
		{"errno_id", with(-1 << 31), "unknown"},
		{"errno_id", with(1<<31 - 1), "unknown"},
		{"errno_id", with(1 << 31), "badarg"},
		{"errno_id", with(raw("6e 01 00 02")), "enoent"},
		{"errno_id", with(atom("enoent")), "badarg"},
	})
}

// TestSignalAtoms follows calls.md §5.
func TestSignalAtoms(t *testing.T) {
	for n := int32(-1); n < 70; n++ {
		want := strings.ToLower(unix.SignalName(unix.Signal(n)))
		switch {
		case n < 1 || n > 31:
			want = "unknown"
		case n == 6:
			want = "sigabrt"
		case n == 29:
			want = "sigio"
		}
		if got := SignalName(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

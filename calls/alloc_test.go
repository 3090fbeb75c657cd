package calls

import (
	"runtime"
	"testing"

	"alcove/internal/child"
)

// TestNoCallAllocates: nothing on the way of a request may need the allocator,
// which has no collector and no leave to make system calls of its own. Also where
// a call fails, and where its arguments are bad.
func TestNoCallAllocates(t *testing.T) {
	// Some calls are about the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	openAt(t, 130)
	p := newProcess(t)
	p.Environ.Load([]string{"PATH=/nonexistent/a::/nonexistent/b", "HOME=/root", "EMPTY="})
	p.Children.Add(child.Slot{Pid: 1 << 30, Flow: -1, SignalOneOf: 15, Ctl: 1007, Stdin: 1008, Stdout: 1009, Stderr: 1010})
	now := tuple{atom("alcove_timeval"), 0, 0}
	nowhere := []byte("/nonexistent/file")
	limit := tuple{atom("alcove_rlimit"), 2, 1}
	tests := []struct {
		call      string
		arguments []any
	}{
		{"alloc", with(list{[]byte("ab"), ptr(100), ptr([]byte("xyz")), ptr(0)})},
		{"alloc", with(list{ptr(-1)})},
		{"chdir", with(nowhere)},
		{"chmod", with(nowhere, 0o600)},
		{"chown", with(nowhere, 0, 0)},
		{"chroot", with(nowhere)},
		{"clone", with(0x100)},
		{"clone_constant", with(atom("CLONE_NEWNS"))},
		{"close", with(99999)},
		{"connect", with(99999, list{make([]byte, 16)})},
		{"connect", with(99999, list{})},
		{"cpid", nil},
		{"environ", nil},
		{"errno_id", with(2)},
		{"execve", with(nowhere, list{str("a"), []byte("b")}, list{str("A=1")})},
		{"execvp", with(str("nosuchprogram"), list{str("a"), str("b")})},
		{"fcntl", with(99999, atom("f_getfd"), 0)},
		{"fcntl", with(130, 9, 0)},
		{"fexecve", with(99999, list{str("a")}, list{str("A=1")})},
		{"fexecve", with(-1, list{}, list{})},
		{"file_constant", with(atom("unknown_name"))},
		{"filter", with([]byte{}, []byte{})},
		{"getcwd", nil},
		{"getenv", with(str("HOME"))},
		{"getenv", with(str("NOPE"))},
		{"getgid", nil},
		{"getgroups", nil},
		{"gethostname", nil},
		{"getopt", with(atom("maxchild"))},
		{"getopt", with(atom("flowcontrol"))},
		{"getpgrp", nil},
		{"getpid", nil},
		{"getpriority", with(atom("prio_process"), 0)},
		{"getresgid", nil},
		{"getresuid", nil},
		{"getrlimit", with(atom("rlimit_nofile"))},
		{"getsid", with(0)},
		{"getuid", nil},
		{"ioctl", with(99999, atom("tunsetiff"), make([]byte, 40))},
		{"ioctl", with(130, 0x5401, list{make([]byte, 60)})},
		{"iolist_to_bin", with(list{str("abc"), 7, list{[]byte("def"), list{str("g")}}})},
		{"kill", with(1<<30, 0)},
		{"link", with(nowhere, nowhere)},
		{"lseek", with(99999, 1<<40, 0)},
		{"mkdir", with(nowhere, 0)},
		{"mkfifo", with(nowhere, 0)},
		{"mount", with(str("none"), nowhere, str("tmpfs"), list{atom("rdonly")}, str("size=1"), list{})},
		{"open", with(nowhere, list{atom("o_rdonly"), atom("o_cloexec")}, 0)},
		{"pivot_root", with(nowhere, nowhere)},
		{"prctl", with(atom("pr_get_name"), make([]byte, 16), list{}, list{make([]byte, 8), ptr(8)}, 0)},
		{"prctl", with(9999, 0, 0, 0, 0)},
		{"ptrace", with(9999, 1<<30, 0, make([]byte, 8))},
		{"read", with(130, 4096)},
		{"read", with(99999, uint64(1<<63))},
		{"readdir", with(str("/proc/self/fd"))},
		{"readdir", with(nowhere)},
		{"rmdir", with(nowhere)},
		{"seccomp", with(99, 0, list{make([]byte, 8), ptr(8)})},
		{"select", with(str("\x82"), list{130}, list{}, now)},
		{"select", with(list{99999}, list{}, list{}, now)},
		{"setcpid", with(1<<30, atom("flowcontrol"), 3)},
		{"setenv", with(str("HOME"), str("/tmp"), 1)},
		{"setenv", with(str("NEW"), str("/tmp"), 1)},
		{"setgroups", with(list{uint64(1<<32 - 1)})},
		{"setns", with(99999, atom("clone_newuts"))},
		{"setopt", with(atom("flowcontrol"), 7)},
		{"setopt", with(atom("maxchild"), 4)},
		{"setopt", with(atom("maxchild"), 8)},
		{"setpgid", with(-1, 0)},
		{"setpriority", with(9, 0, 0)},
		{"setproctitle", with(str("title"))},
		{"setrlimit", with(atom("rlimit_core"), limit)},
		{"sigaction", with(atom("sigterm"), list{})},
		{"sigaction", with(atom("sigchld"), atom("sig_dfl"))},
		{"socket", with(999, 1, 0)},
		{"symlink", with(nowhere, nowhere)},
		{"umount2", with(nowhere, list{atom("mnt_detach")})},
		{"unlink", with(nowhere)},
		{"unsetenv", with(str("NEW"))},
		{"unshare", with(-1)},
		{"version", nil},
		{"waitpid", with(1<<30, list{atom("wnohang")})},
		{"write", with(130, list{str("abc"), []byte("def")})},
		// Bad arguments, unknown names, calls that are absent.
		{"unveil", with(list{}, list{})},
		{"version", with(1)},
		{"open", with(nowhere, list{atom("o_foo")}, 0)},
		{"open", with(nowhere, atom("o_rdonly"), 0)},
		{"iolist_to_bin", with(list{256})},
		{"prctl", with(atom("pr_get_name"), list{tuple{1}}, 0, 0, 0)},
	}
	covered := map[string]bool{}
	for _, tt := range tests {
		covered[tt.call] = true
		call, term := numberOf(t, tt.call), request(t, tt.arguments...)
		outcome := Replied
		n := testing.AllocsPerRun(20, func() {
			if o := p.Call(call, term); o != Replied {
				outcome = o
			}
		})
		if n != 0 {
			t.Errorf("%s%v: %v allocations", tt.call, tt.arguments, n)
		}
		if outcome != Replied {
			t.Errorf("%s%v: outcome %d", tt.call, tt.arguments, outcome)
		}
	}
	// These change the test process for good, need another one, or do nothing but
	// what a neighbour above does.
	left := map[string]bool{"clearenv": true, "exit": true, "fork": true, "setgid": true, "sethostname": true,
		"setresgid": true, "setresuid": true, "setsid": true, "setuid": true, "umount": true}
	for _, c := range table {
		if c.run != nil && !covered[c.name] && !left[c.name] && len(c.name) > 9 && c.name[len(c.name)-9:] != "_constant" {
			t.Errorf("%s is not covered", c.name)
		}
	}
}

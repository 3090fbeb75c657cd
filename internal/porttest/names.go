package porttest

// callNames are the calls in wire order; the position is the number (wire.md §3.4).
// The list is written out here so that a mistake in the generated tables shows.
var callNames = [...]string{
	"alloc", "cap_constant", "cap_enter", "cap_fcntls_get", "cap_fcntls_limit", "cap_getmode",
	"cap_ioctls_limit", "cap_rights_limit", "chdir", "chmod", "chown", "chroot",
	"clearenv", "clone", "clone_constant", "close", "connect", "cpid",
	"environ", "errno_id", "execve", "execvp", "exit", "fcntl",
	"fcntl_constant", "fexecve", "file_constant", "filter", "fork", "getcwd",
	"getenv", "getgid", "getgroups", "gethostname", "getopt", "getpgrp",
	"getpid", "getpriority", "getresgid", "getresuid", "getrlimit", "getsid",
	"getuid", "ioctl", "ioctl_constant", "iolist_to_bin", "jail", "jail_attach",
	"jail_remove", "kill", "link", "lseek", "mkdir", "mkfifo",
	"mount", "mount_constant", "open", "pivot_root", "pledge", "prctl",
	"prctl_constant", "procctl", "ptrace", "ptrace_constant", "read", "readdir",
	"rlimit_constant", "rmdir", "seccomp", "seccomp_constant", "select", "setcpid",
	"setenv", "setgid", "setgroups", "sethostname", "setns", "setopt",
	"setpgid", "setpriority", "setproctitle", "setresgid", "setresuid", "setrlimit",
	"setsid", "setuid", "sigaction", "signal_constant", "socket", "symlink",
	"syscall_constant", "umount", "umount2", "unlink", "unsetenv", "unshare",
	"unveil", "version", "waitpid", "write",
}

// Number returns the wire number of a call and whether there is such a call.
func Number(name string) (int, bool) {
	n, ok := callNumbers[name]
	return n, ok
}

var callNumbers = func() map[string]int {
	m := make(map[string]int, len(callNames))
	for n, name := range callNames {
		m[name] = n
	}
	return m
}()

package wire

import "golang.org/x/sys/unix"

// archAllowList is the part of the allow-list this architecture has a name for.
var archAllowList = []int{unix.SYS_POLL, unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT}

const sysExit = unix.SYS_EXIT

// registers are the ptrace examples that know the layout of the registers; the
// tracee has just executed a program.
var registers = []example{
	{`ptrace(ptrace_peekusr, Pid, 120, 0)`, `{ok,59,<<>>,<<>>}`}, // orig_rax: execve
	{`ptrace(ptrace_getregset, Pid, 1, [{ptr,216},<<216:64/native>>])`, `{ok,0,<<>>,[{ptr,_},<<216:64/native>>]}`},
	{`ptrace(ptrace_pokeusr, Pid, 0, 12345)`, `{ok,0,<<>>,<<>>}`}, {`ptrace(ptrace_peekusr, Pid, 0, 0)`, `{ok,12345,<<>>,<<>>}`},
}

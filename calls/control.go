package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

// prctl replies {ok, Result, Arg2, Arg3, Arg4, Arg5}.
func (p *Process) prctl(option int32, arg2, arg3, arg4, arg5 *operand) Outcome {
	arguments := [...]*operand{arg2, arg3, arg4, arg5}
	var values [4]uintptr
	for i, o := range arguments {
		values[i] = o.value
	}
	r, errno := sys.Prctl(option, values)
	if errno != 0 {
		return p.fail(errno)
	}
	p.okTuple(6)
	p.Reply.Int(int64(r))
	for _, o := range arguments {
		p.echo(o)
	}
	return Replied
}

func (p *Process) seccomp(operation, flags int32, program *operand) Outcome {
	return p.result(sys.Seccomp(operation, flags, program.value))
}

// ptraceWord is where the peek requests leave their result.
var ptraceWord uintptr

// ptrace replies {ok, Result, Addr, Data}. The kernel stores what the peek
// requests read where their data points to; the C library supplies that place and
// returns the word (ptrace(2), "C library/kernel differences").
func (p *Process) ptrace(request, pid int32, addr, data *operand) Outcome {
	value := data.value
	peek := request == unix.PTRACE_PEEKTEXT || request == unix.PTRACE_PEEKDATA || request == unix.PTRACE_PEEKUSR
	if peek {
		ptraceWord = 0
		value = sys.WordAddress(&ptraceWord)
	}
	r, errno := sys.Ptrace(request, pid, addr.value, value)
	if errno != 0 {
		return p.fail(errno)
	}
	if peek {
		r = int64(ptraceWord)
	}
	p.okTuple(4)
	p.Reply.Int(r)
	p.echoMemory(addr)
	p.echoMemory(data)
	return Replied
}

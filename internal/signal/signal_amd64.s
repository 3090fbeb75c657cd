#include "textflag.h"

#define SYS_write 1
#define SYS_rt_sigaction 13
#define SYS_rt_sigreturn 15
#define SYS_exit_group 231

// The kernel enters with DI = number, SI = siginfo, DX = ucontext; every
// register comes back at rt_sigreturn.
TEXT handler<>(SB),NOSPLIT|NOFRAME,$0
	MOVL	8(SI), AX	// si_code: positive for what the kernel raised
	CMPL	AX, $0
	JLE	report
	CMPL	DI, $4		// SIGILL
	JEQ	fault
	CMPL	DI, $7		// SIGBUS
	JEQ	fault
	CMPL	DI, $8		// SIGFPE
	JEQ	fault
	CMPL	DI, $11		// SIGSEGV
	JEQ	fault
report:
	MOVL	$4, DI
	MOVL	$128, DX
	MOVL	$SYS_write, AX
	SYSCALL
	CMPQ	AX, $0
	JGE	done
	CMPQ	AX, $-11	// EAGAIN: the pipe is full
	JNE	broken
	MOVL	$1, ·lost(SB)
done:
	RET
broken:
	NEGQ	AX
	MOVQ	AX, DI
	MOVL	$SYS_exit_group, AX
	SYSCALL
	INT	$3
fault:
	// Default action back, then run into the fault once more. A red zone is
	// not used by Go code, so the words below the stack pointer are free.
	SUBQ	$40, SP
	MOVQ	$0, 0(SP)
	MOVQ	$0x04000000, AX
	MOVQ	AX, 8(SP)
	LEAQ	restore<>(SB), AX
	MOVQ	AX, 16(SP)
	MOVQ	$0, 24(SP)
	MOVQ	SP, SI
	XORL	DX, DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigaction, AX
	SYSCALL
	ADDQ	$40, SP
	RET

TEXT restore<>(SB),NOSPLIT|NOFRAME,$0
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

TEXT ·handlerPC(SB),NOSPLIT,$0-8
	LEAQ	handler<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

TEXT ·restorerPC(SB),NOSPLIT,$0-8
	LEAQ	restore<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

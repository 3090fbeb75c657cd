#include "textflag.h"

#define SYS_write 64
#define SYS_exit_group 94
#define SYS_rt_sigaction 134

// The kernel enters with A0 = number, A1 = siginfo, A2 = ucontext and the
// return address in RA; every register comes back at rt_sigreturn.
TEXT handler<>(SB),NOSPLIT|NOFRAME,$0
	MOVW	8(A1), T0	// si_code: positive for what the kernel raised
	BLEZ	T0, report
	MOV	$4, T1		// SIGILL
	BEQ	A0, T1, fault
	MOV	$7, T1		// SIGBUS
	BEQ	A0, T1, fault
	MOV	$8, T1		// SIGFPE
	BEQ	A0, T1, fault
	MOV	$11, T1		// SIGSEGV
	BEQ	A0, T1, fault
report:
	MOV	$4, A0
	MOV	$128, A2
	MOV	$SYS_write, A7
	ECALL
	BGEZ	A0, done
	MOV	$-11, T0	// EAGAIN: the pipe is full
	BNE	A0, T0, broken
	MOV	$1, T0
	MOVW	T0, ·lost(SB)
done:
	RET
broken:
	NEG	A0, A0
	MOV	$SYS_exit_group, A7
	ECALL
	EBREAK
fault:
	// Default action back, then run into the fault once more.
	ADD	$-32, X2
	MOV	ZERO, 8(X2)
	MOV	ZERO, 16(X2)
	MOV	ZERO, 24(X2)
	ADD	$8, X2, A1
	MOV	ZERO, A2
	MOV	$8, A3
	MOV	$SYS_rt_sigaction, A7
	ECALL
	ADD	$32, X2
	RET

TEXT ·handlerPC(SB),NOSPLIT,$0-8
	MOV	$handler<>(SB), T0
	MOV	T0, ret+0(FP)
	RET

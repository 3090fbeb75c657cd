#include "textflag.h"

#define SYS_write 64
#define SYS_exit_group 94
#define SYS_rt_sigaction 134
#define SYS_rt_sigreturn 139

// The kernel enters with R0 = number, R1 = siginfo, R2 = ucontext and the
// return address in R30; every register comes back at rt_sigreturn.
TEXT handler<>(SB),NOSPLIT|NOFRAME,$0
	MOVW	8(R1), R3	// si_code: positive for what the kernel raised
	CMPW	$0, R3
	BLE	report
	CMPW	$4, R0		// SIGILL
	BEQ	fault
	CMPW	$7, R0		// SIGBUS
	BEQ	fault
	CMPW	$8, R0		// SIGFPE
	BEQ	fault
	CMPW	$11, R0		// SIGSEGV
	BEQ	fault
report:
	MOVD	$4, R0
	MOVD	$128, R2
	MOVD	$SYS_write, R8
	SVC
	CMP	$0, R0
	BGE	done
	CMN	$11, R0		// EAGAIN: the pipe is full
	BNE	broken
	MOVD	$1, R3
	MOVW	R3, ·lost(SB)
done:
	RET
broken:
	NEG	R0, R0
	MOVD	$SYS_exit_group, R8
	SVC
	BRK
fault:
	// Default action back, then run into the fault once more.
	SUB	$48, RSP
	MOVD	ZR, 8(RSP)
	MOVD	$0x04000000, R3
	MOVD	R3, 16(RSP)
	MOVD	$restore<>(SB), R3
	MOVD	R3, 24(RSP)
	MOVD	ZR, 32(RSP)
	ADD	$8, RSP, R1
	MOVD	$0, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigaction, R8
	SVC
	ADD	$48, RSP
	RET

TEXT restore<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	$SYS_rt_sigreturn, R8
	SVC
	BRK

TEXT ·handlerPC(SB),NOSPLIT,$0-8
	MOVD	$handler<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET

TEXT ·restorerPC(SB),NOSPLIT,$0-8
	MOVD	$restore<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET

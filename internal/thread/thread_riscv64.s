#include "textflag.h"

#define SYS_exit 93
#define SYS_rt_sigreturn 139

// A2 = ucontext: PC of the interrupted code at byte 176, its A0 at byte 256.
// The instruction in front of the PC is ECALL (00000073) and A0 is -EINTR when
// the thread was waiting in the kernel.
TEXT retire<>(SB),NOSPLIT|NOFRAME,$0
	MOV	176(A2), T0
	MOV	$0x73, T2
	MOVWU	·emulated(SB), T3
	BEQZ	T3, native
	MOVWU	(T0), T1
	BEQ	T1, T2, parked
native:
	MOVWU	-4(T0), T1
	BNE	T1, T2, busy
	MOV	256(A2), T1
	MOV	$-4, T2
	BNE	T1, T2, busy
parked:
	MOV	$·retired(SB), T0
	MOV	$1, T1
	AMOADDW	T1, (T0), ZERO
	MOV	ZERO, A0
	MOV	$SYS_exit, A7
	ECALL
	EBREAK
busy:
	MOV	$SYS_rt_sigreturn, A7
	ECALL
	EBREAK

TEXT ·retirePC(SB),NOSPLIT,$0-8
	MOV	$retire<>(SB), T0
	MOV	T0, ret+0(FP)
	RET

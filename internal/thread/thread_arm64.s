#include "textflag.h"

#define SYS_exit 93
#define SYS_rt_sigreturn 139

// R2 = ucontext: R0 of the interrupted code at byte 184, its PC at byte 440.
// The instruction in front of the PC is SVC $0 (d4000001) and R0 is -EINTR when
// the thread was waiting in the kernel.
TEXT retire<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	440(R2), R3
	MOVD	$0xd4000001, R5
	MOVWU	·emulated(SB), R6
	CBZ	R6, native
	MOVWU	(R3), R4
	CMP	R5, R4
	BEQ	parked
native:
	MOVWU	-4(R3), R4
	CMP	R5, R4
	BNE	busy
	MOVD	184(R2), R4
	CMN	$4, R4
	BNE	busy
parked:
	MOVD	$·retired(SB), R3
again:
	LDAXRW	(R3), R4
	ADDW	$1, R4
	STLXRW	R4, (R3), R5
	CBNZ	R5, again
	MOVD	$0, R0
	MOVD	$SYS_exit, R8
	SVC
	BRK
busy:
	MOVD	$SYS_rt_sigreturn, R8
	SVC
	BRK

TEXT ·retirePC(SB),NOSPLIT,$0-8
	MOVD	$retire<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET

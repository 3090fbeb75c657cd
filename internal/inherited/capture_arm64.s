#include "textflag.h"

#define SYS_rt_sigaction 134
#define SYS_rt_sigprocmask 135
#define SYS_prlimit64 261
#define RLIMIT_NOFILE 7
#define SIG_UNBLOCK 1

DATA _cgo_init(SB)/8, $·capture(SB)
GLOBL _cgo_init(SB), NOPTR, $8

// capture follows the C calling convention and runs on the initial stack; it
// leaves R19 and above alone.
TEXT ·capture(SB),NOSPLIT|NOFRAME,$0
	SUB	$64, RSP

	MOVD	$SIG_UNBLOCK, R0
	MOVD	$·retiring(SB), R1
	MOVD	$·mask(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC

	MOVD	$0, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	$0, R2
	MOVD	$·nofile(SB), R3
	MOVD	$SYS_prlimit64, R8
	SVC

	MOVD	$64, R9
	MOVD	$0, R10
next:
	MOVD	R9, R0
	MOVD	$0, R1
	ADD	$8, RSP, R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigaction, R8
	SVC
	CBNZ	R0, other
	MOVD	8(RSP), R4
	CMP	$1, R4		// SIG_IGN
	BNE	other
	SUB	$1, R9, R5
	LSL	R5, R4, R4
	ORR	R4, R10, R10
other:
	SUB	$1, R9
	CBNZ	R9, next
	MOVD	R10, ·ignored(SB)

	ADD	$64, RSP
	RET

#include "textflag.h"

#define SYS_rt_sigaction 134
#define SYS_rt_sigprocmask 135
#define SYS_prlimit64 261
#define RLIMIT_NOFILE 7
#define SIG_UNBLOCK 1

DATA _cgo_init(SB)/8, $·capture(SB)
GLOBL _cgo_init(SB), NOPTR, $8

// capture follows the C calling convention and runs on the initial stack; it
// uses scratch registers only.
TEXT ·capture(SB),NOSPLIT|NOFRAME,$0
	ADD	$-64, X2

	MOV	$SIG_UNBLOCK, A0
	MOV	$·retiring(SB), A1
	MOV	$·mask(SB), A2
	MOV	$8, A3
	MOV	$SYS_rt_sigprocmask, A7
	ECALL

	MOV	ZERO, A0
	MOV	$RLIMIT_NOFILE, A1
	MOV	ZERO, A2
	MOV	$·nofile(SB), A3
	MOV	$SYS_prlimit64, A7
	ECALL

	MOV	$64, T0
	MOV	ZERO, T1
next:
	MOV	T0, A0
	MOV	ZERO, A1
	ADD	$8, X2, A2
	MOV	$8, A3
	MOV	$SYS_rt_sigaction, A7
	ECALL
	BNEZ	A0, other
	MOV	8(X2), T2
	MOV	$1, T3		// SIG_IGN
	BNE	T2, T3, other
	ADD	$-1, T0, T4
	SLL	T4, T3, T3
	OR	T3, T1, T1
other:
	ADD	$-1, T0
	BNEZ	T0, next
	MOV	$·ignored(SB), T2
	MOV	T1, (T2)

	ADD	$64, X2
	RET

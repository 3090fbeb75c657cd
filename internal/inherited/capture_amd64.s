#include "textflag.h"

#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_arch_prctl 158
#define SYS_prlimit64 302
#define ARCH_SET_FS 0x1002
#define RLIMIT_NOFILE 7
#define SIG_UNBLOCK 1

DATA _cgo_init(SB)/8, $·capture(SB)
GLOBL _cgo_init(SB), NOPTR, $8

// tls is the thread-local storage of the first thread: whoever has _cgo_init is
// expected to provide it. The runtime keeps its g in the word below FS.
GLOBL tls<>(SB), NOPTR, $64

// capture follows the C calling convention and runs on the initial stack.
TEXT ·capture(SB),NOSPLIT|NOFRAME,$0
	PUSHQ	BX
	SUBQ	$64, SP

	MOVL	$ARCH_SET_FS, DI
	LEAQ	tls<>+32(SB), SI
	MOVL	$SYS_arch_prctl, AX
	SYSCALL

	MOVL	$SIG_UNBLOCK, DI
	LEAQ	·retiring(SB), SI
	LEAQ	·mask(SB), DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigprocmask, AX
	SYSCALL

	XORL	DI, DI
	MOVL	$RLIMIT_NOFILE, SI
	XORL	DX, DX
	LEAQ	·nofile(SB), R10
	MOVL	$SYS_prlimit64, AX
	SYSCALL

	MOVL	$64, BX
next:
	MOVL	BX, DI
	XORL	SI, SI
	MOVQ	SP, DX
	MOVL	$8, R10
	MOVL	$SYS_rt_sigaction, AX
	SYSCALL
	TESTQ	AX, AX
	JNE	other
	CMPQ	0(SP), $1	// SIG_IGN
	JNE	other
	LEAQ	-1(BX), CX
	MOVL	$1, AX
	SHLQ	CX, AX
	ORQ	AX, ·ignored(SB)
other:
	DECL	BX
	JNE	next

	ADDQ	$64, SP
	POPQ	BX
	RET

#include "textflag.h"

#define SYS_exit 60
#define SYS_rt_sigreturn 15

// DX = ucontext: RAX of the interrupted code at byte 144, its PC at byte 168.
// The instruction in front of the PC is SYSCALL (0f 05) and RAX is -EINTR when
// the thread was waiting in the kernel.
TEXT retire<>(SB),NOSPLIT|NOFRAME,$0
	MOVQ	168(DX), AX
	MOVWLZX	-2(AX), AX
	CMPL	AX, $0x050f
	JNE	busy
	MOVQ	144(DX), AX
	CMPQ	AX, $-4
	JNE	busy
	MOVL	$1, AX
	LOCK
	XADDL	AX, ·retired(SB)
	XORL	DI, DI
	MOVL	$SYS_exit, AX
	SYSCALL
	INT	$3
busy:
	// The kernel's frame begins behind the return address it pushed.
	ADDQ	$8, SP
	MOVL	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

TEXT ·retirePC(SB),NOSPLIT,$0-8
	LEAQ	retire<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

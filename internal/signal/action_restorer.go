//go:build amd64 || arm64

package signal

// restorer is sa_restorer: where the kernel returns to behind the handler.
type restorer struct{ pc uintptr }

// saRestorer is SA_RESTORER of asm/signal.h.
const saRestorer = 0x04000000

// No SA_RESTART: a signal that is reported interrupts a blocking call.
const handlerFlags = saSiginfo | saOnstack | saRestorer

func (r *restorer) setRestorer() { r.pc = restorerPC() }

// restorerPC is the address of an rt_sigreturn(2).
func restorerPC() uintptr

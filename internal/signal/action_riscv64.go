package signal

// restorer is empty: riscv64 always returns through the vDSO.
type restorer struct{}

// No SA_RESTART: a signal that is reported interrupts a blocking call.
const handlerFlags = saSiginfo | saOnstack

func (r *restorer) setRestorer() {}

// Package fdnum names the descriptors that every control process keeps for itself
// (wire.md §2.2).
package fdnum

const (
	// Stdin carries frames from Erlang or the parent.
	Stdin = 0
	// Stdout carries frames to Erlang or the parent.
	Stdout = 1
	// Stderr carries plain bytes.
	Stderr = 2
	// Signals is the read end of the process's own signal pipe.
	Signals = 3
	// SignalsIn is its write end.
	SignalsIn = 4
	// Control is the child's end of its control socket; the fifo in the port.
	Control = 5
	// Reserved is the number of descriptors with a fixed use.
	Reserved = 6
)

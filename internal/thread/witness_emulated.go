//go:build emulated

package thread

// emulated lets the handler accept a thread that stands on its system call:
// qemu-user restarts an interrupted call instead of letting it return EINTR.
var emulated uint32 = 1

// single cannot ask the kernel: the emulator has threads of its own.
func single() bool { return allLeft() }

//go:build !amd64

package wire

import "golang.org/x/sys/unix"

// archAllowList is the part of the allow-list this architecture has a name for:
// the newer ones poll by ppoll only.
var archAllowList = []int{unix.SYS_PPOLL}

const sysExit = unix.SYS_EXIT

// registers are the ptrace examples that know the layout of the registers.
var registers []example

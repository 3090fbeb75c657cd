package wire

import "golang.org/x/sys/unix"

// archAllowList is the part of the allow-list this architecture has a name for.
var archAllowList = []int{unix.SYS_POLL, unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT}

package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call makes system call number with up to six arguments.
//
//go:nosplit
func call(number, a, b, c, d, e, f uintptr) (uintptr, Errno) {
	r, _, errno := syscall.RawSyscall6(number, a, b, c, d, e, f)
	return r, errno
}

// errnoOf is call for system calls whose result carries nothing but success.
//
//go:nosplit
func errnoOf(number, a, b, c, d, e, f uintptr) Errno {
	_, errno := call(number, a, b, c, d, e, f)
	return errno
}

// word passes a C int or unsigned int argument: the kernel looks at the low
// 32 bits, and the upper half is sent as zeros as a C compiler would.
//
//go:nosplit
func word(v int32) uintptr { return uintptr(uint32(v)) }

// ptr is the address of the first byte of b, null for a nil slice.
//
//go:nosplit
func ptr(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// Address is the address of the first byte of b.
func Address(b []byte) uintptr { return ptr(b) }

// Read is read(2).
func Read(fd int32, b []byte) (int, Errno) {
	n, errno := call(unix.SYS_READ, word(fd), ptr(b), uintptr(len(b)), 0, 0, 0)
	return int(n), errno
}

// Write is write(2).
func Write(fd int32, b []byte) (int, Errno) {
	n, errno := call(unix.SYS_WRITE, word(fd), ptr(b), uintptr(len(b)), 0, 0, 0)
	return int(n), errno
}

// Iovec is struct iovec of writev(2).
type Iovec = unix.Iovec

// SetIovec lets v describe b.
func SetIovec(v *Iovec, b []byte) {
	v.Base = unsafe.SliceData(b)
	v.SetLen(len(b))
}

// Advance drops the first n bytes that v describes.
//
// Preconditions: n is not larger than the length of v.
func Advance(v *Iovec, n int) {
	v.Base = (*byte)(unsafe.Add(unsafe.Pointer(v.Base), n))
	v.SetLen(int(v.Len) - n)
}

// Writev is writev(2).
func Writev(fd int32, v []Iovec) (int, Errno) {
	n, errno := call(unix.SYS_WRITEV, word(fd), uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v)), 0, 0, 0)
	return int(n), errno
}

// Close is close(2).
func Close(fd int32) Errno {
	return errnoOf(unix.SYS_CLOSE, word(fd), 0, 0, 0, 0, 0)
}

// Open is openat(2) relative to the working directory.
func Open(path []byte, flags int32, mode uint32) (int32, Errno) {
	fd, errno := call(unix.SYS_OPENAT, atFdcwd, ptr(path), word(flags), uintptr(mode), 0, 0)
	return int32(fd), errno
}

// Lseek is lseek(2).
func Lseek(fd int32, offset int64, whence int32) Errno {
	return errnoOf(unix.SYS_LSEEK, word(fd), uintptr(offset), word(whence), 0, 0, 0)
}

// Fcntl is fcntl(2) with an integer argument.
func Fcntl(fd, cmd, arg int32) (int32, Errno) {
	r, errno := call(unix.SYS_FCNTL, word(fd), word(cmd), word(arg), 0, 0, 0)
	return int32(r), errno
}

// FcntlBytes is fcntl(2) with a pointer argument.
func FcntlBytes(fd, cmd int32, arg []byte) (int32, Errno) {
	r, errno := call(unix.SYS_FCNTL, word(fd), word(cmd), ptr(arg), 0, 0, 0)
	return int32(r), errno
}

// Ioctl is ioctl(2); arg is a number or an address.
func Ioctl(fd int32, request uint64, arg uintptr) (int32, Errno) {
	r, errno := call(unix.SYS_IOCTL, word(fd), uintptr(request), arg, 0, 0, 0)
	return int32(r), errno
}

// Pipe2 is pipe2(2).
func Pipe2(p *Pipe, flags int32) Errno {
	return errnoOf(unix.SYS_PIPE2, uintptr(unsafe.Pointer(p)), word(flags), 0, 0, 0, 0)
}

// Socketpair is socketpair(2).
func Socketpair(p *Pipe, domain, kind, protocol int32) Errno {
	return errnoOf(unix.SYS_SOCKETPAIR, word(domain), word(kind), word(protocol), uintptr(unsafe.Pointer(p)), 0, 0)
}

// Dup3 is dup3(2).
func Dup3(old, new, flags int32) Errno {
	return errnoOf(unix.SYS_DUP3, word(old), word(new), word(flags), 0, 0, 0)
}

// Socket is socket(2).
func Socket(domain, kind, protocol int32) (int32, Errno) {
	fd, errno := call(unix.SYS_SOCKET, word(domain), word(kind), word(protocol), 0, 0, 0)
	return int32(fd), errno
}

// Connect is connect(2); an empty address is passed as a null pointer.
func Connect(fd int32, address []byte) Errno {
	if len(address) == 0 {
		return errnoOf(unix.SYS_CONNECT, word(fd), 0, 0, 0, 0, 0)
	}
	return errnoOf(unix.SYS_CONNECT, word(fd), ptr(address), uintptr(len(address)), 0, 0, 0)
}

// Pselect is pselect6(2) without a signal mask; timeout may be nil.
func Pselect(n int, r, w, x *FDSet, timeout *Timespec) (int, Errno) {
	ready, errno := call(unix.SYS_PSELECT6, uintptr(n), uintptr(unsafe.Pointer(r)), uintptr(unsafe.Pointer(w)),
		uintptr(unsafe.Pointer(x)), uintptr(unsafe.Pointer(timeout)), 0)
	return int(ready), errno
}

// IsSocket reports whether fd is an open socket (fstat(2)).
func IsSocket(fd int32) bool {
	var st unix.Stat_t
	errno := errnoOf(unix.SYS_FSTAT, word(fd), uintptr(unsafe.Pointer(&st)), 0, 0, 0, 0)
	return errno == 0 && st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// Links is the number of links of a file, 0 if it cannot be told (newfstatat(2)).
func Links(path []byte) uint64 {
	var st unix.Stat_t
	if errnoOf(sysNewfstatat, atFdcwd, ptr(path), uintptr(unsafe.Pointer(&st)), 0, 0, 0) != 0 {
		return 0
	}
	return uint64(st.Nlink)
}

// Mknodat is mknodat(2) without a device.
func Mknodat(path []byte, mode uint32) Errno {
	return errnoOf(unix.SYS_MKNODAT, atFdcwd, ptr(path), uintptr(mode), 0, 0, 0)
}

// atFdcwd is AT_FDCWD as a register value; the kernel reads it as an int.
const atFdcwd = ^uintptr(0) - 99

// Chdir is chdir(2).
func Chdir(path []byte) Errno { return errnoOf(unix.SYS_CHDIR, ptr(path), 0, 0, 0, 0, 0) }

// Chroot is chroot(2).
func Chroot(path []byte) Errno { return errnoOf(unix.SYS_CHROOT, ptr(path), 0, 0, 0, 0, 0) }

// Getcwd is getcwd(2): the length includes the terminating zero byte.
func Getcwd(b []byte) (int, Errno) {
	n, errno := call(unix.SYS_GETCWD, ptr(b), uintptr(len(b)), 0, 0, 0, 0)
	return int(n), errno
}

// Getdents is getdents64(2).
func Getdents(fd int32, b []byte) (int, Errno) {
	n, errno := call(unix.SYS_GETDENTS64, word(fd), ptr(b), uintptr(len(b)), 0, 0, 0)
	return int(n), errno
}

// Mount is mount(2); empty source, fstype and data are passed as null pointers.
func Mount(source, target, fstype []byte, flags uint32, data []byte) Errno {
	return errnoOf(unix.SYS_MOUNT, ptrOrNull(source), ptr(target), ptrOrNull(fstype), uintptr(flags), ptrOrNull(data), 0)
}

// ptrOrNull is ptr, but null for an empty slice of something.
func ptrOrNull(b []byte) uintptr {
	if len(b) == 0 {
		return 0
	}
	return ptr(b)
}

// Umount2 is umount2(2).
func Umount2(path []byte, flags int32) Errno {
	return errnoOf(unix.SYS_UMOUNT2, ptr(path), word(flags), 0, 0, 0, 0)
}

// PivotRoot is pivot_root(2).
func PivotRoot(root, old []byte) Errno {
	return errnoOf(unix.SYS_PIVOT_ROOT, ptr(root), ptr(old), 0, 0, 0, 0)
}

// Exit is exit_group(2); it does not return.
//
//go:nosplit
func Exit(status int32) {
	for {
		call(unix.SYS_EXIT_GROUP, uintptr(uint32(status)), 0, 0, 0, 0, 0)
	}
}

// Clone is clone(2) without a stack of its own: the child goes on on a copy
// of the caller's. It returns 0 in the child.
//
// Preconditions: the calling thread is the only one of the process, all
// signals are blocked, and flags share no memory.
//
//go:nosplit
func Clone(flags uintptr) (int32, Errno) {
	pid, errno := call(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	return int32(pid), errno
}

// Sigset is the kernel's sigset_t: bit n-1 stands for signal n.
type Sigset uint64

// Block is rt_sigprocmask(2) with SIG_BLOCK; it returns the old mask.
//
//go:nosplit
func Block(set Sigset) Sigset { return sigprocmask(unix.SIG_BLOCK, set) }

// SetMask is rt_sigprocmask(2) with SIG_SETMASK.
//
//go:nosplit
func SetMask(set Sigset) { sigprocmask(unix.SIG_SETMASK, set) }

//go:nosplit
func sigprocmask(how uintptr, set Sigset) Sigset {
	var old Sigset
	call(unix.SYS_RT_SIGPROCMASK, how, uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	return old
}

// Sigpending is rt_sigpending(2).
//
//go:nosplit
func Sigpending() Sigset {
	var set Sigset
	call(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&set)), 8, 0, 0, 0, 0)
	return set
}

// Execve is execve(2). The vectors hold addresses and end with a null word; a
// nil vector is passed as a null pointer.
func Execve(path []byte, argv, envp []uintptr) Errno {
	return errnoOf(unix.SYS_EXECVE, ptr(path), vector(argv), vector(envp), 0, 0, 0)
}

// Execveat is execveat(fd, "", argv, envp, AT_EMPTY_PATH), see execveat(2).
func Execveat(fd int32, argv, envp []uintptr) Errno {
	return errnoOf(unix.SYS_EXECVEAT, word(fd), ptr(emptyPath[:]), vector(argv), vector(envp), unix.AT_EMPTY_PATH, 0)
}

var emptyPath [1]byte

func vector(v []uintptr) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(v))) }

// Wait4 is wait4(2) without resource usage.
func Wait4(pid int32, status *int32, options int32) (int32, Errno) {
	r, errno := call(unix.SYS_WAIT4, word(pid), uintptr(unsafe.Pointer(status)), word(options), 0, 0, 0)
	return int32(r), errno
}

// Kill is kill(2).
//
//go:nosplit
func Kill(pid, signal int32) Errno {
	return errnoOf(unix.SYS_KILL, word(pid), word(signal), 0, 0, 0, 0)
}

// Monotonic is clock_gettime(2) of CLOCK_MONOTONIC in nanoseconds.
//
//go:nosplit
func Monotonic() int64 {
	var ts Timespec
	call(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0)
	return ts.Sec*1e9 + ts.Nsec
}

// TimerSlack is prctl(2) with PR_SET_TIMERSLACK.
//
//go:nosplit
func TimerSlack(nanoseconds uintptr) {
	call(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0, 0)
}

// Sleep is nanosleep(2).
//
//go:nosplit
func Sleep(nanoseconds int64) {
	ts := Timespec{Sec: nanoseconds / 1e9, Nsec: nanoseconds % 1e9}
	call(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0, 0, 0, 0)
}

// Getpid is getpid(2).
//
//go:nosplit
func Getpid() int32 {
	pid, _ := call(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
	return int32(pid)
}

// Getsid is getsid(2).
func Getsid(pid int32) (int32, Errno) {
	r, errno := call(unix.SYS_GETSID, word(pid), 0, 0, 0, 0, 0)
	return int32(r), errno
}

// Setsid is setsid(2).
func Setsid() (int32, Errno) {
	r, errno := call(unix.SYS_SETSID, 0, 0, 0, 0, 0, 0)
	return int32(r), errno
}

// Setpgid is setpgid(2).
func Setpgid(pid, group int32) Errno {
	return errnoOf(unix.SYS_SETPGID, word(pid), word(group), 0, 0, 0, 0)
}

// Getuid is getuid(2).
func Getuid() uint32 { return id(unix.SYS_GETUID) }

// Getgid is getgid(2).
func Getgid() uint32 { return id(unix.SYS_GETGID) }

func id(number uintptr) uint32 {
	r, _ := call(number, 0, 0, 0, 0, 0, 0)
	return uint32(r)
}

// Getresuid is getresuid(2).
func Getresuid() ([3]uint32, Errno) { return ids(unix.SYS_GETRESUID) }

// Getresgid is getresgid(2).
func Getresgid() ([3]uint32, Errno) { return ids(unix.SYS_GETRESGID) }

func ids(number uintptr) ([3]uint32, Errno) {
	var v [3]uint32
	errno := errnoOf(number, uintptr(unsafe.Pointer(&v[0])), uintptr(unsafe.Pointer(&v[1])), uintptr(unsafe.Pointer(&v[2])), 0, 0, 0)
	return v, errno
}

// Setuid is setuid(2).
func Setuid(uid uint32) Errno { return errnoOf(unix.SYS_SETUID, uintptr(uid), 0, 0, 0, 0, 0) }

// Setgid is setgid(2).
func Setgid(gid uint32) Errno { return errnoOf(unix.SYS_SETGID, uintptr(gid), 0, 0, 0, 0, 0) }

// Setresuid is setresuid(2).
func Setresuid(real, effective, saved uint32) Errno {
	return errnoOf(unix.SYS_SETRESUID, uintptr(real), uintptr(effective), uintptr(saved), 0, 0, 0)
}

// Setresgid is setresgid(2).
func Setresgid(real, effective, saved uint32) Errno {
	return errnoOf(unix.SYS_SETRESGID, uintptr(real), uintptr(effective), uintptr(saved), 0, 0, 0)
}

// Getgroups is getgroups(2); with an empty slice it answers the count alone.
func Getgroups(groups []uint32) (int, Errno) {
	n, errno := call(unix.SYS_GETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0, 0, 0, 0)
	return int(n), errno
}

// Setgroups is setgroups(2).
func Setgroups(groups []uint32) Errno {
	return errnoOf(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0, 0, 0, 0)
}

// Getpriority is getpriority(2) as the kernel answers it: 20 minus the nice value.
func Getpriority(which, who int32) (int32, Errno) {
	r, errno := call(unix.SYS_GETPRIORITY, word(which), word(who), 0, 0, 0, 0)
	return int32(r), errno
}

// Setpriority is setpriority(2).
func Setpriority(which, who, nice int32) Errno {
	return errnoOf(unix.SYS_SETPRIORITY, word(which), word(who), word(nice), 0, 0, 0)
}

// Getrlimit is prlimit64(2) that only asks.
func Getrlimit(resource int32, limit *Rlimit) Errno {
	return errnoOf(unix.SYS_PRLIMIT64, 0, word(resource), 0, uintptr(unsafe.Pointer(limit)), 0, 0)
}

// Setrlimit is prlimit64(2) that only sets.
func Setrlimit(resource int32, limit *Rlimit) Errno {
	return errnoOf(unix.SYS_PRLIMIT64, 0, word(resource), uintptr(unsafe.Pointer(limit)), 0, 0, 0)
}

// Uname is uname(2).
func Uname(u *Utsname) Errno {
	return errnoOf(unix.SYS_UNAME, uintptr(unsafe.Pointer(u)), 0, 0, 0, 0, 0)
}

// Sethostname is sethostname(2).
func Sethostname(name []byte) Errno {
	return errnoOf(unix.SYS_SETHOSTNAME, ptr(name), uintptr(len(name)), 0, 0, 0, 0)
}

// Setns is setns(2).
func Setns(fd, kind int32) Errno {
	return errnoOf(unix.SYS_SETNS, word(fd), word(kind), 0, 0, 0, 0)
}

// Unshare is unshare(2).
//
//go:nosplit
func Unshare(flags int32) Errno {
	return errnoOf(unix.SYS_UNSHARE, uintptr(flags), 0, 0, 0, 0, 0)
}

// Prctl is prctl(2); each argument is a number or an address.
func Prctl(option int32, arg [4]uintptr) (int32, Errno) {
	r, errno := call(unix.SYS_PRCTL, word(option), arg[0], arg[1], arg[2], arg[3], 0)
	return int32(r), errno
}

// Seccomp is seccomp(2); prog is an address.
func Seccomp(operation, flags int32, prog uintptr) Errno {
	return errnoOf(unix.SYS_SECCOMP, word(operation), word(flags), prog, 0, 0, 0)
}

// Ptrace is ptrace(2); address and data are numbers or addresses.
func Ptrace(request, pid int32, address, data uintptr) (int64, Errno) {
	r, errno := call(unix.SYS_PTRACE, uintptr(request), uintptr(pid), address, data, 0, 0)
	return int64(r), errno
}

// WordAddress is the address of w, for calls that take a pointer as a number.
//
// Preconditions: w does not live on the stack.
func WordAddress(w *uintptr) uintptr { return uintptr(unsafe.Pointer(w)) }

// Map reserves n bytes of private, zeroed memory outside the Go heap
// (mmap(2)); untouched pages cost nothing.
func Map(n int) ([]byte, Errno) {
	if n == 0 {
		return nil, 0
	}
	p, errno := call(unix.SYS_MMAP, 0, uintptr(n), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, ^uintptr(0), 0)
	if errno != 0 {
		return nil, errno
	}
	return unsafe.Slice((*byte)(foreign(p)), n), 0
}

// Unmap gives back memory of Map (munmap(2)).
func Unmap(b []byte) Errno {
	return errnoOf(unix.SYS_MUNMAP, ptr(b), uintptr(len(b)), 0, 0, 0, 0)
}

// foreign turns an address that the kernel handed out into a pointer. The
// detour keeps vet quiet about a conversion that is sound here: the memory
// does not belong to the Go heap.
//
//go:nosplit
func foreign(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// Memory is the n bytes at address, which must be mapped and must not belong
// to the Go heap.
func Memory(address uintptr, n int) []byte {
	return unsafe.Slice((*byte)(foreign(address)), n)
}

// MapOf reserves n zeroed values of T outside the Go heap. T must hold no
// pointers to the Go heap.
func MapOf[T any](n int) ([]T, Errno) {
	var v T
	b, errno := Map(n * int(unsafe.Sizeof(v)))
	if errno != 0 {
		return nil, errno
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), 0
}

// UnmapOf gives back memory of MapOf.
func UnmapOf[T any](v []T) Errno {
	var t T
	return errnoOf(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v))*unsafe.Sizeof(t), 0, 0, 0, 0)
}

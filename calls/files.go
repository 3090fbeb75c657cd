package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/sys"
)

func (p *Process) chdir(path []byte) Outcome { return p.result(sys.Chdir(path)) }

func (p *Process) chmod(path []byte, mode uint32) Outcome { return p.result(sys.Chmod(path, mode)) }

func (p *Process) chown(path []byte, owner, group uint32) Outcome {
	return p.result(sys.Chown(path, owner, group))
}

func (p *Process) link(old, new []byte) Outcome { return p.result(sys.Link(old, new)) }

func (p *Process) symlink(old, new []byte) Outcome { return p.result(sys.Symlink(old, new)) }

func (p *Process) unlink(path []byte) Outcome { return p.result(sys.Unlink(path)) }

func (p *Process) mkdir(path []byte, mode uint32) Outcome { return p.result(sys.Mkdir(path, mode)) }

func (p *Process) rmdir(path []byte) Outcome { return p.result(sys.Rmdir(path)) }

func (p *Process) mkfifo(path []byte, mode uint32) Outcome {
	return p.result(sys.Mknodat(path, mode|unix.S_IFIFO))
}

// open passes the mode on only where the kernel looks at it, as open(2) of the C
// library does.
func (p *Process) open(path []byte, flags int32, mode uint32) Outcome {
	if flags&unix.O_CREAT == 0 && flags&unix.O_TMPFILE != unix.O_TMPFILE {
		mode = 0
	}
	fd, errno := sys.Open(path, flags, mode)
	return p.okInt(int64(fd), errno)
}

// close also lets the child table forget the number, so that it never touches
// whatever gets the number next. Whoever closes its control socket looks to its
// parent as if it had replaced its program.
func (p *Process) close(fd int32) Outcome {
	if fd == fdnum.Control && p.HasControl {
		p.announce(child.Exec)
		p.HasControl = false
	}
	errno := sys.Close(fd)
	if errno == 0 {
		p.Children.Forget(fd)
	}
	return p.result(errno)
}

// readOverhead is the size of the reply {ok, <<>>}.
const readOverhead = 12

// read asks for as much as the original does, which may be more than the reply has
// room for.
func (p *Process) read(fd int32, count uint64) Outcome {
	limit := ReplyLimit(p.Depth)
	if p.Options.OversizedBadarg {
		limit -= readOverhead
	}
	buf := p.args.room()[:min(count, uint64(limit))]
	n, errno := sys.Read(fd, buf)
	if errno != 0 {
		return p.fail(errno)
	}
	return p.okBinary(buf[:n])
}

func (p *Process) write(fd int32, data []byte) Outcome {
	n, errno := sys.Write(fd, data)
	if errno == 0 && fd == fdnum.Stdout {
		p.Output += uint64(n)
	}
	return p.okInt(int64(n), errno)
}

func (p *Process) lseek(fd int32, offset int64, whence int32) Outcome {
	return p.result(sys.Lseek(fd, offset, whence))
}

// fcntl asks for a socket's owner the way the C library does: only the extended
// form can tell a negative owner from an error.
func (p *Process) fcntl(fd, cmd, arg int32) Outcome {
	if cmd != unix.F_GETOWN {
		v, errno := sys.Fcntl(fd, cmd, arg)
		return p.okInt(int64(v), errno)
	}
	owner := p.args.claim(8) // struct f_owner_ex: type, pid
	if _, errno := sys.FcntlBytes(fd, unix.F_GETOWN_EX, owner); errno != 0 {
		return p.fail(errno)
	}
	pid := int64(native32(owner[4:]))
	if native32(owner) == ownerPgrp {
		pid = -pid
	}
	return p.okInt(pid, 0)
}

// ownerPgrp is F_OWNER_PGRP of fcntl.h.
const ownerPgrp = 2

// native32 reads an int in native (little endian) order.
func native32(b []byte) int32 {
	return int32(b[0]) | int32(b[1])<<8 | int32(b[2])<<16 | int32(b[3])<<24
}

// ioctl replies {ok, Result, Argument}.
func (p *Process) ioctl(fd int32, request uint64, arg *operand) Outcome {
	r, errno := sys.Ioctl(fd, request, arg.value)
	if errno != 0 {
		return p.fail(errno)
	}
	p.okTuple(3)
	p.Reply.Int(int64(r))
	p.echoMemory(arg)
	return Replied
}

// getcwd tells a directory outside the root, which the kernel reports with a
// text in front, and a path that is too long as the C library does.
func (p *Process) getcwd() Outcome {
	buf := p.args.room()[:maxPath+1]
	buf[0] = 0
	n, errno := sys.Getcwd(buf)
	switch {
	case errno == unix.ENAMETOOLONG:
		return p.fail(unix.ERANGE)
	case errno != 0:
		return p.fail(errno)
	}
	path := cstring(buf[:max(n, 1)])
	// Nothing at all: a filter kept the kernel from writing (seccomp(2),
	// SECCOMP_RET_TRAP).
	if len(path) > 0 && path[0] != '/' {
		return p.fail(unix.ENOENT)
	}
	return p.okBinary(path)
}

// readdir replies all names in the kernel's order.
func (p *Process) readdir(path []byte) Outcome {
	fd, errno := sys.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
	if errno != 0 {
		return p.fail(errno)
	}
	defer sys.Close(fd)
	p.okTuple(2)
	buf := p.args.room()[:direntRoom]
	for {
		n, errno := sys.Getdents(fd, buf)
		if errno != 0 {
			p.Reply.Reset(ReplyLimit(p.Depth))
			p.Reply.Version()
			return p.fail(errno)
		}
		if n == 0 {
			p.Reply.Nil()
			return Replied
		}
		p.names(buf[:n])
	}
}

// direntRoom is how much of a directory is read at once, in bytes.
const direntRoom = 32 << 10

// names appends the names of a buffer of struct linux_dirent64 (getdents64(2)):
// inode and offset take 16 bytes, the record's length 2, the type 1.
func (p *Process) names(buf []byte) {
	const size, name = 16, 19
	for len(buf) > name {
		record := int(buf[size]) | int(buf[size+1])<<8
		p.Reply.Cell()
		p.Reply.Binary(cstring(buf[name:record]))
		buf = buf[record:]
	}
}

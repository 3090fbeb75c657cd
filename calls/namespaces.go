package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

func (p *Process) chroot(path []byte) Outcome { return p.result(sys.Chroot(path)) }

func (p *Process) pivotRoot(root, old []byte) Outcome { return p.result(sys.PivotRoot(root, old)) }

func (p *Process) unshare(flags int32) Outcome { return p.result(sys.Unshare(flags)) }

func (p *Process) setns(fd, kind int32) Outcome { return p.result(sys.Setns(fd, kind)) }

// pageSize is how much of the data of mount(2) the kernel copies.
const pageSize = 4096

// mount passes empty source, type and data as null pointers; options are for
// other systems. Flags that come out negative are a bad argument.
func (p *Process) mount(source, target, fstype []byte, flags int32, data, options []byte) Outcome {
	if flags < 0 {
		return Badarg
	}
	// The kernel copies a whole page; none of it may be left over from another
	// argument.
	if 0 < len(data) && len(data) < pageSize {
		page := p.args.claim(pageSize)
		copy(page, data)
		data = page
	}
	return p.result(sys.Mount(source, target, fstype, uint32(flags), data))
}

func (p *Process) umount(path []byte) Outcome { return p.result(sys.Umount2(path, 0)) }

func (p *Process) umount2(path []byte, flags int32) Outcome {
	if flags < 0 {
		return Badarg
	}
	return p.result(sys.Umount2(path, flags))
}

// maxHostname is the longest name that gethostname answers, in bytes.
const maxHostname = 62

// gethostname replies the node name of uname(2).
func (p *Process) gethostname() Outcome {
	var u sys.Utsname
	if errno := sys.Uname(&u); errno != 0 {
		return p.fail(errno)
	}
	name := cstring(u.Nodename[:])
	if len(name) > maxHostname {
		return p.fail(unix.ENAMETOOLONG)
	}
	return p.okBinary(name)
}

func (p *Process) sethostname(name []byte) Outcome { return p.result(sys.Sethostname(cstring(name))) }

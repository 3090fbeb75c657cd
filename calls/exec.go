package calls

import (
	"golang.org/x/sys/unix"

	"alcove/internal/child"
	"alcove/internal/fdnum"
	"alcove/internal/sys"
)

// environWords holds the environment vector of execvp, unless the environment has
// more strings.
var environWords [4096]uintptr

// announce tells the parent how much framed output precedes the new program's.
func (p *Process) announce(kind byte) {
	if !p.HasControl {
		return
	}
	note := child.Note(kind, p.Output)
	sys.Write(fdnum.Control, note[:])
}

// exec runs one attempt at replacing the program: it comes back only with the
// error.
func (p *Process) exec(attempt func() sys.Errno) Outcome {
	p.announce(child.Exec)
	errno := attempt()
	p.announce(child.Stay)
	return p.fail(errno)
}

func (p *Process) execve(path []byte, argv, envp vector) Outcome {
	return p.exec(func() sys.Errno { return sys.Execve(path, argv, envp) })
}

// fexecve refuses what the C library refuses: a negative descriptor and null
// vectors.
func (p *Process) fexecve(fd int32, argv, envp vector) Outcome {
	if fd < 0 || argv == nil || envp == nil {
		return p.fail(sys.EINVAL)
	}
	return p.exec(func() sys.Errno { return sys.Execveat(fd, argv, envp) })
}

// execvp looks the program up as the C library does (exec(3)).
func (p *Process) execvp(file []byte, argv vector) Outcome {
	words := environWords[:]
	if n := p.Environ.count() + 1; n > len(words) {
		mapped, errno := sys.MapOf[uintptr](n)
		if errno != 0 {
			return p.fail(errno)
		}
		defer sys.UnmapOf(mapped)
		words = mapped
	}
	s := search{file: cstring(file), argv: argv, envp: p.Environ.addresses(words), room: p.args.room()}
	path := defaultPath
	if at, v := lookup(&p.Environ, "PATH"); at >= 0 {
		path = v[len("PATH="):]
	}
	return p.exec(func() sys.Errno { return s.run(path) })
}

// defaultPath is searched when PATH is not set.
var defaultPath = []byte("/bin:/usr/bin")

// shell runs scripts without an interpreter line.
var shell = []byte("/bin/sh\x00")

// maxName is NAME_MAX of limits.h.
const maxName = 255

// search is one execvp.
type search struct {
	file       []byte
	argv, envp vector
	// room is memory for candidates.
	room []byte
}

// run tries the file itself if its name has a slash, otherwise in every directory
// of path; an empty directory is the current one.
func (s *search) run(path []byte) sys.Errno {
	switch {
	case len(s.file) == 0:
		return unix.ENOENT
	case indexByte(s.file, '/') >= 0:
		return s.try(nil)
	case len(s.file) > maxName:
		return unix.ENAMETOOLONG
	}
	last, denied := sys.Errno(unix.ENOENT), false
	for more := true; more; {
		dir := path
		i := indexByte(path, ':')
		if more = i >= 0; more {
			dir, path = path[:i], path[i+1:]
		}
		if len(dir) > maxPath {
			continue
		}
		switch last = s.try(dir); last {
		case unix.EACCES:
			denied = true
		case unix.ENOENT, unix.ENOTDIR, unix.ESTALE, unix.ENODEV, unix.ETIMEDOUT:
		default:
			return last
		}
	}
	if denied {
		return unix.EACCES
	}
	return last
}

// try runs the file in a directory, through the shell if the kernel does not know
// its format.
func (s *search) try(dir []byte) sys.Errno {
	n := copy(s.room, dir)
	if n > 0 {
		s.room[n] = '/'
		n++
	}
	n += copy(s.room[n:], s.file)
	s.room[n] = 0
	candidate := s.room[:n+1]
	errno := sys.Execve(candidate, s.argv, s.envp)
	if errno != unix.ENOEXEC {
		return errno
	}
	return sys.Execve(shell, s.script(candidate), s.envp)
}

// script is the vector for the shell: the candidate takes the place of argument
// 0, the other arguments follow.
func (s *search) script(candidate []byte) vector {
	words := vectorMem[1][:0]
	words = append(words, sys.Address(shell), sys.Address(candidate))
	if len(s.argv) > 1 {
		return append(words, s.argv[1:]...)
	}
	return append(words, 0)
}

// exit ends the process; only the low eight bits of status reach the parent.
func (p *Process) exit(status int32) Outcome {
	sys.Exit(status)
	return Replied
}

package calls

import "alcove/internal/sys"

// Environ is an environment: the strings "NAME=value" in order, each with its
// terminating zero byte, back to back in memory outside the Go heap.
//
// It follows the C library (setenv(3)): a variable keeps its place when it is
// changed, new ones go to the end.
type Environ struct {
	buf []byte // mapped
	n   int    // bytes in use
}

// environRoom is the least memory reserved, in bytes.
const environRoom = 64 << 10

// Load takes over the strings a program was started with: entries without "="
// are dropped, a repeated name keeps its first place and gets its last value. An
// entry with an empty name makes the whole list be taken as it is, duplicates
// included; Load then reports false.
func (e *Environ) Load(list []string) bool {
	for _, s := range list {
		i := indexByte(s, '=')
		if i < 0 {
			continue
		}
		if i == 0 {
			e.n = 0
			for _, s := range list {
				e.append(s)
			}
			return false
		}
		set(e, s[:i], s[i+1:])
	}
	return true
}

// bytesOrString lets the start-up strings and call arguments share code.
type bytesOrString interface{ ~string | ~[]byte }

func indexByte[S bytesOrString](s S, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// each calls f with the offset and the bytes of every string until it returns
// false.
func (e *Environ) each(f func(offset int, s []byte) bool) {
	for i := 0; i < e.n; {
		s := cstring(e.buf[i:e.n])
		if !f(i, s) {
			return
		}
		i += len(s) + 1
	}
}

// lookup is the offset and the string of the first variable called name, or -1.
func lookup[S bytesOrString](e *Environ, name S) (at int, found []byte) {
	at = -1
	e.each(func(offset int, s []byte) bool {
		if !names(s, name) {
			return true
		}
		at, found = offset, s
		return false
	})
	return at, found
}

// names reports whether s is "name=...".
func names[S bytesOrString](s []byte, name S) bool {
	return len(s) > len(name) && s[len(name)] == '=' && string(s[:len(name)]) == string(name)
}

// set gives a variable a value.
func set[S bytesOrString](e *Environ, name, value S) sys.Errno {
	at, old := lookup(e, name)
	if at < 0 {
		return appendVariable(e, name, value)
	}
	size := len(name) + 1 + len(value)
	if errno := e.reserve(size - len(old)); errno != 0 {
		return errno
	}
	copy(e.buf[at+size:], e.buf[at+len(old):e.n])
	e.n += size - len(old)
	copy(e.buf[at+len(name)+1:], value)
	return 0
}

func appendVariable[S bytesOrString](e *Environ, name, value S) sys.Errno {
	size := len(name) + 1 + len(value) + 1
	if errno := e.reserve(size); errno != 0 {
		return errno
	}
	p := e.buf[e.n : e.n+size]
	copy(p, name)
	p[len(name)] = '='
	copy(p[len(name)+1:], value)
	p[size-1] = 0
	e.n += size
	return 0
}

// append adds a string as it is.
func (e *Environ) append(s string) sys.Errno {
	if errno := e.reserve(len(s) + 1); errno != 0 {
		return errno
	}
	copy(e.buf[e.n:], s)
	e.buf[e.n+len(s)] = 0
	e.n += len(s) + 1
	return 0
}

// reserve makes room for n more bytes.
func (e *Environ) reserve(n int) sys.Errno {
	if e.n+n <= len(e.buf) {
		return 0
	}
	buf, errno := sys.Map(max(environRoom, 2*(e.n+n)))
	if errno != 0 {
		return errno
	}
	copy(buf, e.buf[:e.n])
	if e.buf != nil {
		sys.Unmap(e.buf)
	}
	e.buf = buf
	return 0
}

// unset removes every variable called name.
func (e *Environ) unset(name []byte) {
	for {
		at, s := lookup(e, name)
		if at < 0 {
			return
		}
		end := at + len(s) + 1
		copy(e.buf[at:], e.buf[end:e.n])
		e.n -= end - at
	}
}

// count is the number of strings.
func (e *Environ) count() int {
	n := 0
	e.each(func(int, []byte) bool { n++; return true })
	return n
}

// addresses writes the address of every string to dst, and a null word at the
// end.
//
// Preconditions: dst has room for count() + 1 words.
func (e *Environ) addresses(dst []uintptr) vector {
	n := 0
	e.each(func(_ int, s []byte) bool {
		dst[n] = sys.Address(s[:len(s)+1])
		n++
		return true
	})
	dst[n] = 0
	return dst[:n+1]
}

// Has reports whether a variable is set.
func (e *Environ) Has(name string) bool {
	at, _ := lookup(e, name)
	return at >= 0
}

// validName cuts a name at its first zero byte and reports whether it names a
// variable.
func validName(name []byte) ([]byte, bool) {
	name = cstring(name)
	return name, len(name) > 0 && indexByte(name, '=') < 0
}

// getenv replies the value of a variable, or false.
func (p *Process) getenv(name []byte) Outcome {
	name = cstring(name)
	at, s := lookup(&p.Environ, name)
	if at < 0 || len(name) == 0 {
		return p.boolean(false)
	}
	p.Reply.Binary(s[len(name)+1:])
	return p.single()
}

func (p *Process) setenv(name, value []byte, overwrite int32) Outcome {
	name, ok := validName(name)
	if !ok {
		return p.fail(sys.EINVAL)
	}
	if at, _ := lookup(&p.Environ, name); at >= 0 && overwrite == 0 {
		return p.ok()
	}
	return p.result(set(&p.Environ, name, cstring(value)))
}

func (p *Process) unsetenv(name []byte) Outcome {
	name, ok := validName(name)
	if !ok {
		return p.fail(sys.EINVAL)
	}
	p.Environ.unset(name)
	return p.ok()
}

func (p *Process) clearenv() Outcome {
	p.Environ.n = 0
	return p.ok()
}

// environ replies all strings in order.
func (p *Process) environ() Outcome {
	p.Environ.each(func(_ int, s []byte) bool {
		p.Reply.Cell()
		p.Reply.Binary(s)
		return true
	})
	p.Reply.Nil()
	return Replied
}

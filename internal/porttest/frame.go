package porttest

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Frame types, wire.md §3.1.
const (
	TypeStdin = iota
	TypeStdout
	TypeStderr
	TypeProxy
	TypeCall
	TypeEvent
	TypeCtl
	TypePipe
)

var typeNames = [...]string{"stdin", "stdout", "stderr", "proxy", "call", "event", "ctl", "pipe"}

// TypeName returns the name wire.md gives a frame type.
func TypeName(t int) string {
	if t == TypeBroken {
		return "raw"
	}
	if t >= 0 && t < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type%d", t)
}

// Path addresses a process by the pids of its ancestors below the port and its
// own, outermost first, as each parent sees them. The port is the empty path.
type Path []int

// Child returns the path of pid below p.
func (p Path) Child(pid int) Path { return append(append(Path{}, p...), pid) }

func (p Path) String() string {
	s := make([]string, len(p))
	for i, pid := range p {
		s[i] = fmt.Sprint(pid)
	}
	return "[" + strings.Join(s, ",") + "]"
}

// Frame is one frame of the port's stdout, its proxy headers taken off.
type Frame struct {
	Path    Path   // process the innermost frame is about
	Type    int    // type of the innermost frame
	Payload []byte // what is behind the innermost header: data, or a term with its version byte
	Outer   []byte // the whole frame as read, length field included
}

func (f Frame) String() string {
	var what string
	switch f.Type {
	case TypeStdout, TypeStderr:
		what = "<<" + bytesText(f.Payload) + ">>"
	default:
		v, err := Decode(f.Payload)
		if err != nil {
			what = err.Error()
		} else {
			what = Text(v)
		}
	}
	return fmt.Sprintf("%v %s %s", f.Path, TypeName(f.Type), what)
}

// TypeBroken marks what a parent relays for a child that wrote no proper frame:
// less than a type, or a length that does not fit. Payload has it whole.
const TypeBroken = -1

// ParseFrame takes the proxy headers off one whole frame.
//
// Errors: every rule of wire.md §3.1 and §3.2 that the port's own bytes break,
// for example a length that is not that of the frame.
func ParseFrame(outer []byte) (Frame, error) {
	f := Frame{Outer: outer}
	rest := outer
	for {
		proxied := len(f.Path) > 0
		if proxied && (len(rest) < 4 || int(binary.BigEndian.Uint16(rest)) != len(rest)-2) {
			f.Type, f.Payload = TypeBroken, rest
			return f, nil
		}
		if len(rest) < 4 {
			return f, fmt.Errorf("frame of %d bytes has no type: % x", len(rest), rest)
		}
		length, typ := int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint16(rest[2:]))
		if length != len(rest)-2 {
			return f, fmt.Errorf("length %d in a frame with %d bytes behind the length: % x", length, len(rest)-2, clip(outer))
		}
		body := rest[4:]
		f.Type = typ
		switch typ {
		case TypeProxy, TypeStdout, TypeStderr:
			if len(body) < 4 {
				return f, fmt.Errorf("%s frame without a pid: % x", TypeName(typ), clip(outer))
			}
			f.Path = append(f.Path, int(int32(binary.BigEndian.Uint32(body))))
			if typ != TypeProxy {
				f.Payload = body[4:]
				return f, nil
			}
			rest = body[4:]
		default: // TypeCall, TypeEvent, TypeCtl, TypePipe or a child's own invention
			f.Payload = body
			return f, nil
		}
	}
}

// Wrap puts data for the process at path behind one stdin header a pid.
func Wrap(path Path, data []byte) []byte {
	for i := len(path) - 1; i >= 0; i-- {
		head := make([]byte, 8, 8+len(data))
		binary.BigEndian.PutUint16(head, uint16(6+len(data)))
		binary.BigEndian.PutUint32(head[4:], uint32(int32(path[i])))
		data = append(head, data...)
	}
	return data
}

// CallFrame builds the request frame of call number with the argument bytes
// args (version byte and tuple).
func CallFrame(number int, args []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(4+len(args)))
	b = append(b, 0, TypeCall, byte(number>>8), byte(number))
	return append(b, args...)
}

// Request builds the frame of a call by name. It panics for an unknown name.
func Request(name string, args ...any) []byte {
	n, ok := Number(name)
	if !ok {
		panic("porttest: no call " + name)
	}
	return CallFrame(n, append([]byte{tagVersion}, Encode(Tuple(args))...))
}

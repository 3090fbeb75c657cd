package calls

// constant is a row of a generated table of names; tables are in look-up order.
type constant struct {
	// name is the atom on the wire, in lower case.
	name  string
	value int64
}

// find looks a name up, ignoring the case of ASCII letters. The first entry
// wins.
func find(table []constant, name []byte) (constant, bool) {
	for i := range table {
		if equalFold(table[i].name, name) {
			return table[i], true
		}
	}
	return constant{}, false
}

// equalFold compares a lower-case name with the text of an atom, which ends at
// its first zero byte.
func equalFold(name string, text []byte) bool {
	text = cstring(text)
	if len(name) != len(text) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// signalName is the atom of a signal number, unknown for those without one.
func signalName(n int32) string {
	for i := range signalConstants {
		if signalConstants[i].value == int64(n) {
			return signalConstants[i].name
		}
	}
	return unknown
}

// SignalName is the atom that stands for signal number n in events.
func SignalName(n int32) string { return signalName(n) }

const unknown = "unknown"

// constant replies the number of a name; the one method of all *_constant calls.
// A negative value goes out as the unsigned 64-bit number of the same bits.
func (p *Process) constant(c constant) Outcome {
	if c.name == "" {
		return p.atom(unknown)
	}
	p.Reply.Uint(uint64(c.value))
	return Replied
}

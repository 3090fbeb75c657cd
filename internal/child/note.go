package child

// A control process announces on its control socket that it is about to replace
// its program: how many bytes of framed output it has written until then. The
// parent can so tell, whenever it looks, the last frame from the first byte of
// the new program's output; both are in the same pipe.
//
// A note is noteSize bytes: noteMagic, a kind, the count in big endian. Anything
// else on the socket was written by somebody who has no business there.

const (
	noteMagic = "alcove\x00"
	noteSize  = len(noteMagic) + 1 + 8
)

const (
	// Exec announces a call of the exec family.
	Exec byte = 'x'
	// Stay takes the announcement back: the call failed.
	Stay byte = 's'
)

// Note is the note of the given kind and count.
func Note(kind byte, count uint64) [noteSize]byte {
	var n [noteSize]byte
	copy(n[:], noteMagic)
	n[len(noteMagic)] = kind
	for i := range 8 {
		n[noteSize-1-i] = byte(count >> (8 * i))
	}
	return n
}

// NoteRoom is where the next bytes of a note of the child go.
func (s *Slot) NoteRoom() []byte { return s.note[s.noteLen:] }

// Noted takes n bytes that were read into NoteRoom. It reports whether they are
// a note, or the beginning of one.
func (s *Slot) Noted(n int) bool {
	s.noteLen += n
	if string(s.note[:min(s.noteLen, len(noteMagic))]) != noteMagic[:min(s.noteLen, len(noteMagic))] {
		return false
	}
	if s.noteLen < noteSize {
		return true
	}
	s.noteLen = 0
	var count uint64
	for _, b := range s.note[len(noteMagic)+1:] {
		count = count<<8 | uint64(b)
	}
	return s.announce(s.note[len(noteMagic)], count)
}

func (s *Slot) announce(kind byte, count uint64) bool {
	switch kind {
	case Exec:
		// A second announcement without a failure in between comes from a
		// fresh image of this program, which counts from zero again.
		if s.HasMark {
			s.base = s.Mark
		}
		s.Mark = s.base + count
		s.HasMark = true
	case Stay:
		s.HasMark = false
	default:
		return false
	}
	return true
}

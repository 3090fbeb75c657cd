package child

import (
	"testing"
)

// receive hands b to the slot in pieces of at most size bytes, as reads from its
// control socket would, and reports whether all were taken.
func receive(s *Slot, b []byte, size int) bool {
	for len(b) > 0 {
		n := copy(s.NoteRoom(), b[:min(size, len(b))])
		if n == 0 || !s.Noted(n) {
			return false
		}
		b = b[n:]
	}
	return true
}

// notes joins announcements.
func notes(list ...[noteSize]byte) []byte {
	var b []byte
	for _, n := range list {
		b = append(b, n[:]...)
	}
	return b
}

// TestNotes: what announcements mean, in pieces of every size.
func TestNotes(t *testing.T) {
	t.Parallel()
	const far = 1<<63 + 12345
	tests := []struct {
		name string
		in   []byte
		mark uint64
		has  bool
	}{
		{"none", nil, 0, false},
		{"exec", notes(Note(Exec, 100)), 100, true},
		{"exec at once", notes(Note(Exec, 0)), 0, true},
		{"exec after much output", notes(Note(Exec, far)), far, true},
		{"failed", notes(Note(Exec, 100), Note(Stay, 100)), 100, false},
		{"failed, then again", notes(Note(Exec, 100), Note(Stay, 100), Note(Exec, 150)), 150, true},
		// A fresh image of the program counts from zero again.
		{"re-exec", notes(Note(Exec, 100), Note(Exec, 30)), 130, true},
		{"two re-execs", notes(Note(Exec, 100), Note(Exec, 30), Note(Exec, 7)), 137, true},
		{"re-exec, then failed", notes(Note(Exec, 100), Note(Exec, 30), Note(Stay, 30)), 130, false},
		{"re-exec, failed, then exec", notes(Note(Exec, 100), Note(Exec, 30), Note(Stay, 30), Note(Exec, 50)), 150, true},
		{"failed, then re-exec", notes(Note(Exec, 100), Note(Stay, 100), Note(Exec, 150), Note(Exec, 5)), 155, true},
	}
	for _, tt := range tests {
		for size := 1; size <= 2*noteSize; size++ {
			var s Slot
			if !receive(&s, tt.in, size) {
				t.Errorf("%s, pieces of %d: refused", tt.name, size)
			}
			if s.HasMark != tt.has || s.Mark != tt.mark {
				t.Errorf("%s, pieces of %d: mark %d, %v; want %d, %v", tt.name, size, s.Mark, s.HasMark, tt.mark, tt.has)
			}
			if len(s.NoteRoom()) != noteSize {
				t.Errorf("%s, pieces of %d: room for %d bytes", tt.name, size, len(s.NoteRoom()))
			}
		}
	}
}

// TestHalfANote is neither refused nor acted upon.
func TestHalfANote(t *testing.T) {
	t.Parallel()
	whole := notes(Note(Exec, 5))
	for n := 1; n < noteSize; n++ {
		var s Slot
		if !receive(&s, whole[:n], n) || s.HasMark {
			t.Errorf("%d bytes: mark %v", n, s.HasMark)
		}
		if !receive(&s, whole[n:], noteSize) || !s.HasMark || s.Mark != 5 {
			t.Errorf("%d bytes, then the rest: mark %d, %v", n, s.Mark, s.HasMark)
		}
	}
}

// TestNoNotes: whatever else is written to the control socket is refused at the
// first byte that differs, and never acted upon.
func TestNoNotes(t *testing.T) {
	t.Parallel()
	good := notes(Note(Exec, 5))
	for i := range noteSize - 8 {
		bad := append([]byte{}, good...)
		bad[i] ^= 0x40
		for size := 1; size <= noteSize; size++ {
			var s Slot
			if receive(&s, bad, size) {
				t.Errorf("byte %d changed, pieces of %d: accepted", i, size)
			}
			if s.HasMark {
				t.Errorf("byte %d changed, pieces of %d: acted upon", i, size)
			}
		}
	}
	for _, text := range []string{"x", "hello, world", "alcov\x00e", "\x00"} {
		var s Slot
		if receive(&s, []byte(text), 100) {
			t.Errorf("%q: accepted", text)
		}
	}
}

// Package child keeps the table of the processes that a control process has
// forked (wire.md §5, §7.5).
//
// A slot is free, live, or draining: the process was reaped, but somebody may
// still write to the pipes it left. The table lives in memory outside the Go heap,
// so growing it needs no allocator and a fork gets a private copy.
package child

import "alcove/internal/sys"

const (
	// Closed stands for a descriptor that is not open any more.
	Closed int32 = -1
	// Execed stands for the control socket of a child that replaced its
	// program.
	Execed int32 = -2
	// MaxFrame is the largest child frame that fits into a proxy frame of its
	// parent, length field included.
	MaxFrame = 65527 + 2
	// bufferSize holds one partial frame of either direction.
	bufferSize = 64 << 10
)

// Slot is one entry of the table. It holds no pointers.
type Slot struct {
	// Pid as this process sees it; 0 in a free slot.
	Pid int32
	// Flow is how many more chunks of output may be relayed; -1 for no limit.
	Flow int32
	// SignalOneOf is the signal sent at end of input; 0 sends SIGCONT only.
	SignalOneOf int32
	// Ctl, Stdin, Stdout and Stderr are this process's ends of the child's
	// control socket and pipes.
	Ctl, Stdin, Stdout, Stderr int32
	// Reaped is set once the process has been waited for.
	Reaped bool
	// Waited is set when that was done by a waitpid call, so that no exit event
	// follows and the slot has to be given up at once.
	Waited bool
	// Polled tells whether the slot had a place in the last poll, and Poll where
	// it begins.
	Polled bool
	Poll   int32

	// Output is how many bytes of the child's standard output were taken as
	// frames, Mark the count at which, as the child announced, its program
	// changes.
	Output   uint64
	Mark     uint64
	HasMark  bool
	base     uint64
	note     [noteSize]byte
	noteLen  int
	inLen    int
	outStart int
	outLen   int
}

// Control reports whether the child still runs the event loop, so that its
// output is framed.
func (s *Slot) Control() bool { return s.Ctl != Execed }

// Drained reports whether nothing can come from the child any more.
func (s *Slot) Drained() bool { return s.Ctl < 0 && s.Stdout == Closed && s.Stderr == Closed }

// Due is how many bytes of frames are still to come before the change that the
// child has announced.
func (s *Slot) Due() uint64 { return s.Mark - min(s.Mark, s.Output) }

// Pending is how many bytes of a frame to the child wait for room in its pipe.
func (s *Slot) Pending() int { return s.outLen }

// Table is the child table. The zero value holds nothing; Resize gives it room.
type Table struct {
	// Waited is set when a slot has been waited for by a waitpid call.
	Waited  bool
	slots   []Slot
	buffers []byte
	max     int
	count   int
}

// Max is how many children the table may hold.
func (t *Table) Max() int { return t.max }

// Len is how many slots are taken.
func (t *Table) Len() int { return t.count }

// Slots is the whole table, free slots included, in slot order.
func (t *Table) Slots() []Slot { return t.slots[:t.max] }

// Resize makes room for max children. Children in slots beyond max move to the
// lowest free ones.
//
// Errors: EINVAL when there are more than max children, ENOMEM.
func (t *Table) Resize(max int) sys.Errno {
	if max < t.count {
		return sys.EINVAL
	}
	if max > len(t.slots) {
		if errno := t.grow(max); errno != 0 {
			return errno
		}
	}
	for i := max; i < t.max; i++ {
		if t.slots[i].Pid != 0 {
			t.move(i, t.lowestFree())
		}
	}
	t.max = max
	return 0
}

func (t *Table) grow(max int) sys.Errno {
	slots, errno := sys.MapOf[Slot](max)
	if errno != 0 {
		return errno
	}
	buffers, errno := sys.Map(max * 2 * bufferSize)
	if errno != 0 {
		sys.UnmapOf(slots)
		return errno
	}
	old := *t
	t.slots, t.buffers = slots, buffers
	for i := range old.slots {
		s := &old.slots[i]
		t.slots[i] = *s
		copy(t.in(i), old.in(i)[:s.inLen])
		copy(t.out(i), old.out(i)[:s.outStart+s.outLen])
	}
	if len(old.slots) > 0 {
		sys.UnmapOf(old.slots)
		sys.Unmap(old.buffers)
	}
	return 0
}

func (t *Table) move(from, to int) {
	s := t.slots[from]
	t.slots[to] = s
	copy(t.in(to), t.in(from)[:s.inLen])
	copy(t.out(to), t.out(from)[:s.outStart+s.outLen])
	t.slots[from] = Slot{}
}

func (t *Table) lowestFree() int {
	for i := range t.slots {
		if t.slots[i].Pid == 0 {
			return i
		}
	}
	return -1
}

// Full reports whether no slot is free.
func (t *Table) Full() bool { return t.count >= t.max }

// Add takes the lowest free slot.
//
// Preconditions: the table is not full.
func (t *Table) Add(s Slot) {
	t.slots[t.lowestFree()] = s
	t.count++
}

// Release frees the slot s.
func (t *Table) Release(s *Slot) {
	*s = Slot{}
	t.count--
}

// Clear frees all slots without closing anything.
func (t *Table) Clear() {
	for i := range t.Slots() {
		t.slots[i] = Slot{}
	}
	t.count = 0
}

// Find is the slot of pid, or nil.
func (t *Table) Find(pid int32) *Slot {
	if pid <= 0 || t.count == 0 {
		return nil
	}
	for i := range t.Slots() {
		if t.slots[i].Pid == pid {
			return &t.slots[i]
		}
	}
	return nil
}

// HighestFD is the highest descriptor recorded in the table, Closed without any.
func (t *Table) HighestFD() int32 {
	highest := Closed
	for i := range t.Slots() {
		s := &t.slots[i]
		if s.Pid != 0 {
			highest = max(highest, s.Ctl, s.Stdin, s.Stdout, s.Stderr)
		}
	}
	return highest
}

// Forget marks descriptor fd as closed wherever the table has it: somebody
// closed it behind the table's back.
func (t *Table) Forget(fd int32) {
	if fd < 0 {
		return
	}
	for i := range t.Slots() {
		s := &t.slots[i]
		if s.Pid == 0 {
			continue
		}
		for _, field := range [...]*int32{&s.Ctl, &s.Stdin, &s.Stdout, &s.Stderr} {
			if *field == fd {
				*field = Closed
			}
		}
	}
}

// CloseAll closes every descriptor in the table but those below keep.
func (t *Table) CloseAll(keep int32) {
	for i := range t.Slots() {
		s := &t.slots[i]
		if s.Pid == 0 {
			continue
		}
		for _, fd := range [...]int32{s.Ctl, s.Stdin, s.Stdout, s.Stderr} {
			if fd >= keep {
				sys.Close(fd)
			}
		}
	}
}

func (t *Table) index(s *Slot) int {
	for i := range t.slots {
		if s == &t.slots[i] {
			return i
		}
	}
	return -1
}

func (t *Table) in(i int) []byte  { return t.buffers[2*i*bufferSize:][:bufferSize] }
func (t *Table) out(i int) []byte { return t.buffers[(2*i+1)*bufferSize:][:bufferSize] }

// Hold keeps the beginning of a frame of the child until the rest arrives.
//
// Preconditions: len(b) is below MaxFrame.
func (t *Table) Hold(s *Slot, b []byte) {
	s.inLen = copy(t.in(t.index(s)), b)
}

// Held moves what Hold kept to dst and returns its size.
func (t *Table) Held(s *Slot, dst []byte) int {
	if s.inLen == 0 {
		return 0
	}
	n := copy(dst, t.in(t.index(s))[:s.inLen])
	s.inLen = 0
	return n
}

// HasHeld reports whether part of a frame is kept.
func (s *Slot) HasHeld() bool { return s.inLen > 0 }

// Queue keeps the rest of a frame to the child until its pipe takes it.
//
// Preconditions: nothing is pending, len(b) is at most 64 KiB.
func (t *Table) Queue(s *Slot, b []byte) {
	s.outStart = 0
	s.outLen = copy(t.out(t.index(s)), b)
}

// Queued is what waits for the child.
func (t *Table) Queued(s *Slot) []byte {
	return t.out(t.index(s))[s.outStart:][:s.outLen]
}

// Sent drops the first n bytes of what waits.
func (s *Slot) Sent(n int) {
	s.outStart += n
	s.outLen -= n
}

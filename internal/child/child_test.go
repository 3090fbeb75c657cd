package child

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// newTable has room for max children.
func newTable(t *testing.T, max int) *Table {
	t.Helper()
	var table Table
	if errno := table.Resize(max); errno != 0 {
		t.Fatal(errno)
	}
	return &table
}

// slot is a child with descriptors from fd.
func slot(pid, fd int32) Slot {
	return Slot{Pid: pid, Ctl: fd, Stdin: fd + 1, Stdout: fd + 2, Stderr: fd + 3}
}

// pids are those of all slots, 0 for a free one.
func pids(table *Table) []int32 {
	list := []int32{}
	for _, s := range table.Slots() {
		list = append(list, s.Pid)
	}
	return list
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestZeroTable(t *testing.T) {
	t.Parallel()
	var table Table
	equal(t, "max", table.Max(), 0)
	equal(t, "len", table.Len(), 0)
	equal(t, "full", table.Full(), true)
	equal(t, "slots", len(table.Slots()), 0)
	equal(t, "find", table.Find(1) == nil, true)
	equal(t, "highest", table.HighestFD(), Closed)
	table.Forget(5)
	table.Clear()
	table.CloseAll(0)
}

// TestLowestSlotFirst: a new child takes the lowest free slot.
func TestLowestSlotFirst(t *testing.T) {
	t.Parallel()
	table := newTable(t, 4)
	for pid := int32(10); pid < 14; pid++ {
		equal(t, "full", table.Full(), false)
		table.Add(slot(pid, 7))
	}
	equal(t, "full", table.Full(), true)
	table.Release(table.Find(12))
	table.Release(table.Find(10))
	equal(t, "released", pids(table), []int32{0, 11, 0, 13})
	equal(t, "len", table.Len(), 2)
	table.Add(slot(20, 7))
	equal(t, "first", pids(table), []int32{20, 11, 0, 13})
	table.Add(slot(21, 7))
	equal(t, "second", pids(table), []int32{20, 11, 21, 13})
	table.Clear()
	equal(t, "cleared", pids(table), []int32{0, 0, 0, 0})
	equal(t, "len", table.Len(), 0)
	equal(t, "full", table.Full(), false)
}

// TestFind: only positive pids are children, whatever a free slot holds.
func TestFind(t *testing.T) {
	t.Parallel()
	table := newTable(t, 4)
	table.Add(slot(10, 7))
	table.Add(slot(11, 11))
	table.Release(table.Find(10))
	for _, pid := range []int32{0, -1, 10, 12, -1 << 31} {
		equal(t, "no such child", table.Find(pid) == nil, true)
	}
	equal(t, "descriptor", table.Find(11).Ctl, 11)
}

// TestResize: children beyond the new size move to the lowest free slots; fewer
// slots than children are refused.
func TestResize(t *testing.T) {
	t.Parallel()
	table := newTable(t, 6)
	for pid := int32(10); pid < 16; pid++ {
		table.Add(slot(pid, 4*pid))
	}
	for _, pid := range []int32{11, 12, 14} {
		table.Release(table.Find(pid))
	}
	equal(t, "holes", pids(table), []int32{10, 0, 0, 13, 0, 15})
	equal(t, "too small", table.Resize(2), unix.EINVAL)
	equal(t, "refused", pids(table), []int32{10, 0, 0, 13, 0, 15})
	equal(t, "shrink", table.Resize(3), 0)
	equal(t, "moved", pids(table), []int32{10, 13, 15})
	equal(t, "len", table.Len(), 3)
	equal(t, "full", table.Full(), true)
	equal(t, "descriptor", table.Find(15).Stderr, 63)
	equal(t, "grow again", table.Resize(5), 0)
	equal(t, "grown", pids(table), []int32{10, 13, 15, 0, 0})
	equal(t, "grow far", table.Resize(2000), 0)
	equal(t, "kept", pids(table)[:4], []int32{10, 13, 15, 0})
	equal(t, "max", table.Max(), 2000)
	equal(t, "huge", table.Resize(1<<40), unix.ENOMEM)
	equal(t, "still there", table.Max(), 2000)
	equal(t, "still found", table.Find(15).Ctl, 60)
	for _, pid := range []int32{10, 13, 15} {
		table.Release(table.Find(pid))
	}
	equal(t, "to nothing", table.Resize(0), 0)
	equal(t, "full", table.Full(), true)
}

// TestBuffersMove: partial frames of both directions stay with their child when
// the table grows or its slot moves.
func TestBuffersMove(t *testing.T) {
	t.Parallel()
	table := newTable(t, 3)
	for pid := int32(10); pid < 13; pid++ {
		table.Add(slot(pid, 7))
		s := table.Find(pid)
		table.Hold(s, bytes.Repeat([]byte{byte(pid)}, 1000+int(pid)))
		table.Queue(s, bytes.Repeat([]byte{byte(pid), 0xff}, 2000))
		s.Sent(int(pid))
	}
	check := func(when string, list ...int32) {
		t.Helper()
		for _, pid := range list {
			s := table.Find(pid)
			queued := bytes.Repeat([]byte{byte(pid), 0xff}, 2000)[pid:]
			if !bytes.Equal(table.Queued(s), queued) || s.Pending() != len(queued) {
				t.Errorf("%s: what waits for %d is %d bytes", when, pid, s.Pending())
			}
			var dst [1 << 16]byte
			n := table.Held(s, dst[:])
			if !bytes.Equal(dst[:n], bytes.Repeat([]byte{byte(pid)}, 1000+int(pid))) {
				t.Errorf("%s: %d bytes held of %d", when, n, pid)
			}
			table.Hold(s, dst[:n])
		}
	}
	check("at first", 10, 11, 12)
	equal(t, "grow", table.Resize(50), 0)
	check("grown", 10, 11, 12)
	table.Release(table.Find(10))
	table.Release(table.Find(11))
	equal(t, "shrink", table.Resize(1), 0)
	equal(t, "moved", pids(table), []int32{12})
	check("moved", 12)
}

// TestHold gives back once what was kept.
func TestHold(t *testing.T) {
	t.Parallel()
	table := newTable(t, 2)
	table.Add(slot(10, 7))
	table.Add(slot(11, 11))
	a, b := table.Find(10), table.Find(11)
	var dst [MaxFrame]byte
	equal(t, "nothing", table.Held(a, dst[:]), 0)
	equal(t, "has", a.HasHeld(), false)
	longest := bytes.Repeat([]byte{7}, MaxFrame-1)
	table.Hold(a, longest)
	table.Hold(b, []byte("other"))
	equal(t, "has", a.HasHeld(), true)
	if n := table.Held(a, dst[:]); !bytes.Equal(dst[:n], longest) {
		t.Errorf("%d bytes come back, or others", n)
	}
	equal(t, "once", table.Held(a, dst[:]), 0)
	equal(t, "has no more", a.HasHeld(), false)
	equal(t, "other child", string(dst[:table.Held(b, dst[:])]), "other")
}

// TestQueue lets a frame go out piece by piece.
func TestQueue(t *testing.T) {
	t.Parallel()
	table := newTable(t, 1)
	table.Add(slot(10, 7))
	s := table.Find(10)
	frame := make([]byte, 64<<10)
	for i := range frame {
		frame[i] = byte(i % 251)
	}
	table.Queue(s, frame)
	for sent := 0; sent < len(frame); sent += 4096 {
		if !bytes.Equal(table.Queued(s), frame[sent:]) {
			t.Fatalf("after %d bytes: others wait", sent)
		}
		s.Sent(4096)
	}
	equal(t, "pending", s.Pending(), 0)
	table.Queue(s, []byte("next"))
	equal(t, "next", string(table.Queued(s)), "next")
}

// TestDescriptors: what is recorded, forgotten, counted.
func TestDescriptors(t *testing.T) {
	t.Parallel()
	table := newTable(t, 4)
	equal(t, "none", table.HighestFD(), Closed)
	table.Add(slot(10, 7))
	table.Add(slot(11, 20))
	table.Add(slot(12, 30))
	equal(t, "highest", table.HighestFD(), 33)
	table.Release(table.Find(12))
	equal(t, "highest", table.HighestFD(), 23)
	tests := []struct {
		fd   int32
		want Slot
	}{
		{23, Slot{Pid: 11, Ctl: 20, Stdin: 21, Stdout: 22, Stderr: Closed}},
		{23, Slot{Pid: 11, Ctl: 20, Stdin: 21, Stdout: 22, Stderr: Closed}},
		{-1, Slot{Pid: 11, Ctl: 20, Stdin: 21, Stdout: 22, Stderr: Closed}},
		{-2, Slot{Pid: 11, Ctl: 20, Stdin: 21, Stdout: 22, Stderr: Closed}},
		{21, Slot{Pid: 11, Ctl: 20, Stdin: Closed, Stdout: 22, Stderr: Closed}},
		{99, Slot{Pid: 11, Ctl: 20, Stdin: Closed, Stdout: 22, Stderr: Closed}},
		{22, Slot{Pid: 11, Ctl: 20, Stdin: Closed, Stdout: Closed, Stderr: Closed}},
		{20, Slot{Pid: 11, Ctl: Closed, Stdin: Closed, Stdout: Closed, Stderr: Closed}},
	}
	for _, tt := range tests {
		table.Forget(tt.fd)
		s := table.Find(11)
		got := Slot{Pid: s.Pid, Ctl: s.Ctl, Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr}
		if got != tt.want {
			t.Errorf("forget %d: %+v", tt.fd, got)
		}
	}
	equal(t, "other child", table.Find(10).Stderr, 10)
	// Number 0 is a descriptor like any other, but not of a free slot.
	table.Forget(0)
	for _, s := range table.Slots()[2:] {
		equal(t, "free slot", s.Ctl, 0)
	}
}

// TestCloseAll closes what the table has, but for the low numbers and what is
// closed already.
func TestCloseAll(t *testing.T) {
	t.Parallel()
	var fds [8]int
	for i := 0; i < len(fds); i += 2 {
		if err := unix.Pipe2(fds[i:i+2], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	}
	table := newTable(t, 2)
	table.Add(Slot{Pid: 10, Ctl: int32(fds[0]), Stdin: int32(fds[1]), Stdout: Closed, Stderr: 2})
	table.Add(Slot{Pid: 11, Ctl: Execed, Stdin: int32(fds[2]), Stdout: int32(fds[3]), Stderr: Closed})
	table.CloseAll(3)
	open := func(fd int) bool {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err == nil
	}
	for i, fd := range fds {
		// Another test of this process may get a number that has just become
		// free; none of them opens anything but here.
		if got, want := open(fd), i >= 4; got != want {
			t.Errorf("descriptor %d of the list: open %v", i, got)
		}
		if i >= 4 {
			unix.Close(fd)
		}
	}
	if !open(2) {
		t.Error("closed standard error")
	}
}

func TestSlotStates(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name             string
		s                Slot
		control, drained bool
	}{
		{"control process", Slot{Ctl: 7, Stdout: 8, Stderr: 9}, true, false},
		{"replaced its program", Slot{Ctl: Execed, Stdout: 8, Stderr: 9}, false, false},
		{"control socket failed", Slot{Ctl: Closed, Stdout: 8, Stderr: 9}, true, false},
		{"standard error open", Slot{Ctl: Execed, Stdout: Closed, Stderr: 9}, false, false},
		{"standard output open", Slot{Ctl: Execed, Stdout: 8, Stderr: Closed}, false, false},
		{"control socket open", Slot{Ctl: 7, Stdout: Closed, Stderr: Closed}, true, false},
		{"all closed", Slot{Ctl: Execed, Stdout: Closed, Stderr: Closed}, false, true},
		{"all closed, never replaced", Slot{Ctl: Closed, Stdout: Closed, Stderr: Closed}, true, true},
		{"standard input does not count", Slot{Ctl: Execed, Stdin: 5, Stdout: Closed, Stderr: Closed}, false, true},
	}
	for _, tt := range tests {
		if got := tt.s.Control(); got != tt.control {
			t.Errorf("%s: control process %v", tt.name, got)
		}
		if got := tt.s.Drained(); got != tt.drained {
			t.Errorf("%s: drained %v", tt.name, got)
		}
	}
}

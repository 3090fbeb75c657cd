package child

import "testing"

// TestLimits follows the table of wire.md §1.
func TestLimits(t *testing.T) {
	for nofile, want := range map[uint64]int{
		0: 64, 5: 64, 6: 0, 11: 0, 12: 1, 17: 1, 18: 2, 64: 9, 389: 63, 390: 64, 1024: 64,
		1 << 32: 64, 1<<32 + 6: 64, 1<<63 + 12: 64, 1<<64 - 1: 64,
	} {
		if got := DefaultMax(nofile); got != want {
			t.Errorf("%d open files: %d children, want %d", nofile, got, want)
		}
	}
	for _, tt := range []struct {
		n      int
		nofile uint64
		want   bool
	}{
		{0, 5, false}, {0, 6, true}, {1, 11, false}, {1, 12, true}, {65535, 393215, false}, {65535, 393216, true},
		{65535, 1<<64 - 1, true},
	} {
		if got := Fits(tt.n, tt.nofile); got != tt.want {
			t.Errorf("%d children, %d open files: fits %v", tt.n, tt.nofile, got)
		}
	}
}

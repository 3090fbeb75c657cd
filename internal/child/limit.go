package child

import "alcove/internal/fdnum"

const (
	// perChild is how many descriptors the original reckons for a child.
	perChild = 6
	// defaultMax is the size of a table that nothing limits.
	defaultMax = 64
)

// DefaultMax is the size of the table that a soft limit of open files leaves room
// for, 64 at the most. A limit below 6 is taken for none.
func DefaultMax(openFiles uint64) int {
	if openFiles < fdnum.Reserved {
		return defaultMax
	}
	return int(min(defaultMax, Fitting(openFiles)))
}

// Fitting is how many children a soft limit of open files allows for.
func Fitting(openFiles uint64) uint64 {
	if openFiles < fdnum.Reserved {
		return 0
	}
	return (openFiles - fdnum.Reserved) / perChild
}

// Fits reports whether a table of n children is within a soft limit of open files.
func Fits(n int, openFiles uint64) bool { return uint64(perChild*(n+1)) <= openFiles }

package calls

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constantTables are the generated tables by the name that constants.tsv has.
var constantTables = map[string][]constant{
	"clone":   cloneConstants,
	"fcntl":   fcntlConstants,
	"file":    fileConstants,
	"ioctl":   ioctlConstants,
	"mount":   mountConstants,
	"prctl":   prctlConstants,
	"prio":    prioConstants,
	"ptrace":  ptraceConstants,
	"rlimit":  rlimitConstants,
	"seccomp": seccompConstants,
	"signal":  signalConstants,
	"socket":  socketConstants,
	"syscall": syscallConstants,
	"wait":    waitConstants,
}

// recorded reads the symbols that the original has on this architecture, in its
// order.
func recorded(t *testing.T) map[string][]constant {
	t.Helper()
	text, err := os.ReadFile("testdata/constants.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	column := slices.Index(strings.Split(lines[0], "\t"), runtime.GOARCH)
	if column < 0 {
		t.Fatalf("no column for %s", runtime.GOARCH)
	}
	tables := map[string][]constant{}
	for _, l := range lines[1:] {
		f := strings.Split(l, "\t")
		if f[column] == "-" {
			continue
		}
		v, err := strconv.ParseInt(f[column], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		tables[f[0]] = append(tables[f[0]], constant{f[1], v})
	}
	return tables
}

// TestConstantsAreTheRecordedOnes holds names, order and values to those of the
// original. The order decides which name a number is reported under.
func TestConstantsAreTheRecordedOnes(t *testing.T) {
	want := recorded(t)
	if len(want) != len(constantTables) {
		t.Errorf("%d tables recorded, %d generated", len(want), len(constantTables))
	}
	for name, table := range constantTables {
		if !slices.Equal(table, want[name]) {
			t.Errorf("table %s:\n got %v\nwant %v", name, table, want[name])
		}
	}
}

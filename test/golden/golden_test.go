// Package golden replays what was recorded of the original port program and
// compares byte by byte. The recordings in testdata are the whole truth about
// what this program has to look like from outside; a scenario that cannot pass
// is named in notReplayed, a step in mended, with its reason: nothing is left out
// silently.
package golden

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"alcove/internal/porttest"
)

func TestMain(m *testing.M) { porttest.Main(m) }

// notReplayed names the scenarios whose surroundings cannot be made here.
var notReplayed = map[string]string{}

// stepName is a step of a scenario.
type stepName struct {
	scenario string
	step     int
}

// machineReplies are the replies that show the machine the recording was made
// on; only their presence is compared.
var machineReplies = map[stepName]string{
	{"term/path-readdir", 3}: "lists the root directory of the machine",
}

// boxes is where the scratch directories are: DIR/NNNNNNNN, 20 bytes in all
// because the recordings have as many in their place.
var boxes struct {
	dir   string
	count atomic.Int64
}

// tally counts what TestRecordings reports at its end.
type tally struct {
	sync.Mutex
	scenarios, steps map[string]int
	skipped          []string
	truncated        int
	short            []string // scenarios with such a step
}

func TestRecordings(t *testing.T) {
	porttest.NeedIsolation(t)
	porttest.NeedNative(t, "recorded on the machine itself; command line, descriptors and thread count of the emulator show")
	all, err := readRecordings("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no recordings in testdata")
	}
	prepareBoxes(t)
	sum := &tally{scenarios: map[string]int{}, steps: map[string]int{}}
	t.Run("scenario", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				sum.replay(t, s)
			})
		}
	})
	sum.report(t, len(all))
	listed(t, sum.short)
}

// listed checks that docs/differences.md names every scenario in which a step is
// expected to differ from its recording.
func listed(t *testing.T, short []string) {
	text, err := os.ReadFile("../../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" ,|:;()\n\t", r) }) {
		names[strings.TrimSuffix(word, ".")] = true
	}
	for step := range mended {
		short = append(short, step.scenario)
	}
	for _, name := range short {
		if !names[name] {
			t.Errorf("docs/differences.md does not list %s", name)
		}
	}
}

func (sum *tally) replay(t *testing.T, s *scenario) {
	if why, ok := notReplayed[s.name]; ok {
		sum.Lock()
		sum.skipped = append(sum.skipped, s.name+": "+why)
		sum.Unlock()
		porttest.Skip(t, "%s", why)
	}
	r := &run{t: t, s: s}
	err := r.play()
	sum.Lock()
	defer sum.Unlock()
	switch {
	case err != nil && r.port != nil:
		t.Errorf("%v\n%s", err, r.port.Report())
	case err != nil:
		t.Error(err)
	default:
		sum.scenarios[s.area()]++
	}
	sum.steps[s.area()] += r.done
	sum.truncated += r.truncated
	if r.truncated > 0 {
		sum.short = append(sum.short, s.name)
	}
}

func (sum *tally) report(t *testing.T, all int) {
	var areas []string
	for a := range sum.steps {
		areas = append(areas, a)
	}
	sort.Strings(areas)
	scenarios, steps := 0, 0
	var b strings.Builder
	for _, a := range areas {
		scenarios, steps = scenarios+sum.scenarios[a], steps+sum.steps[a]
		fmt.Fprintf(&b, "  %-8s %4d scenarios %6d steps\n", a, sum.scenarios[a], sum.steps[a])
	}
	fmt.Printf("recordings: %d of %d scenarios, %d steps replayed; %d not replayed\n%s",
		scenarios, all, steps, len(sum.skipped), b.String())
	fmt.Printf("  %d steps with a term cut short answer badarg instead (D21)\n", sum.truncated)
	for st, m := range mended {
		fmt.Printf("  step %d of %s mended: %s\n", st.step, st.scenario, m.defect)
	}
	for st, why := range machineReplies {
		fmt.Printf("  step %d of %s not compared: %s\n", st.step, st.scenario, why)
	}
	for _, s := range sum.skipped {
		fmt.Println("  not replayed:", s)
	}
}

// prepareBoxes makes the directory of the scratch directories, with a copy of
// the port that each of them links to.
func prepareBoxes(t *testing.T) {
	port := porttest.Binary(t)
	for n := range 1 << 16 {
		dir := fmt.Sprintf("/tmp/g%05x", n^os.Getpid()^0x5a5a)
		if err := os.Mkdir(dir, 0o755); os.IsExist(err) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		boxes.dir = dir
		break
	}
	t.Cleanup(func() { os.RemoveAll(boxes.dir) })
	var root, tmp unix.Stat_t
	if err := errors.Join(unix.Stat("/", &root), unix.Stat(boxes.dir, &tmp)); err != nil {
		t.Fatal(err)
	}
	if root.Dev != tmp.Dev {
		machineReplies[stepName{"ns/pivot-root", 3}] = "the scratch directory is not on the root file system"
	}
	in, err := os.Open(port)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(boxes.dir, "alcove"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

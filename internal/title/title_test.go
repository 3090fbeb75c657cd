package title

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// helperName is argument 0 of the test binary when it is started as a helper: a
// process whose title is set to every line of its input.
const helperName = "title-helper-process"

func TestMain(m *testing.M) {
	if strings.HasPrefix(os.Args[0], helperName) {
		help()
		return
	}
	os.Exit(m.Run())
}

// help prints its own arguments and environment, then sets the title to each line
// of input in hex; "freeze" calls Freeze.
func help() {
	area := Find()
	fmt.Printf("%q\n", area.Args())
	fmt.Printf("%q\n", area.Environ())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "freeze" {
			area.Freeze()
		} else {
			title, err := hex.DecodeString(in.Text())
			if err != nil {
				panic(err)
			}
			area.Set(title)
		}
		// What was copied does not change with the memory.
		fmt.Printf("%q %q\n", area.Args(), area.Environ())
	}
}

// helper is a running helper process.
type helper struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	copies  string // what it says of its arguments and environment
	cmdline []byte // at start
	environ []byte
}

func start(t *testing.T, args, env []string) *helper {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &helper{t: t, cmd: &exec.Cmd{Path: program, Args: args, Env: env, Stderr: os.Stderr}}
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewReader(out)
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.in.Close()
		if err := h.cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	if got, want := h.line(), fmt.Sprintf("%q", args); got != want {
		t.Errorf("arguments %s, want %s", got, want)
	}
	if got, want := h.line(), fmt.Sprintf("%q", env); got != want {
		t.Errorf("environment %s, want %s", got, want)
	}
	h.copies = fmt.Sprintf("%q %q", args, env)
	h.cmdline, h.environ = h.file("cmdline"), h.file("environ")
	return h
}

func (h *helper) line() string {
	h.t.Helper()
	s, err := h.out.ReadString('\n')
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSuffix(s, "\n")
}

// file is /proc/PID/name of the helper.
func (h *helper) file(name string) []byte {
	h.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", h.cmd.Process.Pid, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// set sets the title.
func (h *helper) set(title string) { h.t.Helper(); h.command(hex.EncodeToString([]byte(title))) }

func (h *helper) command(line string) {
	h.t.Helper()
	fmt.Fprintln(h.in, line)
	if got := h.line(); got != h.copies {
		h.t.Errorf("copies changed to %s", got)
	}
}

// shows compares the command line, given as text and the number of zero bytes
// behind it.
func (h *helper) shows(text string, zeros int) {
	h.t.Helper()
	want := append([]byte(text), make([]byte, zeros)...)
	if diff := cmp.Diff(want, h.file("cmdline")); diff != "" {
		h.t.Errorf("command line of %q and %d zeros: %s", text, zeros, diff)
	}
}

// The standard helper has a command line of 76 bytes and 9 bytes of environment.
var (
	standardArgs = []string{helperName + "-of-29-by", "-c", "/tmp/fifo/of/some/directory/xxxxx", "-m", "64890"}
	standardEnv  = []string{"A=1", "BB=2"}
)

const (
	nameSize   = 29
	argsSize   = 76
	regionSize = 85
)

func standard(t *testing.T) *helper {
	t.Helper()
	h := start(t, standardArgs, standardEnv)
	if len(standardArgs[0]) != nameSize || len(h.cmdline) != argsSize || len(h.cmdline)+len(h.environ) != regionSize {
		t.Fatalf("argument 0 of %d bytes, command line of %d, environment of %d",
			len(standardArgs[0]), len(h.cmdline), len(h.environ))
	}
	return h
}

// TestTitles follows the table of calls.md §9, call 80.
func TestTitles(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name, title, text string
		zeros             int
	}{
		{"short", "short", "short", argsSize - 5},
		{"one byte", "s", "s", argsSize - 1},
		{"percent signs", "100%s%n", "100%s%n", argsSize - 7},
		{"spaces", "a b ", "a b ", argsSize - 4},
		{"cut at a zero byte", "abc\x00def", "abc", argsSize - 3},
		{"a byte less than argument 0", x(nameSize - 1), x(nameSize - 1), argsSize - nameSize + 1},
		{"as long as argument 0", x(nameSize), x(nameSize) + " ", argsSize - nameSize - 1},
		{"a byte more than argument 0", x(nameSize + 1), x(nameSize + 1), argsSize - nameSize - 1},
		{"empty", "", standardArgs[0] + " ", argsSize - nameSize - 1},
		{"all but the last byte", x(argsSize - 1), x(argsSize - 1), 1},
		{"all", x(argsSize), x(argsSize), 1},
		{"into the environment", x(argsSize + 5), x(argsSize + 5), 1},
		{"a byte less than fits", x(regionSize - 2), x(regionSize - 2), 1},
		{"just fits", x(regionSize - 1), x(regionSize - 1), 1},
		{"a byte too long", x(regionSize), x(regionSize - 1), 1},
		{"far too long", x(300), x(regionSize - 1), 1},
		{"longer than a page", x(20000), x(regionSize - 1), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := standard(t)
			comm := h.file("comm")
			h.set(tt.title)
			h.shows(tt.text, tt.zeros)
			// What the title does not cover of the environment is blank.
			environ := append([]byte(tt.text), make([]byte, regionSize)...)[argsSize:regionSize]
			if diff := cmp.Diff(environ, h.file("environ")); diff != "" {
				t.Errorf("environment: %s", diff)
			}
			if got := h.file("comm"); !bytes.Equal(got, comm) {
				t.Errorf("comm %q, was %q", got, comm)
			}
		})
	}
}

// TestZeroByteFirst changes nothing, before and after a title was set.
func TestZeroByteFirst(t *testing.T) {
	t.Parallel()
	h := standard(t)
	h.set("\x00zz")
	if got := h.file("cmdline"); !bytes.Equal(got, h.cmdline) {
		t.Errorf("command line %q, was %q", got, h.cmdline)
	}
	if got := h.file("environ"); !bytes.Equal(got, h.environ) {
		t.Errorf("environment %q, was %q", got, h.environ)
	}
	h.set("title")
	h.set("\x00zz")
	h.shows("title", argsSize-5)
}

// TestTitlesInTurn: nothing of an earlier one is left.
func TestTitlesInTurn(t *testing.T) {
	t.Parallel()
	h := standard(t)
	h.set(strings.Repeat("x", 300))
	h.set("a")
	h.shows("a", argsSize-1)
	h.set("bcd")
	h.shows("bcd", argsSize-3)
	h.set("")
	h.shows(standardArgs[0]+" ", argsSize-nameSize-1)
	h.set("e")
	h.shows("e", argsSize-1)
	if got := h.file("environ"); !bytes.Equal(got, make([]byte, regionSize-argsSize)) {
		t.Errorf("environment %q", got)
	}
}

// TestFreeze: no title any more, nothing blanked.
func TestFreeze(t *testing.T) {
	t.Parallel()
	h := standard(t)
	h.command("freeze")
	h.set("title")
	h.set("")
	if got := h.file("cmdline"); !bytes.Equal(got, h.cmdline) {
		t.Errorf("command line %q, was %q", got, h.cmdline)
	}
	if got := h.file("environ"); !bytes.Equal(got, h.environ) {
		t.Errorf("environment %q, was %q", got, h.environ)
	}
}

// TestWithoutEnvironment the last byte of the arguments stays zero.
func TestWithoutEnvironment(t *testing.T) {
	t.Parallel()
	h := start(t, standardArgs, []string{})
	h.set(strings.Repeat("x", 300))
	h.shows(strings.Repeat("x", argsSize-1), 1)
}

// TestLongArea: 255 bytes are the most, and titles after the first leave what is
// behind byte 256 alone.
func TestLongArea(t *testing.T) {
	t.Parallel()
	h := start(t, []string{helperName, strings.Repeat("a", 1000)}, []string{"E=" + strings.Repeat("e", 500)})
	size := len(h.cmdline)
	h.set(strings.Repeat("x", 254))
	h.shows(strings.Repeat("x", 254), size-254)
	h.set(strings.Repeat("y", 255))
	h.shows(strings.Repeat("y", 255), size-255)
	h.set(strings.Repeat("z", 256))
	h.shows(strings.Repeat("z", 255), size-255)
	h.set("end")
	h.shows("end", size-3)
	if got := h.file("environ"); !bytes.Equal(got, make([]byte, len(h.environ))) {
		t.Errorf("environment %q", got)
	}
}

// TestNothingElse: only argument 0, nothing to spare behind it.
func TestNothingElse(t *testing.T) {
	t.Parallel()
	h := start(t, []string{helperName}, []string{})
	h.set("")
	h.shows(helperName, 1)
	h.set(helperName + "x")
	h.shows(helperName, 1)
	h.set(strings.Repeat("x", len(helperName)-1))
	h.shows(strings.Repeat("x", len(helperName)-1), 2)
}

// TestOddStrings: empty arguments, environment strings without a name.
func TestOddStrings(t *testing.T) {
	t.Parallel()
	h := start(t, []string{helperName, "", "", "x", ""}, []string{"E=", "=odd"})
	h.set("title")
	h.shows("title", len(h.cmdline)-5)
}

// TestNoArea: the zero value has no memory to write to.
func TestNoArea(t *testing.T) {
	t.Parallel()
	var a Area
	a.Set([]byte("title"))
	a.Set(nil)
	if a.Args() != nil || a.Environ() != nil {
		t.Errorf("%q, %q", a.Args(), a.Environ())
	}
}

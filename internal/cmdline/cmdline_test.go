package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const many = 1 << 40 // open files, no limit to speak of

const text = " 1.0.1\nusage: prog -c <path> [<options>]\n"

// TestParse holds the command line to wire.md §1. The program is dir/prog unless
// the row says otherwise.
func TestParse(t *testing.T) {
	t.Parallel()
	invalid := func(c string) *Refusal {
		return &Refusal{95, "dir/prog: invalid option -- '" + c + "'\nprog" + text}
	}
	missing := func(c string) *Refusal {
		return &Refusal{95, "dir/prog: option requires an argument -- '" + c + "'\nprog" + text}
	}
	usage := &Refusal{95, "prog" + text}
	limit := &Refusal{Status: 11}
	tests := []struct {
		name   string
		args   string // separated by spaces; _ is an empty one
		nofile uint64
		want   Config // of an accepted command line; MaxChild 64 if it says 0
		refuse *Refusal
	}{
		{"nothing", "", many, Config{}, nil},
		{"fifo", "-c /tmp/f", many, Config{Fifo: "/tmp/f", HasFifo: true}, nil},
		{"fifo in the same word", "-c/tmp/f", many, Config{Fifo: "/tmp/f", HasFifo: true}, nil},
		{"empty fifo", "-c _", many, Config{HasFifo: true}, nil},
		{"last fifo wins", "-c a -c b", many, Config{Fifo: "b", HasFifo: true}, nil},
		{"fifo with a dash", "-c -h", many, Config{Fifo: "-h", HasFifo: true}, nil},
		{"fifo of two dashes", "-c -- -d 1", many, Config{Fifo: "--", HasFifo: true, Depth: 1, Reexec: true}, nil},
		{"depth", "-d 3", many, Config{Depth: 3, Reexec: true}, nil},
		{"depth and fifo", "-d 3 -c f", many, Config{Depth: 3, Reexec: true, Fifo: "f", HasFifo: true}, nil},
		{"depth 0", "-d 0", many, Config{Reexec: true}, nil},
		{"depth 255", "-d255", many, Config{Depth: 255, Reexec: true}, nil},
		{"depth 256", "-d 256", many, Config{}, limit},
		{"depth -1", "-d -1", many, Config{}, limit},
		{"depth 65536", "-d 65536", many, Config{Reexec: true}, nil},
		{"depth 65537", "-d 65537", many, Config{Depth: 1, Reexec: true}, nil},
		{"depth abc", "-d abc", many, Config{Reexec: true}, nil},
		{"empty depth", "-d _", many, Config{Reexec: true}, nil},
		{"depth of two words", "-d 7x9", many, Config{Depth: 7, Reexec: true}, nil},
		{"last depth wins", "-d 3 -d 4", many, Config{Depth: 4, Reexec: true}, nil},
		{"first bad depth decides", "-d 300 -d 4", many, Config{}, limit},
		{"children", "-m 5", many, Config{MaxChild: 5}, nil},
		{"more than 64 children", "-m 1000", many, Config{MaxChild: 1000}, nil},
		{"children cut to 16 bits", "-m 70000", many, Config{MaxChild: 4464}, nil},
		{"children -1", "-m -1", many, Config{MaxChild: 65535}, nil},
		{"just enough files", "-m 9", 60, Config{MaxChild: 9}, nil},
		{"a file too few", "-m 9", 59, Config{}, limit},
		{"no child, 6 files", "-m 00", 6, Config{MaxChild: -1}, nil},
		{"no child, 5 files", "-m 0", 5, Config{}, limit},
		{"default for 64 files", "", 64, Config{MaxChild: 9}, nil},
		{"default for 11 files", "", 11, Config{MaxChild: -1}, nil},
		{"help", "-h", many, Config{}, usage},
		{"help behind a fifo", "-c f -h", many, Config{}, usage},
		{"bad depth, then help", "-d 300 -h", many, Config{}, limit},
		{"help, then bad depth", "-h -d 300", many, Config{}, usage},
		{"too many children, then help", "-m 99 -h", 64, Config{}, limit},
		{"unknown", "-x", many, Config{}, invalid("x")},
		{"unknown, then help", "-xh", many, Config{}, invalid("x")},
		{"unknown behind a fifo", "-c f -x", many, Config{}, invalid("x")},
		{"colon", "-:", many, Config{}, invalid(":")},
		{"long option", "--help", many, Config{}, invalid("-")},
		{"upper case", "-C f", many, Config{}, invalid("C")},
		{"fifo missing", "-c", many, Config{}, missing("c")},
		{"depth missing", "-c f -d", many, Config{}, missing("d")},
		{"children missing", "-m", many, Config{}, missing("m")},
		{"missing, files too few", "-m", 1, Config{}, missing("m")},
		{"operand", "op", many, Config{}, nil},
		{"operands between", "x -c f y -d 1 z", many, Config{Fifo: "f", HasFifo: true, Depth: 1, Reexec: true}, nil},
		{"dash is an operand", "- -c f", many, Config{Fifo: "f", HasFifo: true}, nil},
		{"empty word is an operand", "_ -c f", many, Config{Fifo: "f", HasFifo: true}, nil},
		{"two dashes end the options", "-c f -- -x", many, Config{Fifo: "f", HasFifo: true}, nil},
		{"operands before two dashes", "x -- -h", many, Config{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := []string{"dir/prog"}
			for _, w := range strings.Fields(tt.args) {
				if w == "_" {
					w = ""
				}
				args = append(args, w)
			}
			got, refusal := Parse(args, tt.nofile, false)
			if diff := cmp.Diff(tt.refuse, refusal); diff != "" {
				t.Fatal(diff)
			}
			if refusal != nil {
				return
			}
			switch tt.want.MaxChild {
			case 0:
				tt.want.MaxChild = 64
			case -1:
				tt.want.MaxChild = 0
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPosix: the first operand ends the options (POSIXLY_CORRECT).
func TestPosix(t *testing.T) {
	t.Parallel()
	got, refusal := Parse([]string{"prog", "-d", "2", "operand", "-x"}, many, true)
	want := Config{Depth: 2, Reexec: true, MaxChild: 64}
	if diff := cmp.Diff(want, got); diff != "" || refusal != nil {
		t.Error(diff, refusal)
	}
	if _, refusal := Parse([]string{"prog", "-", "-x"}, many, true); refusal != nil {
		t.Errorf("a dash alone is an operand: %+v", refusal)
	}
	if _, refusal := Parse([]string{"prog", "-x"}, many, true); refusal == nil {
		t.Error("an unknown option before any operand is accepted")
	}
}

// TestProgramName: the usage text has the last part of it, the complaint all.
func TestProgramName(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"alcove":      "alcove: invalid option -- 'x'\nalcove",
		"/usr/bin/al": "/usr/bin/al: invalid option -- 'x'\nal",
		"./a/b":       "./a/b: invalid option -- 'x'\nb",
		"":            ": invalid option -- 'x'\n",
	}
	for program, want := range tests {
		_, refusal := Parse([]string{program, "-x"}, many, false)
		name := want[strings.LastIndex(want, "\n")+1:]
		want += " 1.0.1\nusage: " + name + " -c <path> [<options>]\n"
		if refusal == nil || refusal.Message != want {
			t.Errorf("%q: %+v, want %q", program, refusal, want)
		}
	}
	if config, refusal := Parse(nil, 64, false); refusal != nil || config.MaxChild != 9 {
		t.Errorf("no words at all: %+v, %+v", config, refusal)
	}
}

// TestNumber: atoi(3), then 16 bits without sign.
func TestNumber(t *testing.T) {
	t.Parallel()
	tests := map[string]int{
		"0": 0, "5": 5, "255": 255, "65535": 65535, "65536": 0, "70000": 4464, "": 0, "abc": 0, "12abc": 12,
		"-1": 65535, "-65535": 1, "-65536": 0, "+7": 7, "  7": 7, "\t\n\v\f\r 7": 7, "- 7": 0, "--7": 0, "+-7": 0,
		" -7": 65529, "7 8": 7, "0x10": 0, "010": 10, "\x007": 0, "\x857": 0,
		"4294967296": 0, "4294967297": 1, "2147483648": 0,
		"9223372036854775806": 65534, "9223372036854775807": 65535, "9223372036854775808": 65535,
		"9223372036854775809": 65535, "18446744073709551616": 65535, "99999999999999999999999": 65535,
		"-9223372036854775807": 1, "-9223372036854775808": 0, "-9223372036854775809": 0, "-99999999999999999999999": 0,
	}
	for in, want := range tests {
		if got := number(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

package calls

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// strings is the environment in order.
func (e *Environ) strings() []string {
	list := []string{}
	e.each(func(_ int, s []byte) bool {
		list = append(list, string(s))
		return true
	})
	return list
}

// TestLoad: what the environment at start becomes (wire.md §1, calls.md §9, call
// 18).
func TestLoad(t *testing.T) {
	tests := []struct {
		name  string
		in    []string
		want  []string
		whole bool // taken over as it is
	}{
		{"nothing", nil, []string{}, false},
		{"order", []string{"Z=1", "A=2"}, []string{"Z=1", "A=2"}, false},
		{"without =", []string{"A=1", "NOEQ", "B=2"}, []string{"A=1", "B=2"}, false},
		{"empty string", []string{"", "B=2"}, []string{"B=2"}, false},
		{"repeated", []string{"A=1", "B=2", "A=3", "NOEQ", "C="}, []string{"A=3", "B=2", "C="}, false},
		{"of the specification", []string{"A=1", "B", "A=2", "C=3"}, []string{"A=2", "C=3"}, false},
		{"longer value", []string{"A=1", "B=2", "A=longer"}, []string{"A=longer", "B=2"}, false},
		{"shorter value", []string{"A=longer", "B=2", "A="}, []string{"A=", "B=2"}, false},
		{"= in the value", []string{"A=b=c"}, []string{"A=b=c"}, false},
		{"name is the beginning of another", []string{"AB=1", "A=2", "AB=3"}, []string{"AB=3", "A=2"}, false},
		{"empty name", []string{"A=1", "=x", "B=2", "A=3"}, []string{"A=1", "=x", "B=2", "A=3"}, true},
		{"empty name keeps all", []string{"A=1", "NOEQ", "A=2", "="}, []string{"A=1", "NOEQ", "A=2", "="}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e Environ
			if whole := !e.Load(tt.in); whole != tt.whole {
				t.Errorf("taken as it is: %v, want %v", whole, tt.whole)
			}
			if diff := cmp.Diff(tt.want, e.strings()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEnvironmentCalls follows the examples of calls.md §9, calls 12, 18, 30, 72
// and 94.
func TestEnvironmentCalls(t *testing.T) {
	tests := []struct {
		name  string
		start []string
		steps []step
	}{
		{"an empty name in it", []string{"A=1", "=x", "B=2", "A=3"}, []step{
			{"setenv", with(str("A"), str("9"), 1), "ok"},
			{"environ", nil, `["A=9","=x","B=2","A=3"]`},
			{"unsetenv", with(str("A")), "ok"},
			{"environ", nil, `["=x","B=2"]`},
		}},
		{"from nothing", []string{"A=1"}, []step{
			{"clearenv", nil, "ok"},
			{"environ", nil, `[]`},
			{"setenv", with(str("Z"), str("1"), 1), "ok"},
			{"setenv", with(str("A"), str("2"), 1), "ok"},
			{"setenv", with(str("M"), str("3"), 1), "ok"},
			{"environ", nil, `["Z=1","A=2","M=3"]`},
			{"setenv", with(str("A"), str("22"), 1), "ok"},
			{"environ", nil, `["Z=1","A=22","M=3"]`},
			{"unsetenv", with(str("Z")), "ok"},
			{"setenv", with(str("Z"), str("9"), 0), "ok"},
			{"environ", nil, `["A=22","M=3","Z=9"]`},
			{"clearenv", with(atom("x")), "badarg"},
			{"environ", with(0), "badarg"},
		}},
		{"getenv", []string{"FOO=bar", "X=a=b=c", "E="}, []step{
			{"getenv", with(str("FOO")), `"bar"`},
			{"getenv", with([]byte("FOO")), `"bar"`},
			{"getenv", with(str("NOPE")), "false"},
			{"getenv", with(str("FO")), "false"},
			{"getenv", with(str("FOOO")), "false"},
			{"getenv", with(str("foo")), "false"},
			{"getenv", with(str("E")), `""`},
			{"getenv", with(str("X")), `"a=b=c"`},
			{"getenv", with(str("X=a")), `"b=c"`},
			{"getenv", with(str("X=a=b")), `"c"`},
			{"getenv", with(str("X=")), "false"},
			{"getenv", with([]byte("FOO\x00X")), `"bar"`},
			{"getenv", with([]byte{0}), "false"},
			{"getenv", with(str("")), "badarg"},
			{"getenv", with([]byte{}), "badarg"},
			{"getenv", with(atom("foo")), "badarg"},
			{"getenv", with(list{300}), "badarg"},
		}},
		{"setenv", []string{"FOO=bar"}, []step{
			{"setenv", with(str("FOO"), str("new"), 0), "ok"},
			{"getenv", with(str("FOO")), `"bar"`},
			{"setenv", with(str("FOO"), str("new"), 1), "ok"},
			{"getenv", with(str("FOO")), `"new"`},
			{"setenv", with(str("FOO"), str("neg"), -1), "ok"},
			{"getenv", with(str("FOO")), `"neg"`},
			{"setenv", with(str("K"), str(""), 1), "ok"},
			{"getenv", with(str("K")), `""`},
			{"setenv", with(str("K"), list{}, 1), "ok"},
			{"setenv", with(str("K"), []byte("a\x00b"), 1), "ok"},
			{"getenv", with(str("K")), `"a"`},
			{"setenv", with([]byte("N\x00=B"), []byte("v"), 1), "ok"},
			{"getenv", with(str("N")), `"v"`},
			{"setenv", with(str("A=B"), str("x"), 0), "{error,einval}"},
			{"setenv", with(str("=B"), str("x"), 1), "{error,einval}"},
			{"setenv", with([]byte{0}, str("x"), 1), "{error,einval}"},
			{"setenv", with(str(""), str("x"), 1), "badarg"},
			{"setenv", with(str("K"), atom("v"), 1), "badarg"},
			{"setenv", with(atom("k"), str("v"), 1), "badarg"},
			{"setenv", with(str("K"), str("v"), atom("true")), "badarg"},
			{"setenv", with(str("K"), str("v"), 1<<31), "badarg"},
			{"environ", nil, `["FOO=neg","K=a","N=v"]`},
		}},
		{"unsetenv", []string{"K=1", "KK=2"}, []step{
			{"unsetenv", with(str("K")), "ok"},
			{"unsetenv", with(str("K")), "ok"},
			{"environ", nil, `["KK=2"]`},
			{"unsetenv", with([]byte("KK\x00=")), "ok"},
			{"environ", nil, `[]`},
			{"unsetenv", with(str("A=B")), "{error,einval}"},
			{"unsetenv", with([]byte{0}), "{error,einval}"},
			{"unsetenv", with(str("")), "badarg"},
			{"unsetenv", with(atom("k")), "badarg"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProcess(t)
			p.Environ.Load(tt.start)
			run(t, p, tt.steps)
		})
	}
}

// TestEnvironmentGrows far beyond its first room and keeps every value.
func TestEnvironmentGrows(t *testing.T) {
	p := newProcess(t)
	value := strings.Repeat("v", 3000)
	want := []string{}
	for i := range 100 {
		name := fmt.Sprintf("N%d", i)
		run(t, p, []step{{"setenv", with(str(name), str(value), 1), "ok"}})
		want = append(want, name+"="+value)
	}
	if diff := cmp.Diff(want, p.Environ.strings()); diff != "" {
		t.Fatal(diff)
	}
	// In place, longer than what follows it.
	long := strings.Repeat("w", 65534)
	run(t, p, []step{{"setenv", with(str("N0"), []byte(long), 1), "ok"}})
	want[0] = "N0=" + long
	if diff := cmp.Diff(want, p.Environ.strings()); diff != "" {
		t.Error(diff)
	}
	for i := range 100 {
		run(t, p, []step{{"unsetenv", with(str(fmt.Sprintf("N%d", i))), "ok"}})
	}
	if len(p.Environ.strings()) != 0 || p.Environ.n != 0 {
		t.Errorf("%d bytes left", p.Environ.n)
	}
}

// TestEnvironmentVector is what a program gets.
func TestEnvironmentVector(t *testing.T) {
	var e Environ
	e.Load([]string{"A=1", "B=", "A=22"})
	words := make([]uintptr, e.count()+1)
	if diff := cmp.Diff([]string{"A=22", "B="}, e.addresses(words).strings(t)); diff != "" {
		t.Error(diff)
	}
	if !e.Has("B") || e.Has("C") {
		t.Error("Has")
	}
}

// TestEnvironmentWithoutMemory: where no memory is to be had the environment
// stays as it was.
func TestEnvironmentWithoutMemory(t *testing.T) {
	var e Environ
	e.Load([]string{"A=1"})
	if errno := e.reserve(1 << 56); errno != unix.ENOMEM {
		t.Errorf("2^56 bytes: %v", errno)
	}
	if diff := cmp.Diff([]string{"A=1"}, e.strings()); diff != "" {
		t.Error(diff)
	}
	if errno := set(&e, "A", "22"); errno != 0 {
		t.Error(errno)
	}
	if diff := cmp.Diff([]string{"A=22"}, e.strings()); diff != "" {
		t.Error(diff)
	}
}

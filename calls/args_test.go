package calls

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"alcove/internal/sys"
)

// sampleNames is a table of constants for the tests.
var sampleNames = []constant{
	{"o_creat", 64},
	{"o_rdwr", 2},
	{"o_creat", 7},
	{"negative", -5},
	{"wide", 1 << 31},
	{"narrow", -1 << 31},
}

// outcomes are written as the call answers them.
var outcomes = map[Outcome]string{Badarg: "badarg", Unsupported: "enotsup", BadDescriptor: "ebadf"}

// decoded lets f decode the term v and shows the result, or how it failed. What f
// accepts it must consume.
func decoded(t *testing.T, v any, f func(*args) any) string {
	t.Helper()
	return decodedBytes(t, bytesOf(t, v), f)
}

func decodedBytes(t *testing.T, term []byte, f func(*args) any) string {
	t.Helper()
	var a args
	a.begin(term[:len(term):len(term)])
	result := f(&a)
	if a.failed() {
		return outcomes[a.outcome()]
	}
	if len(a.d.Rest()) != 0 {
		t.Errorf("%.40x: %d bytes left", term, len(a.d.Rest()))
	}
	return fmt.Sprint(result)
}

// Bigs that hold small numbers, for the forms that refuse any big.
const (
	smallBig5 = raw("6e 01 00 05")
	largeBig5 = raw("6f 00 00 00 01 00 05")
	bigTo63   = raw("6e 08 00 00 00 00 00 00 00 00 80")
	big63Less = raw("6e 08 00 ff ff ff ff ff ff ff 7f")
	bigLeast  = raw("6e 08 01 00 00 00 00 00 00 00 80")
	emptyLong = raw("6c 00 00 00 00 6a")
	float     = raw("46 3f f0 00 00 00 00 00 00")
)

// TestConstantForms holds const(T), const64(T) and flags(T) to calls.md §2 and
// §2.1.
func TestConstantForms(t *testing.T) {
	forms := []struct {
		name   string
		decode func(*args) any
	}{
		{"constant", func(a *args) any { return a.constant(sampleNames) }},
		{"constant64", func(a *args) any { return int64(a.constant64(sampleNames)) }},
		{"flags", func(a *args) any { return a.flags(sampleNames) }},
	}
	tests := []struct {
		name string
		in   any
		want [3]string // constant, constant64, flags
	}{
		{"name", atom("o_creat"), [3]string{"64", "64", "badarg"}},
		{"upper case", atom("O_CREAT"), [3]string{"64", "64", "badarg"}},
		{"mixed case", atom("O_Creat"), [3]string{"64", "64", "badarg"}},
		{"Latin-1 encodings", raw("73 06 6f 5f 72 64 77 72"), [3]string{"2", "2", "badarg"}},
		{"old encoding", raw("64 00 06 6f 5f 72 64 77 72"), [3]string{"2", "2", "badarg"}},
		{"long encoding", raw("76 00 06 6f 5f 72 64 77 72"), [3]string{"2", "2", "badarg"}},
		{"name up to a zero byte", atom("o_rdwr\x00x"), [3]string{"2", "2", "badarg"}},
		{"unknown", atom("o_foo"), [3]string{"enotsup", "enotsup", "badarg"}},
		{"empty atom", atom(""), [3]string{"enotsup", "enotsup", "badarg"}},
		{"prefix", atom("o_crea"), [3]string{"enotsup", "enotsup", "badarg"}},
		{"without prefix", atom("creat"), [3]string{"enotsup", "enotsup", "badarg"}},
		{"case is ASCII's only", raw("77 03 c3 89 78"), [3]string{"enotsup", "enotsup", "badarg"}},
		{"broken atom", raw("77 05 61"), [3]string{"badarg", "badarg", "badarg"}},
		{"negative value", atom("negative"), [3]string{"-5", "-5", "badarg"}},
		{"value of 2^31", atom("wide"), [3]string{"badarg", "2147483648", "badarg"}},
		{"value of -2^31", atom("narrow"), [3]string{"-2147483648", "-2147483648", "badarg"}},
		{"byte", 200, [3]string{"200", "200", "200"}},
		{"32 bits", 70000, [3]string{"70000", "70000", "70000"}},
		{"negative", -1, [3]string{"-1", "-1", "-1"}},
		{"2^31-1", 1<<31 - 1, [3]string{"2147483647", "2147483647", "2147483647"}},
		{"2^31", 1 << 31, [3]string{"badarg", "2147483648", "badarg"}},
		{"big", smallBig5, [3]string{"badarg", "5", "badarg"}},
		{"big -2^63", bigLeast, [3]string{"badarg", "-9223372036854775808", "badarg"}},
		{"big 2^63-1", big63Less, [3]string{"badarg", "9223372036854775807", "badarg"}},
		{"big 2^63", bigTo63, [3]string{"badarg", "badarg", "badarg"}},
		{"large big", largeBig5, [3]string{"badarg", "badarg", "badarg"}},
		{"float", float, [3]string{"badarg", "badarg", "badarg"}},
		{"binary", []byte("o_creat"), [3]string{"badarg", "badarg", "badarg"}},
		{"tuple", tuple{}, [3]string{"badarg", "badarg", "badarg"}},
		{"nothing", raw(""), [3]string{"badarg", "badarg", "badarg"}},

		{"empty list", list{}, [3]string{"badarg", "badarg", "0"}},
		{"empty list, long form", emptyLong, [3]string{"badarg", "badarg", "0"}},
		{"list", list{atom("o_creat"), atom("O_RDWR")}, [3]string{"badarg", "badarg", "66"}},
		{"list with a number", list{atom("o_rdwr"), 512, 1}, [3]string{"badarg", "badarg", "515"}},
		{"list with a zero", list{atom("o_rdwr"), 0, atom("o_creat")}, [3]string{"badarg", "badarg", "66"}},
		{"list with -1", list{-1, atom("o_creat")}, [3]string{"badarg", "badarg", "-1"}},
		{"list, unknown first", list{atom("o_foo"), float}, [3]string{"badarg", "badarg", "enotsup"}},
		{"list, unknown last", list{float, atom("o_foo")}, [3]string{"badarg", "badarg", "badarg"}},
		{"nested list", list{list{atom("o_creat")}}, [3]string{"badarg", "badarg", "badarg"}},
		{"nested string", list{str("a")}, [3]string{"badarg", "badarg", "badarg"}},
		{"list with a big", list{atom("o_rdwr"), smallBig5}, [3]string{"badarg", "badarg", "badarg"}},
		{"list with 2^31", list{1 << 31}, [3]string{"badarg", "badarg", "badarg"}},
		{"list with a wide name", list{atom("wide")}, [3]string{"badarg", "badarg", "badarg"}},
		{"list with a binary", list{[]byte("x")}, [3]string{"badarg", "badarg", "badarg"}},
		{"improper", dotted{list{atom("o_rdwr")}, atom("o_creat")}, [3]string{"badarg", "badarg", "badarg"}},
		{"improper, string", dotted{list{atom("o_rdwr")}, str("a")}, [3]string{"badarg", "badarg", "badarg"}},
		{"tail missing", raw("6c 00 00 00 01 61 01"), [3]string{"badarg", "badarg", "badarg"}},
		// Bytes are unsigned, and a zero is an element like any other (D16).
		{"string", str("\x01\x40"), [3]string{"badarg", "badarg", "65"}},
		{"string above 127", str("\x80"), [3]string{"badarg", "badarg", "128"}},
		{"string of 200 and 64", str("\xc8\x40"), [3]string{"badarg", "badarg", "200"}},
		{"string with a zero", str("\x01\x00\x04"), [3]string{"badarg", "badarg", "5"}},
		{"empty string", str(""), [3]string{"badarg", "badarg", "0"}},
		{"string cut", raw("6b 00 02 01"), [3]string{"badarg", "badarg", "badarg"}},
	}
	for _, tt := range tests {
		for i, form := range forms {
			t.Run(form.name+" "+tt.name, func(t *testing.T) {
				if got := decoded(t, tt.in, form.decode); got != tt.want[i] {
					t.Errorf("got %s, want %s", got, tt.want[i])
				}
			})
		}
	}
}

// TestFirstMistakeDecides: behind a bad argument nothing is decoded, and the
// unknown name wins over what would have been bad later.
func TestFirstMistakeDecides(t *testing.T) {
	p := newProcess(t)
	run(t, p, []step{
		{"open", with(str("d/f"), list{atom("o_foo")}, -1), "{error,enotsup}"},
		{"open", with(str("d/f"), list{atom("o_rdonly")}, -1), "badarg"},
		{"open", with(str(""), list{atom("o_foo")}, 0), "badarg"},
		{"setrlimit", with(atom("rlimit_foo"), atom("bad")), "{error,enotsup}"},
		{"prctl", with(atom("pr_foo"), tuple{atom("bad")}, 0, 0, 0), "{error,enotsup}"},
		{"prctl", with(atom("pr_get_dumpable"), 0, atom("foo"), atom("bad"), 0), "{error,enotsup}"},
		{"prctl", with(atom("pr_get_dumpable"), 0, 0, 0, tuple{atom("x")}), "badarg"},
		{"getpriority", with(atom("prio_foo"), str("bad")), "{error,enotsup}"},
		{"getpriority", with(atom("prio_process"), atom("foo")), "{error,enotsup}"},
		{"sigaction", with(atom("sigfoo"), atom("foo")), "{error,enotsup}"},
		{"ptrace", with(atom("ptrace_foo"), atom("x"), 0, 0), "{error,enotsup}"},
		{"seccomp", with(atom("seccomp_foo"), atom("bad"), atom("bad")), "{error,enotsup}"},
		{"seccomp", with(0, atom("x"), list{}), "{error,enotsup}"},
		{"ioctl", with(6, atom("x"), atom("y")), "{error,enotsup}"},
		{"ioctl", with(atom("x"), 0, 0), "badarg"},
		{"socket", with(atom("af_foo"), str("x"), 0), "{error,enotsup}"},
		{"fcntl", with(0, atom("f_foo"), atom("x")), "{error,enotsup}"},
		{"select", with(list{99999}, list{}, list{}, atom("x")), "{error,ebadf}"},
		{"setopt", with(atom("foo"), atom("bar")), "badarg"},
	})
}

// TestIodataSizes holds the buffers to calls.md §2.2: a binary may fill them, a
// string leaves a byte.
func TestIodataSizes(t *testing.T) {
	forms := []struct {
		name   string
		limit  int
		decode func(*args) any
		empty  string
	}{
		{"path", 4095, func(a *args) any { return len(a.path()) }, "badarg"},
		{"host name", 63, func(a *args) any { return len(a.name(63)) }, "badarg"},
		{"environment name", 65534, func(a *args) any { return len(a.name(65534)) }, "badarg"},
		{"message", 65535, func(a *args) any { return len(a.iodata(65535)) }, "0"},
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			fill := func(n int) []byte { return bytes.Repeat([]byte("/"), n) }
			text := func(n int) str { return str(fill(n)) }
			full := fmt.Sprint(f.limit)
			tests := []struct {
				name string
				in   any
				want string
			}{
				{"empty binary", []byte{}, f.empty},
				{"empty string", str(""), f.empty},
				{"empty list", list{}, f.empty},
				{"list of nothing", list{list{}}, f.empty},
				{"long empty list", emptyLong, f.empty},
				{"zero byte", []byte{0}, "1"},
				{"atom", atom("foo"), "badarg"},
				{"integer", 1, "badarg"},
				{"integer above 255", list{256}, "badarg"},
				{"improper", dotted{list{str("/tmp")}, []byte("x")}, "badarg"},
				{"binary that fills", fill(f.limit), full},
				{"binary that does not fit", fill(f.limit + 1), "badarg"},
				{"string that fits", text(f.limit - 1), fmt.Sprint(f.limit - 1)},
				{"full, then an empty binary", list{fill(f.limit), []byte{}}, "badarg"},
				{"full, then an empty list", list{fill(f.limit), list{}}, "badarg"},
				{"empty, then full", list{[]byte{}, fill(f.limit)}, full},
				{"binary, then a byte", list{fill(f.limit - 1), int('/')}, full},
				{"string, then a binary", list{text(f.limit - 1), fill(1)}, full},
				{"binary, then a string", list{fill(1), text(f.limit - 1)}, "badarg"},
				{"binary, then a shorter string", list{fill(1), text(f.limit - 2)}, fmt.Sprint(f.limit - 1)},
			}
			if f.limit < 65535 {
				tests = append(tests, struct {
					name string
					in   any
					want string
				}{"string that fills", text(f.limit), "badarg"})
			}
			for _, tt := range tests {
				if got := decoded(t, tt.in, f.decode); got != tt.want {
					t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
				}
			}
		})
	}
}

// strings is what a vector points to.
func (v vector) strings(t *testing.T) []string {
	t.Helper()
	if v == nil {
		return nil
	}
	if v[len(v)-1] != 0 {
		t.Fatal("no null word at the end of a vector")
	}
	list := []string{}
	for _, address := range v[:len(v)-1] {
		n := 0
		for sys.Memory(address, n+1)[n] != 0 {
			n++
		}
		list = append(list, string(sys.Memory(address, n)))
	}
	return list
}

// TestArgv holds vectors to calls.md §2.3.
func TestArgv(t *testing.T) {
	long := strings.Repeat("x", 65534)
	tests := []struct {
		name string
		in   any
		want []string // nil for a null vector
		bad  bool
	}{
		{"null", list{}, nil, false},
		{"null, long form", emptyLong, nil, false},
		{"one", list{str("echo")}, []string{"echo"}, false},
		{"kinds", list{str("a"), []byte("b"), list{int('c'), []byte("d"), list{str("e")}}}, []string{"a", "b", "cde"}, false},
		{"empty elements", list{str(""), []byte{}, list{}}, []string{"", "", ""}, false},
		{"cut at a zero byte", list{[]byte("a\x00b"), str("c")}, []string{"a", "c"}, false},
		{"longest element", list{[]byte(long)}, []string{long}, false},
		{"longest string", list{str(long[1:])}, []string{long[1:]}, false},
		{"element too long", list{[]byte(long + "x")}, nil, true},
		{"string too long", list{str(long)}, nil, true},
		{"string", str("echo"), nil, true},
		{"empty string", str(""), nil, true},
		{"binary", []byte("echo"), nil, true},
		{"atom", atom("echo"), nil, true},
		{"atom inside", list{str("echo"), atom("foo")}, nil, true},
		{"integer inside", list{str("echo"), 1}, nil, true},
		{"improper", dotted{list{str("echo")}, []byte("foo")}, nil, true},
		{"tail missing", raw("6c 00 00 00 01 6d 00 00 00 00"), nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			outcome := decoded(t, tt.in, func(a *args) any {
				got = a.argv().strings(t)
				return "good"
			})
			want := "good"
			if tt.bad {
				want = "badarg"
			}
			if outcome != want {
				t.Fatalf("got %s, want %s", outcome, want)
			}
			if diff := cmp.Diff(tt.want, got); !tt.bad && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTwoVectors of one call stay apart.
func TestTwoVectors(t *testing.T) {
	var a args
	a.begin(append(bytesOf(t, list{str("one"), str("two")}), bytesOf(t, list{str("A=1")})...))
	argv, envp := a.argv(), a.argv()
	if a.failed() {
		t.Fatal("failed")
	}
	if diff := cmp.Diff([][]string{{"one", "two"}, {"A=1"}}, [][]string{argv.strings(t), envp.strings(t)}); diff != "" {
		t.Error(diff)
	}
}

// TestManyElements decodes the most that a message can hold: vectors of 13105 and
// more elements.
func TestManyElements(t *testing.T) {
	const n = 65000
	term := bytesOf(t, raw("6c 00 00 fd e8"))
	term = append(term, bytes.Repeat([]byte{0x6a}, n)...)
	term = append(term, 0x6a)
	var v vector
	if got := decodedBytes(t, term, func(a *args) any { v = a.argv(); return "good" }); got != "good" {
		t.Fatal(got)
	}
	if len(v) != n+1 || v[n] != 0 {
		t.Errorf("%d words", len(v))
	}
}

// TestTerminated: every string that goes to the kernel has its zero byte, also
// right behind an argument that ended in the same place before.
func TestTerminated(t *testing.T) {
	var a args
	a.begin(bytesOf(t, []byte("longer than the next")))
	a.path()
	a.begin(append(bytesOf(t, []byte("one")), bytesOf(t, str("two"))...))
	one, two := a.path(), a.path()
	for i, s := range [][]byte{one, two} {
		if cap(s) != len(s)+1 || s[:len(s)+1][len(s)] != 0 {
			t.Errorf("argument %d: %q without terminator", i, s[:cap(s)])
		}
	}
	if string(one) != "one" || string(two) != "two" {
		t.Errorf("%q, %q", one, two)
	}
}

// TestRecords: rlimit and timeval, tags in exact spelling.
func TestRecords(t *testing.T) {
	limit := func(a *args) any { return a.rlimit() }
	wait := func(a *args) any { return a.timeval() }
	most := uint64(1<<64 - 1)
	tests := []struct {
		name   string
		decode func(*args) any
		in     any
		want   string
	}{
		{"rlimit", limit, tuple{atom("alcove_rlimit"), 0, most}, "{0 18446744073709551615}"},
		{"rlimit, large tuple", limit, raw("69 00 00 00 03 77 0d 616c636f76655f726c696d6974 61 01 61 02"), "{1 2}"},
		{"rlimit, old atom", limit, raw("68 03 64 00 0d 616c636f76655f726c696d6974 61 01 61 02"), "{1 2}"},
		{"rlimit, case", limit, tuple{atom("ALCOVE_RLIMIT"), 0, 0}, "badarg"},
		{"rlimit, negative", limit, tuple{atom("alcove_rlimit"), -1, 1}, "badarg"},
		{"rlimit, 2^64", limit, tuple{atom("alcove_rlimit"), 1, raw("6e 09 00 0000000000000000 01")}, "badarg"},
		{"rlimit, other tag", limit, tuple{atom("rlimit"), 1, 1}, "badarg"},
		{"rlimit, short", limit, tuple{atom("alcove_rlimit"), 1}, "badarg"},
		{"rlimit, long", limit, tuple{atom("alcove_rlimit"), 1, 1, 1}, "badarg"},
		{"rlimit, string", limit, str("\x01\x02"), "badarg"},
		{"rlimit, atom in it", limit, tuple{atom("alcove_rlimit"), atom("a"), 1}, "badarg"},
		{"rlimit, tag is no atom", limit, tuple{[]byte("alcove_rlimit"), 1, 1}, "badarg"},
		{"rlimit, empty list", limit, list{}, "badarg"},
		{"timeval", wait, tuple{atom("alcove_timeval"), 1, -2}, "{1 -2 false}"},
		{"timeval, least", wait, tuple{atom("alcove_timeval"), bigLeast, big63Less},
			"{-9223372036854775808 9223372036854775807 false}"},
		{"timeval, for ever", wait, list{}, "{0 0 true}"},
		{"timeval, other tag", wait, tuple{atom("timeval"), 0, 0}, "badarg"},
		{"timeval, short", wait, tuple{atom("alcove_timeval"), 0}, "badarg"},
		{"timeval, 0", wait, 0, "badarg"},
		{"timeval, infinity", wait, atom("infinity"), "badarg"},
		{"timeval, atom in it", wait, tuple{atom("alcove_timeval"), atom("a"), 0}, "badarg"},
		{"timeval, 2^63", wait, tuple{atom("alcove_timeval"), bigTo63, 0}, "badarg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := decoded(t, tt.in, tt.decode); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestGroups: unsigned in both list forms (D16), the tail of an ordinary list is
// not looked at.
func TestGroups(t *testing.T) {
	tests := []struct {
		name string
		in   any
		want string
	}{
		{"none", list{}, "[]"},
		{"string", str("\x00\x7f\x80\xc8\xff"), "[0 127 128 200 255]"},
		{"list", list{1000, 0, uint64(1<<32 - 1)}, "[1000 0 4294967295]"},
		{"negative", list{-1}, "badarg"},
		{"2^32", list{1 << 32}, "badarg"},
		{"atom inside", list{atom("a")}, "badarg"},
		{"nested", list{list{300}}, "badarg"},
		{"atom", atom("foo"), "badarg"},
		{"integer", 1, "badarg"},
		{"binary", []byte{1, 2}, "badarg"},
		{"tuple", tuple{1, 2}, "badarg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var a args
			a.begin(bytesOf(t, tt.in))
			got := fmt.Sprint(a.groups())
			if a.failed() {
				got = outcomes[a.outcome()]
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	var a args
	a.begin(bytesOf(t, dotted{list{1000}, 2000}))
	if got := a.groups(); a.failed() || len(got) != 1 || got[0] != 1000 {
		t.Errorf("improper list: %v", got)
	}
}

// TestHandlers: what sigaction takes, in exact spelling.
func TestHandlers(t *testing.T) {
	form := func(a *args) any { return a.handler() }
	tests := []struct {
		name string
		in   any
		want string
	}{
		{"ask", list{}, "{true 0}"},
		{"ask with a binary", []byte{}, "{true 0}"},
		{"default", atom("sig_dfl"), "{false 0}"},
		{"ignore", atom("sig_ign"), "{false 1}"},
		{"info", atom("sig_info"), "{false 2}"},
		{"upper case", atom("SIG_IGN"), "badarg"},
		{"other", atom("foo"), "badarg"},
		{"binary", []byte("x"), "badarg"},
		{"string", str("x"), "badarg"},
		{"integer", 1, "badarg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := decoded(t, tt.in, form); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// openAt opens /dev/null on a descriptor number.
func openAt(t *testing.T, number int) {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if fd != number {
		if err := unix.Dup3(fd, number, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	}
	t.Cleanup(func() { unix.Close(number) })
}

// TestSelect follows calls.md §9, call 70. Bytes of a string are unsigned (D16).
func TestSelect(t *testing.T) {
	for _, fd := range []int{100, 130, 200, 1000} {
		openAt(t, fd)
	}
	// The test program's runtime preempts threads with SIGURG, which would interrupt
	// a select that waits.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	urgent := unix.Sigset_t{}
	urgent.Val[0] = 1 << (unix.SIGURG - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &urgent, nil); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_UNBLOCK, &urgent, nil)
	p := newProcess(t)
	now := tuple{atom("alcove_timeval"), 0, 0}
	many := func(n int) list {
		l := list{1000}
		for len(l) < n {
			l = append(l, 100)
		}
		return l
	}
	none := "{ok,[],[],[]}"
	run(t, p, []step{
		{"select", with(list{}, list{}, list{}, now), none},
		{"select", with(emptyLong, emptyLong, emptyLong, now), none},
		{"select", with(str("\x64"), str("\x64"), list{}, list{}), "{ok,[100],[100],[]}"},
		{"select", with(str("\xc8\x82"), list{}, list{}, now), "{ok,[130,200],[],[]}"},
		{"select", with(list{}, list{1000, 200, 130, 100}, list{}, now), "{ok,[],[100,130,200,1000],[]}"},
		{"select", with(list{1000, 1000, 100}, list{}, list{}, now), "{ok,[100,1000],[],[]}"},
		{"select", with(list{}, list{}, list{}, tuple{atom("alcove_timeval"), 0, 1000}), none},
		{"select", with(many(1023), list{}, list{}, now), "{ok,[100,1000],[],[]}"},
		{"select", with(many(1024), list{}, list{}, now), "{error,ebadf}"},
		{"select", with(str(strings.Repeat("\x64", 1023)), list{}, list{}, now), "{ok,[100],[],[]}"},
		{"select", with(str(strings.Repeat("\x64", 1024)), list{}, list{}, now), "{error,ebadf}"},
		{"select", with(list{999}, list{}, list{}, now), "{error,ebadf}"},
		{"select", with(list{}, list{999}, list{}, now), "{error,ebadf}"},
		{"select", with(list{}, list{}, list{999}, now), "{error,ebadf}"},
		{"select", with(list{-1}, list{}, list{}, now), "{error,ebadf}"},
		{"select", with(list{1024}, list{}, list{}, now), "{error,ebadf}"},
		{"select", with(list{atom("x")}, list{}, list{}, now), "{error,ebadf}"},
		{"select", with(atom("x"), list{}, list{}, now), "{error,ebadf}"},
		{"select", with([]byte{100}, list{}, list{}, now), "{error,ebadf}"},
		{"select", with(dotted{list{100}, 100}, list{}, list{}, now), "{error,ebadf}"},
		{"select", with(list{}, list{}, list{}, tuple{atom("alcove_timeval"), -1, 0}), "badarg"},
		{"select", with(list{}, list{}, list{}, tuple{atom("alcove_timeval"), 0, -1}), "badarg"},
		{"select", with(list{}, list{}, list{}, 0), "badarg"},
	})
	// Descriptors come as a chain of one-element lists.
	reply(t, p, "select", list{}, list{1000, 100}, list{}, now)
	want := bytesOf(t, raw("83 68 04 77 02 6f 6b 6a 6c 00 00 00 01 61 64 6c 00 00 00 01 62 00 00 03 e8 6a 6a"))
	if got := p.Reply.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

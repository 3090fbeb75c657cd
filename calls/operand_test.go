package calls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alcove/etf"
	"alcove/internal/sys"
)

// ptr is an element of a structure: a size, or contents.
func ptr(v any) tuple { return tuple{atom("ptr"), v} }

// repeat is a list of n times the element.
func repeat(n int, element any) list {
	l := make(list, n)
	for i := range l {
		l[i] = element
	}
	return l
}

// TestStructForms holds structures to calls.md §2.4: what is taken, and how many
// bytes they are.
func TestStructForms(t *testing.T) {
	tests := []struct {
		name  string
		limit int
		in    any
		want  string // size of the buffer and of all pointees, or badarg
	}{
		{"binary", 65535, list{[]byte{1, 2, 3}}, "3"},
		{"nothing in it", 65535, list{[]byte{}, []byte{}}, "0"},
		{"pointer to zeros", 65535, list{ptr(4)}, "8"},
		{"pointer to contents", 65535, list{ptr([]byte("abc")), make([]byte, 4)}, "12"},
		{"null pointer", 65535, list{ptr(0)}, "8"},
		{"null pointer by contents", 65535, list{ptr([]byte{})}, "8"},
		{"size in 32 bits", 65535, list{ptr(raw("62 00 00 00 04"))}, "8"},
		{"old atom", 65535, list{raw("68 02 64 00 03 707472 61 04")}, "8"},
		{"Latin-1 atom", 65535, list{raw("68 02 73 03 707472 61 04")}, "8"},
		{"1023 elements", 65535, repeat(1023, []byte{7}), "1023"},
		{"1023 pointers", 65535, repeat(1023, ptr(64)), "8184"},
		{"1024 elements", 65535, repeat(1024, []byte{7}), "badarg"},
		{"exactly the limit", 128, list{make([]byte, 120), ptr(1)}, "128"},
		{"a byte over the limit", 128, list{make([]byte, 121), ptr(1)}, "badarg"},
		{"pointees do not count for the limit", 128, list{ptr(60000)}, "8"},
		{"most zeros", 65535, list{ptr(65535)}, "8"},
		{"too many zeros", 65535, list{ptr(65536)}, "badarg"},
		{"zeros and bytes, most", 65535, list{ptr(65534), []byte{1}}, "9"},
		{"zeros and bytes, too many", 65535, list{ptr(65535), []byte{1}}, "badarg"},
		{"two pointees, too many", 65535, list{ptr(40000), ptr(30000)}, "badarg"},
		{"pointee and contents, too many", 65535, list{ptr(make([]byte, 40000)), make([]byte, 25536)}, "badarg"},
		{"pointee and contents, most", 65535, list{ptr(make([]byte, 40000)), make([]byte, 25535)}, "25543"},
		{"largest size", 65535, list{ptr(1<<31 - 1)}, "badarg"},
		{"many large sizes", 65535, repeat(1000, ptr(1<<31-1)), "badarg"},
		{"structure of 65535", 65535, list{make([]byte, 65535)}, "65535"},
		{"structure of 65536", 65535, list{make([]byte, 65536)}, "badarg"},
		{"pointers over the limit", 65535, list{make([]byte, 65528), ptr(0)}, "badarg"},

		{"empty list", 65535, list{}, "badarg"},
		{"empty list, long form", 65535, emptyLong, "badarg"},
		{"string", 65535, str("abc"), "badarg"},
		{"binary alone", 65535, []byte{1}, "badarg"},
		{"atom", 65535, atom("ptr"), "badarg"},
		{"integer", 65535, 1, "badarg"},
		{"negative size", 65535, list{ptr(-1)}, "badarg"},
		{"negative size, then more", 65535, list{ptr(-1), ptr(5)}, "badarg"},
		{"size as big", 65535, list{ptr(smallBig5)}, "badarg"},
		{"string as pointee", 65535, list{ptr(str("abc"))}, "badarg"},
		{"list as pointee", 65535, list{ptr(list{})}, "badarg"},
		{"atom as pointee", 65535, list{ptr(atom("a"))}, "badarg"},
		{"other tag", 65535, list{tuple{atom("foo"), 1}}, "badarg"},
		{"upper case", 65535, list{tuple{atom("PTR"), 1}}, "badarg"},
		{"tag is no atom", 65535, list{tuple{[]byte("ptr"), 1}}, "badarg"},
		{"three elements", 65535, list{tuple{atom("ptr"), 1, 2}}, "badarg"},
		{"one element", 65535, list{tuple{atom("ptr")}}, "badarg"},
		{"large tuple", 65535, list{raw("69 00 00 00 02 77 03 707472 61 04")}, "badarg"},
		{"byte", 65535, list{1, []byte{}}, "badarg"},
		{"nested list", 65535, list{list{[]byte{}}}, "badarg"},
		{"nested string", 65535, list{[]byte{}, str("a")}, "badarg"},
		{"improper", 65535, dotted{list{[]byte{1}}, []byte{2}}, "badarg"},
		{"tail missing", 65535, raw("6c 00 00 00 01 6d 00 00 00 01 41"), "badarg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decoded(t, tt.in, func(a *args) any { return len(structBytes(a.cstruct(tt.limit))) })
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func structBytes(o *operand) []byte {
	if o == nil {
		return nil
	}
	return o.buf
}

// TestStructLayout looks at the memory that the kernel would see.
func TestStructLayout(t *testing.T) {
	var a args
	a.begin(bytesOf(t, list{[]byte{1, 2}, ptr(4), ptr([]byte("abc")), []byte("xyz"), ptr(0), ptr([]byte{})}))
	o := a.cstruct(65535)
	if a.failed() {
		t.Fatal("failed")
	}
	b := sys.Memory(o.value, len(o.buf))
	if !bytes.Equal(b, o.buf) {
		t.Error("the value is not the address of the buffer")
	}
	if o.value%16 != 0 {
		t.Errorf("buffer at %#x is not aligned", o.value)
	}
	word := func(at int) uintptr { return uintptr(binary.LittleEndian.Uint64(b[at:])) }
	if len(b) != 2+8+8+3+8+8 || string(b[:2]) != "\x01\x02" || string(b[18:21]) != "xyz" {
		t.Errorf("buffer %x", b)
	}
	zeros, contents := word(2), word(10)
	if zeros == 0 || zeros%16 != 0 || !bytes.Equal(sys.Memory(zeros, 4), make([]byte, 4)) {
		t.Errorf("zeros at %#x", zeros)
	}
	if contents == 0 || contents%16 != 0 || string(sys.Memory(contents, 3)) != "abc" {
		t.Errorf("contents at %#x", contents)
	}
	if word(21) != 0 || word(29) != 0 {
		t.Errorf("null pointers %#x, %#x", word(21), word(29))
	}
	// Requests may write more than the buffer is long: zeros follow.
	if tail := sys.Memory(o.value, 65535)[len(b):]; !bytes.Equal(tail, make([]byte, len(tail))) {
		t.Error("no zeros behind the buffer")
	}
}

// TestStructIsFresh: nothing of an earlier call shows in the zeros of the next.
func TestStructIsFresh(t *testing.T) {
	var a args
	a.begin(bytesOf(t, list{bytes.Repeat([]byte{0xff}, 60000), ptr(bytes.Repeat([]byte{0xee}, 5000))}))
	if a.cstruct(65535); a.failed() {
		t.Fatal("failed")
	}
	a.begin(bytesOf(t, list{[]byte{1}, ptr(30000)}))
	o := a.cstruct(65535)
	if a.failed() {
		t.Fatal("failed")
	}
	if !bytes.Equal(o.pointees[:30000], make([]byte, 30000)) {
		t.Error("zeroed memory is not zero")
	}
	if !bytes.Equal(sys.Memory(o.value, 65535)[9:], make([]byte, 65535-9)) {
		t.Error("padding is not zero")
	}
}

// TestEcho shows what the kernel wrote, in the shape that was given.
func TestEcho(t *testing.T) {
	p := newProcess(t)
	p.args.begin(bytesOf(t, list{[]byte("ab"), ptr(3), ptr([]byte("xy")), ptr(0), []byte{}}))
	o := p.args.cstruct(65535)
	if p.args.failed() {
		t.Fatal("failed")
	}
	// The kernel fills the buffer in and writes through the first pointer.
	word := binary.LittleEndian.Uint64(o.buf[2:])
	copy(o.buf, "AB")
	copy(sys.Memory(uintptr(word), 3), "123")
	// Memory that a null pointer stands in belongs to the buffer.
	copy(o.buf[18:], "nullnull")
	p.Reply.Reset(100)
	p.Reply.Version()
	p.echo(o)
	want := `["AB",{ptr,"123"},{ptr,"xy"},"nullnull",""]`
	if got := show(p.Reply.Bytes()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Structures go out as counted lists.
	if got := p.Reply.Bytes()[1:6]; !bytes.Equal(got, []byte{byte(etf.List), 0, 0, 0, 5}) {
		t.Errorf("list header %x", got)
	}
}

// TestAlloc follows calls.md §9, call 0.
func TestAlloc(t *testing.T) {
	p := newProcess(t)
	run(t, p, []step{
		{"alloc", with(list{[]byte{1, 2, 3}}), `{ok,"\x01\x02\x03",["\x01\x02\x03"]}`},
		{"alloc", with(list{[]byte{}, []byte{}}), `{ok,"",["",""]}`},
		{"alloc", with(list{ptr([]byte{})}), `{ok,"\x00\x00\x00\x00\x00\x00\x00\x00",["\x00\x00\x00\x00\x00\x00\x00\x00"]}`},
		{"alloc", with(list{ptr(0)}), `{ok,"\x00\x00\x00\x00\x00\x00\x00\x00",["\x00\x00\x00\x00\x00\x00\x00\x00"]}`},
		{"alloc", with(list{}), "badarg"},
		{"alloc", with(str("abc")), "badarg"},
		{"alloc", with([]byte{1}), "badarg"},
		{"alloc", with(list{ptr(65535)}), "oversized"},
		{"alloc", with(list{ptr(65536)}), "badarg"},
	})
	got := reply(t, p, "alloc", list{[]byte{1, 2}, ptr(4)})
	if !strings.HasPrefix(got, `{ok,"\x01\x02`) || !strings.HasSuffix(got, `,["\x01\x02",{ptr,"\x00\x00\x00\x00"}]}`) {
		t.Errorf("got %s", got)
	}
}

// TestOperandForms: what prctl, ptrace and ioctl take besides structures (calls.md
// §9, calls 43, 59 and 62).
func TestOperandForms(t *testing.T) {
	forms := []struct {
		name   string
		decode func(*args) *operand
	}{
		{"prctl", (*args).prctlArg},
		{"ptrace", (*args).ptraceArg},
		{"ioctl", (*args).ioctlArg},
	}
	tests := []struct {
		name string
		in   any
		want [3]string
	}{
		{"zero", 0, [3]string{"value 0", "value 0", "value 0"}},
		{"2^31-1", 1<<31 - 1, [3]string{"value 2147483647", "value 2147483647", "value 2147483647"}},
		{"negative", -1, [3]string{"badarg", "badarg", "value 4294967295"}},
		{"2^31", 1 << 31, [3]string{"badarg", "badarg", "badarg"}},
		{"big", smallBig5, [3]string{"badarg", "badarg", "badarg"}},
		{"empty list", list{}, [3]string{"value 0", "badarg", "badarg"}},
		{"name", atom("pr_set_name"), [3]string{"value 15", "badarg", "badarg"}},
		{"name in upper case", atom("PR_SET_NAME"), [3]string{"value 15", "badarg", "badarg"}},
		{"name of a filter result", atom("seccomp_ret_allow"), [3]string{"value 2147418112", "badarg", "badarg"}},
		{"name above 2^31-1", atom("seccomp_ret_kill_process"), [3]string{"badarg", "badarg", "badarg"}},
		{"name of -1", atom("pr_set_ptracer_any"), [3]string{"badarg", "badarg", "badarg"}},
		{"unknown name", atom("pr_foo"), [3]string{"enotsup", "badarg", "badarg"}},
		{"ptrace option", atom("ptrace_o_tracefork"), [3]string{"enotsup", "badarg", "badarg"}},
		{"string", str("abc"), [3]string{"badarg", "badarg", "badarg"}},
		{"tuple", tuple{1}, [3]string{"badarg", "badarg", "badarg"}},
		{"binary", []byte("abc"), [3]string{"memory 3", "memory 3", "memory 3"}},
		{"empty binary", []byte{}, [3]string{"memory 0", "memory 0", "memory 0"}},
		{"longest binary", make([]byte, 65535), [3]string{"memory 65535", "memory 65535", "memory 65535"}},
		{"binary too long", make([]byte, 65536), [3]string{"badarg", "badarg", "badarg"}},
		{"structure", list{[]byte("abc"), ptr(9)}, [3]string{"structure 11", "structure 11", "structure 11"}},
		{"broken structure", list{[]byte("abc"), 9}, [3]string{"badarg", "badarg", "badarg"}},
	}
	for _, tt := range tests {
		for i, form := range forms {
			t.Run(form.name+" "+tt.name, func(t *testing.T) {
				got := decoded(t, tt.in, func(a *args) any { return describe(t, form.decode(a)) })
				if got != tt.want[i] {
					t.Errorf("got %s, want %s", got, tt.want[i])
				}
			})
		}
	}
}

func describe(t *testing.T, o *operand) string {
	t.Helper()
	switch {
	case o == nil:
		return "nothing"
	case o.kind == number:
		return fmt.Sprint("value ", o.value)
	}
	if got := sys.Memory(o.value, len(o.buf)); !bytes.Equal(got, o.buf) {
		t.Errorf("the value is not the address of the buffer")
	}
	if o.kind == memory {
		return fmt.Sprint("memory ", len(o.buf))
	}
	return fmt.Sprint("structure ", len(o.buf))
}

// TestFourStructures of the largest size fit beside each other, and the arguments
// do not shift (D20).
func TestFourStructures(t *testing.T) {
	s := list{bytes.Repeat([]byte{1}, 100), ptr(65000)}
	for range 300 {
		s = append(s, ptr(1))
	}
	term := bytesOf(t, s)
	var a args
	a.begin(bytes.Repeat(term, 4))
	seen := map[uintptr]bool{}
	var operands []*operand
	for range 4 {
		o := a.prctlArg()
		if a.failed() {
			t.Fatal("failed")
		}
		operands = append(operands, o)
		seen[o.value] = true
	}
	if len(seen) != 4 || len(a.d.Rest()) != 0 {
		t.Errorf("%d places, %d bytes left", len(seen), len(a.d.Rest()))
	}
	for i, o := range operands {
		for j := range o.buf[:100] {
			o.buf[j] = byte(i)
		}
	}
	for i, o := range operands {
		if diff := cmp.Diff(bytes.Repeat([]byte{byte(i)}, 100), o.buf[:100]); diff != "" {
			t.Errorf("structure %d: %s", i, diff)
		}
	}
}

// TestPrctlArguments: a structure in front does not shift the others (D20).
func TestPrctlArguments(t *testing.T) {
	p := newProcess(t)
	got := reply(t, p, "prctl", atom("pr_get_name"), list{make([]byte, 16)}, 1, 2, 3)
	if !strings.HasPrefix(got, `{ok,0,["`) || !strings.HasSuffix(got, `"],1,2,3}`) {
		t.Errorf("got %s", got)
	}
	run(t, p, []step{
		{"prctl", with(atom("pr_get_dumpable"), atom("pr_set_name"), list{}, 0, []byte("x")), `{ok,1,15,0,0,"x"}`},
		{"prctl", with(9999, 0, 0, 0, 0), "{error,einval}"},
		{"prctl", with(-1, 0, 0, 0, 0), "{error,einval}"},
		{"prctl", with(atom("pr_set_ptracer_any"), 0, 0, 0, 0), "{error,einval}"},
		{"prctl", with(1<<31, 0, 0, 0, 0), "badarg"},
	})
}

// TestEmptyAddress: connect takes the empty list for a null address.
func TestEmptyAddress(t *testing.T) {
	p := newProcess(t)
	run(t, p, []step{
		{"connect", with(99999, list{}), "{error,ebadf}"},
		{"connect", with(99999, list{[]byte{}}), "{error,ebadf}"},
		{"connect", with(99999, list{make([]byte, 128)}), "{error,ebadf}"},
		{"connect", with(99999, list{make([]byte, 129)}), "badarg"},
		{"connect", with(99999, []byte{2, 0}), "badarg"},
		{"connect", with(99999, str("abc")), "badarg"},
		{"connect", with(atom("x"), list{}), "badarg"},
	})
}

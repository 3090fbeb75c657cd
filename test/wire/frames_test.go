package wire

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"alcove/internal/porttest"
)

const (
	badarg = "badarg"
	undef  = "undef"
)

// replyLimit is R(d) of wire.md: what a reply term may take at a depth.
func replyLimit(depth int) int { return 65535 - 8*(depth+1) }

func getpidFrame() []byte { return porttest.Request("getpid") }

// W15 getpid reply equals the pid under the 28-bit integer rule.
func TestW15(t *testing.T) {
	p := start(t, Opts{})
	eq(t, "getpid of the port", p.Call(nil, "getpid"), fmt.Sprint(p.Pid))
	c := p.Fork(nil)
	eq(t, "getpid of a child", p.Call(c, "getpid"), fmt.Sprint(c[0]))
	p.EndsWith(0)
}

// W16 Reply through k pids has k proxy headers, outermost pid first.
func TestW16(t *testing.T) {
	p := start(t, Opts{})
	var path Path
	for k := 1; k <= 16; k++ {
		path = p.Fork(path)
		p.Send(path, getpidFrame())
		f := p.Next(path)
		want := append([]byte{0, 10, 0, 4, 0x83, 0x62}, pid4(path[k-1])...)
		want[1] = 8
		for i := k - 1; i >= 0; i-- {
			head := []byte{0, byte(6 + len(want)), 0, 3}
			want = append(append(head, pid4(path[i])...), want...)
		}
		if !bytes.Equal(f.Outer, want) {
			t.Errorf("depth %d: got % x\nwant % x", k, f.Outer, want)
		}
	}
	p.EndsWith(0)
}

func pid4(pid int) []byte {
	return []byte{byte(pid >> 24), byte(pid >> 16), byte(pid >> 8), byte(pid)}
}

// W17 Number >= 100, bad version, non-tuple, wrong arity → bare badarg.
func TestW17(t *testing.T) {
	p := start(t, Opts{})
	for _, c := range []struct {
		number int
		args   []byte
	}{
		{100, []byte{0x83, 0x68, 0}},
		{65535, []byte{0x83, 0x68, 0}},
		{97, []byte{0x82, 0x68, 0}},
		{97, []byte{0x83, 0x6a}},
		{97, []byte{0x83, 0x77, 1, 'x'}},
		{97, []byte{0x83, 0x68, 1, 0x6a}},
		{97, []byte{0x83, 0x69, 0, 0, 0, 1, 0x6a}},
		{36, []byte{0x83}},
		{49, []byte{0x83, 0x68, 1, 0x61, 1}},
	} {
		p.Write(porttest.CallFrame(c.number, c.args))
		eq(t, fmt.Sprintf("call %d with % x", c.number, c.args), p.Reply(nil), badarg)
	}
	p.Write(porttest.CallFrame(97, []byte{0x83, 0x69, 0, 0, 0, 0}))
	eq(t, "large tuple header", p.Reply(nil), `<<"1.0.1">>`)
	p.EndsWith(0)
}

// W18 Filtered call → bare undef even with garbage arguments.
func TestW18(t *testing.T) {
	p := start(t, Opts{})
	p.Want(nil, nil, `filter(<<0,0,0,0,16>>, <<>>)`, `ok`)
	for _, args := range [][]byte{{0x83, 0x68, 0}, {0x83}, {0, 1, 2, 3}, {0x83, 0x68, 9}} {
		p.Write(porttest.CallFrame(36, args))
		eq(t, fmt.Sprintf("filtered getpid with % x", args), p.Reply(nil), undef)
	}
	p.Write(porttest.CallFrame(100+36, []byte{0x83, 0x68, 0}))
	eq(t, "no such call", p.Reply(nil), badarg)
	p.EndsWith(0)
}

// W19 Trailing bytes after the tuple are ignored; L=65535 is accepted.
func TestW19(t *testing.T) {
	p := start(t, Opts{})
	for _, extra := range []int{1, 2, 100, 65535 - 4 - 3} {
		p.Write(porttest.CallFrame(97, append([]byte{0x83, 0x68, 0}, make([]byte, extra)...)))
		eq(t, fmt.Sprintf("%d bytes behind the tuple", extra), p.Reply(nil), `<<"1.0.1">>`)
	}
	p.EndsWith(0)
}

func badpid(pid int) []byte {
	return append(append([]byte{0, 0x13, 0, 3}, pid4(pid)...),
		0, 0x0b, 0, 6, 0x83, 0x77, 6, 'b', 'a', 'd', 'p', 'i', 'd')
}

// W20 L=0 → badpid frame for pid 0, process alive.
func TestW20(t *testing.T) {
	p := start(t, Opts{})
	for _, in := range [][]byte{{0, 0}, {0, 1, 0}} {
		p.Write(in)
		if f := p.NextAny(); !bytes.Equal(f.Outer, badpid(0)) {
			t.Errorf("% x answered % x, want % x", in, f.Outer, badpid(0))
		}
	}
	p.Want(nil, nil, `version()`, `<<"1.0.1">>`)
	p.EndsWith(0)
}

// W21 Types 1-3, 5-7, 8, 65535 → exit 0; call with L <= 4 → exit 0.
func TestW21(t *testing.T) {
	inputs := [][]byte{
		{0, 2, 0, 4}, {0, 3, 0, 4, 0}, {0, 4, 0, 4, 0, 97}, {0, 1, 5},
		{0, 2, 0, 0}, {0, 5, 0, 0, 0, 0, 0},
	}
	for _, typ := range []int{1, 2, 3, 5, 6, 7, 8, 256, 1024, 65535} {
		inputs = append(inputs, []byte{0, 7, byte(typ >> 8), byte(typ), 0, 97, 0x83, 0x68, 0})
	}
	for _, in := range inputs {
		p := start(t, Opts{})
		p.Write(in)
		if ws := p.Wait(); porttest.ExitText(ws) != "exit 0" {
			t.Errorf("% x: %s, want exit 0", in, porttest.ExitText(ws))
		}
		p.Quiet(0)
	}
	p := start(t, Opts{})
	p.Write([]byte{0, 5, 0, 4, 0, 97, 0x83})
	eq(t, "call with one argument byte", p.Reply(nil), badarg)
}

// W22 End of file mid-length and mid-body → exit 0.
func TestW22(t *testing.T) {
	for _, in := range [][]byte{{}, {0}, {0, 7}, {0, 7, 0}, {0, 7, 0, 4, 0, 97, 0x83, 0x68}} {
		p := start(t, Opts{})
		p.Write(in)
		if ws := p.End(); porttest.ExitText(ws) != "exit 0" {
			t.Errorf("end of file after % x: %s, want exit 0", in, porttest.ExitText(ws))
		}
	}
}

// W23 pid 0, -1, unknown → badpid frame echoing the pid; nested in the right proxy.
func TestW23(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	for _, pid := range []int{0, -1, 1, p.Pid, 2147483647, -2147483648} {
		p.Send(Path{pid}, []byte("data"))
		if f := p.NextAny(); !bytes.Equal(f.Outer, badpid(pid)) {
			t.Errorf("pid %d answered % x, want % x", pid, f.Outer, badpid(pid))
		}
		p.Send(c.Child(pid), getpidFrame())
		eq(t, fmt.Sprintf("pid %d below a child", pid), p.Ctl(c.Child(pid)), "badpid")
	}
	p.EndsWith(0)
}

// W24 1000 calls then end of file: 1000 replies, exit 0.
func TestW24(t *testing.T) {
	p := start(t, Opts{})
	p.Write(bytes.Repeat(getpidFrame(), 1000))
	p.CloseStdin()
	for range 1000 {
		eq(t, "pipelined getpid", p.Reply(nil), fmt.Sprint(p.Pid))
	}
	p.EndsWith(0)
}

// W25 iolist_to_bin at depth 0: 65521 bytes fit (frame 65531), 65522 → badarg.
func TestW25(t *testing.T) {
	p := start(t, Opts{})
	var path Path
	for depth := range 4 {
		most := replyLimit(depth) - 6
		p.Send(path, porttest.Request("iolist_to_bin", Bin(make([]byte, most))))
		if f := p.Next(path); len(f.Payload) != replyLimit(depth) || len(f.Outer) != 65531 {
			t.Errorf("depth %d: %d bytes gave a term of %d in a frame of %d", depth, most, len(f.Payload), len(f.Outer))
		}
		eq(t, fmt.Sprintf("%d bytes at depth %d", most+1, depth), p.Call(path, "iolist_to_bin", Bin(make([]byte, most+1))), badarg)
		path = p.Fork(path)
	}
	p.EndsWith(0)
}

// W26 read at depth 0: 65515 fits, 65516 → exit 111; at depth d limit is R(d)-12.
func TestW26(t *testing.T) {
	p := start(t, Opts{})
	p.Want(nil, nil, `open("/dev/zero", [o_rdonly], 0)`, `{ok,6}`)
	var path Path
	for depth := 1; depth <= 3; depth++ {
		path = p.Fork(path)
		most := replyLimit(depth) - 12
		eq(t, fmt.Sprintf("read of %d bytes at depth %d", most, depth), p.Call(path, "read", 6, most), "{ok,_}")
		victim := p.Fork(path[:depth-1])
		p.Go(victim, "read", 6, most+1)
		gone(t, p, victim, exitStatus(111))
	}
	most := replyLimit(0) - 12
	if got := p.Call(nil, "read", 6, most).(Tuple)[1].(Bin); len(got) != most {
		t.Errorf("read of %d bytes gave %d", most, len(got))
	}
	p.Go(nil, "read", 6, most+1)
	if ws := p.Wait(); porttest.ExitText(ws) != "exit 111" {
		t.Errorf("read of %d bytes: %s, want exit 111", most+1, porttest.ExitText(ws))
	}
}

// W27 stdin data of 0 bytes: silence.
func TestW27(t *testing.T) {
	p := start(t, Opts{})
	c, cat := p.Fork(nil), p.Fork(nil)
	p.Exec(cat, "cat")
	for _, path := range []Path{c, cat, c} {
		p.Send(path, nil)
	}
	p.Want(c, nil, `version()`, `<<"1.0.1">>`)
	p.Send(cat, []byte("x"))
	if got := p.Output(cat, porttest.TypeStdout, 1); string(got) != "x" {
		t.Errorf("cat gave %q", got)
	}
	p.Quiet(moment)
	p.EndsWith(0)
}

// W28 Full pipe: pipe frame with count taken; then 0.
func TestW28(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Exec(c, "sleep", "60")
	for range 6 {
		p.Send(c, make([]byte, 10000))
	}
	p.Quiet(moment)
	p.Send(c, make([]byte, 10000))
	if f := p.Next(c); !bytes.Equal(f.Payload, []byte{0x83, 0x62, 0, 0, 0x10, 0}) || f.Type != porttest.TypePipe {
		t.Errorf("seventh write answered %v, want pipe 4096", f)
	}
	p.Send(c, make([]byte, 10000))
	want := append(append([]byte{0, 0x0d, 0, 3}, pid4(c[0])...), 0, 5, 0, 7, 0x83, 0x61, 0)
	if f := p.Next(c); !bytes.Equal(f.Outer, want) {
		t.Errorf("write to a full pipe answered % x, want % x", f.Outer, want)
	}
	p.Send(c, nil)
	p.Quiet(moment)
	p.EndsWith(0)
}

// W29 Closed reader: only {signal,sigpipe,_} from the writer.
func TestW29(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	shell(p, c, "exec <&-; echo; exec sleep 60")
	p.Output(c, porttest.TypeStdout, 1)
	p.Send(c, []byte("x"))
	signalEvent(t, p, nil, "sigpipe")
	p.Want(nil, nil, `sigaction(sigpipe, sig_ign)`, `{ok,sig_info}`)
	p.Send(c, []byte("x"))
	p.Quiet(moment)
	p.EndsWith(0)
}

// W30 After close of the child's stdin number: stdin data gives no frame.
func TestW30(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	shell(p, c, "cat; echo end; exec sleep 60")
	_, in, _, _ := fdsOf(p, c)
	eq(t, "close", p.Call(nil, "close", in), "ok")
	if got := p.Output(c, porttest.TypeStdout, 4); string(got) != "end\n" {
		t.Errorf("the child saw %q", got)
	}
	p.Send(c, []byte("lost"))
	p.Quiet(moment)
	eq(t, "second close", p.Call(nil, "close", in), "{error,ebadf}")
	p.EndsWith(0)
}

// W31 Stream chunk maximum R(d); frame at Erlang at most 65535 bytes.
func TestW31(t *testing.T) {
	p := start(t, Opts{})
	var path Path
	for depth := range 3 {
		p.Want(path, nil, `setopt(flowcontrol, 0)`, `true`)
		c := p.Fork(path)
		shell(p, c, "head -c 65536 /dev/zero; exec sleep 60")
		pid := hostPid(p, c)
		if !porttest.Eventually(func() bool { return porttest.Status(pid)["Name"] == "sleep" }) {
			p.Fatalf("the child does not get its output written")
		}
		p.Call(path, "setcpid", c[depth], Atom("flowcontrol"), 1)
		f := p.Next(c)
		if len(f.Payload) != replyLimit(depth) || len(f.Outer) != 65535 {
			t.Errorf("depth %d: chunk of %d in a frame of %d, want %d in 65535", depth, len(f.Payload), len(f.Outer), replyLimit(depth))
		}
		p.Call(path, "kill", c[depth], 9)
		f = p.Next(c)
		if f.Type == porttest.TypeStdout {
			f = p.Next(c)
		}
		p.Want(path, nil, `setopt(flowcontrol, -1)`, `true`)
		path = p.Fork(path)
	}
	p.CloseStdin()
	p.Wait()
}

// W32 stderr of a control-process child arrives as type 2.
func TestW32(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	d := p.Fork(c)
	for _, path := range []Path{c, d} {
		p.Go(path, "write", 2, Bin("oops"))
		for _, typ := range []int{p.Next(path).Type, p.Next(path).Type} {
			if typ != porttest.TypeStderr && typ != porttest.TypeCall {
				t.Errorf("%v: frame type %d", path, typ)
			}
		}
		p.Go(path, "write", 2, Bin("again"))
		a, b := p.Next(path), p.Next(path)
		if a.Type == porttest.TypeCall {
			a, b = b, a
		}
		want := append(append([]byte{0, 11, 0, 2}, pid4(path[len(path)-1])...), "again"...)
		if !bytes.HasSuffix(a.Outer, want) || b.Type != porttest.TypeCall {
			t.Errorf("%v: stderr arrived as % x, want it to end with % x", path, a.Outer, want)
		}
	}
	p.EndsWith(0)
}

// A frame that arrives in pieces is answered once it is whole (§3.5).
func TestFramesInPieces(t *testing.T) {
	p := start(t, Opts{})
	frame := getpidFrame()
	for i := 1; i < len(frame); i++ {
		p.Write(frame[:i])
		time.Sleep(2 * time.Millisecond)
		p.Write(frame[i:])
		eq(t, fmt.Sprintf("cut at %d", i), p.Reply(nil), fmt.Sprint(p.Pid))
	}
	p.EndsWith(0)
}

// An exec'd program finds the byte behind the exec call's frame on its stdin,
// never less (§3.5: reads take one frame).
func TestExecLeavesInput(t *testing.T) {
	porttest.NeedNative(t, "executes a program of the machine in the port itself")
	p := start(t, Opts{})
	p.Unframed()
	p.Write(append(porttest.Request("execvp", Bin("cat"), List{Bin("cat")}), "rest of the input"...))
	if got := string(p.Raw(17)); got != "rest of the input" {
		t.Errorf("the program read %q", got)
	}
	p.CloseStdin()
	if ws := p.Wait(); ws != syscall.WaitStatus(0) {
		t.Errorf("cat ended with %s", porttest.ExitText(ws))
	}
}

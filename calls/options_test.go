package calls

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"alcove/internal/child"
)

// withOpenFiles runs f under a soft limit of open files.
func withOpenFiles(t *testing.T, soft uint64, f func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if old.Max < soft {
		t.Skipf("needs a hard limit of %d open files, has %d", soft, old.Max)
	}
	set := func(cur uint64) {
		t.Helper()
		limit := unix.Rlimit{Cur: cur, Max: old.Max}
		if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
			t.Fatal(err)
		}
	}
	set(soft)
	defer set(old.Cur)
	f()
}

// TestOptions follows calls.md §9, calls 34 and 77.
func TestOptions(t *testing.T) {
	p := newProcess(t)
	if errno := p.Children.Resize(64); errno != 0 {
		t.Fatal(errno)
	}
	get := func(name, want string) step { return step{"getopt", with(atom(name)), want} }
	set := func(name string, v any, want string) step { return step{"setopt", with(atom(name), v), want} }
	run(t, p, []step{
		get("exit_status", "1"), get("termsig", "1"),
		get("stdin_closed", "0"), get("stdout_closed", "0"), get("stderr_closed", "0"),
		get("flowcontrol", "-1"), get("signaloneof", "15"), get("maxchild", "64"), get("maxforkdepth", "16"),
		get("foo", "false"), get("EXIT_STATUS", "false"), get("", "false"),
		{"getopt", with(str("x")), "badarg"},
		{"getopt", with(1), "badarg"},

		set("flowcontrol", 5, "true"), get("flowcontrol", "5"),
		set("flowcontrol", -5, "true"), get("flowcontrol", "-1"),
		set("flowcontrol", 0, "true"), get("flowcontrol", "0"),
		set("flowcontrol", 1<<31-1, "true"), get("flowcontrol", "2147483647"),
		set("flowcontrol", 1<<31, "badarg"), get("flowcontrol", "2147483647"),
		set("flowcontrol", -1<<31, "true"), get("flowcontrol", "-1"),
		set("signaloneof", 1000, "true"), get("signaloneof", "255"),
		set("signaloneof", 0, "true"), get("signaloneof", "0"),
		set("signaloneof", -1, "badarg"), get("signaloneof", "0"),
		set("maxforkdepth", 1000, "true"), get("maxforkdepth", "255"),
		set("maxforkdepth", 3, "true"), get("maxforkdepth", "3"),
		set("maxforkdepth", -1, "badarg"), get("maxforkdepth", "3"),
		set("foo", 1, "false"), set("foo", -1, "badarg"), set("foo", atom("bar"), "badarg"),
		set("Flowcontrol", 1, "false"), set("maxchild", float, "badarg"),
		{"setopt", with(str("x"), 1), "badarg"},
		{"getopt", with(atom("termsig\x00x")), "1"},
	})
	for _, name := range []string{"exit_status", "termsig", "stdin_closed", "stdout_closed", "stderr_closed"} {
		run(t, p, []step{
			set(name, 7, "true"), get(name, "1"),
			set(name, 0, "true"), get(name, "0"),
			set(name, -1, "badarg"), get(name, "0"),
			set(name, 1, "true"), get(name, "1"),
		})
	}
}

// TestMaxchild: as many children as the limit of open files leaves room for, and
// not fewer than there are.
func TestMaxchild(t *testing.T) {
	p := newProcess(t)
	set := func(v int, want string) step { return step{"setopt", with(atom("maxchild"), v), want} }
	get := func(want string) step { return step{"getopt", with(atom("maxchild")), want} }
	withOpenFiles(t, 64, func() {
		run(t, p, []step{
			set(9, "true"), get("9"), set(10, "false"), get("9"), set(100000, "false"),
			set(0, "true"), get("0"), {"fork", nil, "{error,eagain}"},
			set(8, "true"), get("8"),
		})
	})
}

// addChild enters a process that does not exist, with four descriptors from fd.
func addChild(p *Process, pid, fd int32) {
	p.Children.Add(child.Slot{Pid: pid, Flow: -1, SignalOneOf: 15,
		Ctl: fd, Stdin: fd + 1, Stdout: fd + 2, Stderr: fd + 3})
}

// TestShrinkingKeepsChildren: they move to lower slots (D18), and fewer slots than
// children are refused.
func TestShrinkingKeepsChildren(t *testing.T) {
	p := newProcess(t)
	for i := range int32(3) {
		addChild(p, 1000+i, 7+4*i)
	}
	p.Children.Release(p.Children.Find(1000))
	run(t, p, []step{
		{"setopt", with(atom("maxchild"), 1), "false"},
		{"getopt", with(atom("maxchild")), "8"},
		{"setopt", with(atom("maxchild"), 2), "true"},
		{"getopt", with(atom("maxchild")), "2"},
		{"cpid", nil, "[{alcove_pid,1002,-1,15,15,16,17,18},{alcove_pid,1001,-1,15,11,12,13,14}]"},
		{"fork", nil, "{error,eagain}"},
		{"clone", with(list{}), "{error,eagain}"},
	})
}

// TestLimitOfOpenFiles follows calls.md §9, call 83: the limit stays above what
// children need, and the table within the limit. It is compared unsigned (D32).
func TestLimitOfOpenFiles(t *testing.T) {
	p := newProcess(t)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	limit := func(cur uint64) tuple { return tuple{atom("alcove_rlimit"), cur, old.Max} }
	nofile := atom("rlimit_nofile")
	withOpenFiles(t, old.Cur, func() {
		run(t, p, []step{
			{"setrlimit", with(nofile, limit(5)), "{error,einval}"},
			{"setrlimit", with(nofile, limit(64)), "ok"},
			{"getopt", with(atom("maxchild")), "8"},
			{"setrlimit", with(nofile, limit(32)), "ok"},
			{"getopt", with(atom("maxchild")), "4"},
			{"setrlimit", with(7, limit(64)), "ok"},
			{"getopt", with(atom("maxchild")), "4"},
		})
		addChild(p, 1000, 7)
		addChild(p, 1001, 11)
		run(t, p, []step{
			{"setrlimit", with(nofile, limit(13)), "{error,einval}"},
			{"setrlimit", with(nofile, limit(17)), "{error,einval}"},
			{"setrlimit", with(nofile, limit(18)), "ok"},
			{"getopt", with(atom("maxchild")), "2"},
			{"fork", nil, "{error,eagain}"},
		})
		p.Children.Find(1001).Stderr = 40
		run(t, p, []step{
			{"setrlimit", with(nofile, limit(39)), "{error,einval}"},
			{"setrlimit", with(nofile, limit(40)), "ok"},
			// Not negative: refused by the kernel, above the hard limit.
			{"setrlimit", with(nofile, tuple{atom("alcove_rlimit"), uint64(1<<64 - 1), uint64(1)}), "{error,einval}"},
		})
	})
	run(t, newProcess(t), []step{
		{"setrlimit", with(atom("rlimit_core"), tuple{atom("alcove_rlimit"), 2, 1}), "{error,einval}"},
		{"setrlimit", with(99, tuple{atom("alcove_rlimit"), 0, 0}), "{error,einval}"},
		{"setrlimit", with(atom("rlimit_core"), tuple{atom("rlimit"), 1, 1}), "badarg"},
		{"getrlimit", with(99), "{error,einval}"},
		{"getrlimit", with(-1), "{error,einval}"},
		{"getrlimit", with(atom("rlimit_foo")), "{error,enotsup}"},
		{"getrlimit", with(str("x")), "badarg"},
		{"getrlimit", with(1 << 31), "badarg"},
	})
}

// TestChildTable follows calls.md §9, calls 17 and 71.
func TestChildTable(t *testing.T) {
	p := newProcess(t)
	set := func(pid any, name string, v any, want string) step {
		return step{"setcpid", with(pid, atom(name), v), want}
	}
	run(t, p, []step{{"cpid", nil, "[]"}, {"cpid", with(atom("x")), "badarg"}})
	addChild(p, 5451, 7)
	p.Children.Find(5451).Stdin, p.Children.Find(5451).Stdout, p.Children.Find(5451).Stderr = 9, 10, 12
	run(t, p, []step{{"cpid", nil, "[{alcove_pid,5451,-1,15,7,9,10,12}]"}})
	// The bytes of wire.md §4.9.
	want := bytesOf(t, raw("83 6c 00 00 00 01 68 08 77 0a 61 6c 63 6f 76 65 5f 70 69 64"+
		"62 00 00 15 4b 62 ff ff ff ff 61 0f 61 07 61 09 61 0a 61 0c 6a"))
	if got := p.Reply.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	addChild(p, 5452, 13)
	p.Children.Find(5452).Ctl = child.Execed
	run(t, p, []step{
		set(5451, "flowcontrol", 3, "true"),
		set(5452, "flowcontrol", -7, "true"),
		set(5451, "signaloneof", 9, "true"),
		set(5452, "signaloneof", 300, "true"),
		{"cpid", nil, "[{alcove_pid,5451,3,9,7,9,10,12},{alcove_pid,5452,-1,255,-2,14,15,16}]"},
		set(99999999, "flowcontrol", 1, "true"),
		set(0, "flowcontrol", 1, "true"),
		set(0, "signaloneof", 1, "true"),
		set(5451, "foo", 1, "false"),
		set(5451, "fdctl", 1, "false"),
		set(5451, "FLOWCONTROL", 1, "false"),
		set(5451, "foo", -1, "badarg"),
		set(5451, "signaloneof", -1, "badarg"),
		set(-1, "flowcontrol", 1, "badarg"),
		{"setcpid", with(5451, str("x"), 1), "badarg"},
		set(5451, "flowcontrol", atom("x"), "badarg"),
		set(1<<32, "signaloneof", 1, "badarg"),
		{"cpid", nil, "[{alcove_pid,5451,3,9,7,9,10,12},{alcove_pid,5452,-1,255,-2,14,15,16}]"},
	})
}

// TestTooManyChildren for the reply of cpid: 1170 fit into that of the port.
func TestTooManyChildren(t *testing.T) {
	p := newProcess(t)
	if errno := p.Children.Resize(1171); errno != 0 {
		t.Fatal(errno)
	}
	for i := range int32(1170) {
		addChild(p, 1000+i, 7)
	}
	if got := reply(t, p, "cpid"); len(got) < 1170*30 {
		t.Errorf("1170 children: %.40s", got)
	}
	addChild(p, 9999, 7)
	if got := reply(t, p, "cpid"); got != "badarg" {
		t.Errorf("1171 children: %.40s", got)
	}
}

// TestForkRefusals: depth and table are looked at before the arguments make a
// difference (calls.md §9, calls 13 and 28).
func TestForkRefusals(t *testing.T) {
	p := newProcess(t)
	run(t, p, []step{
		{"setopt", with(atom("maxforkdepth"), 0), "true"},
		{"fork", nil, "{error,eagain}"},
		{"fork", with(1), "badarg"},
		{"clone", with(list{atom("bogus")}), "{error,eagain}"},
		{"setopt", with(atom("maxforkdepth"), 16), "true"},
		{"clone", with(list{atom("clone_foo")}), "{error,enotsup}"},
		{"clone", with(atom("clone_newuts")), "badarg"},
		{"clone", with(1 << 31), "badarg"},
		{"clone", with(-1), "{error,einval}"},
		// Memory, descriptors or threads shared (D19), the exit signal (D33).
		{"clone", with(0x100), "{error,einval}"},
		{"clone", with(0x200), "{error,einval}"},
		{"clone", with(0x400), "{error,einval}"},
		{"clone", with(0x10000), "{error,einval}"},
		{"clone", with(300), "{error,einval}"},
		{"clone", with(list{atom("clone_newtime")}), "{error,einval}"},
		{"setopt", with(atom("maxchild"), 0), "true"},
		{"fork", nil, "{error,eagain}"},
		{"clone", with(list{str("x")}), "{error,eagain}"},
	})
	p.Depth = 16
	run(t, p, []step{{"setopt", with(atom("maxchild"), 1), "true"}, {"fork", nil, "{error,eagain}"}})
}

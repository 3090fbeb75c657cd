package wire

import (
	"fmt"
	"testing"

	"alcove/internal/porttest"
)

// Ids, groups, sessions, priorities.
func TestCallsIDs(t *testing.T) {
	groups(t, []group{
		{name: "31 getgid, 38 getresgid, 81 setresgid", needs: "root", list: join([]example{
			{`getgid()`, `0`}, {`getgid(x)`, badarg}, {`getresgid(x)`, badarg}, {`setresgid(1, 2, 3)`, `ok`}, {`getgid()`, `1`}, {`getresgid()`, `{ok,1,2,3}`},
			{`setresgid(16#ffffffff, 16#ffffffff, 16#ffffffff)`, `ok`}, {`getresgid()`, `{ok,1,2,3}`},
			{`setresgid(-1, 0, 0)`, badarg}, {`setresgid(a, 0, 0)`, badarg}, {`setresgid(0, 16#100000000, 0)`, badarg},
		}, nobody, []example{{`setresgid(0, 0, 0)`, `{error,eperm}`}})},
		{name: "32 getgroups, 74 setgroups", needs: "root", list: join([]example{
			{`setgroups([])`, `ok`}, {`getgroups()`, `{ok,[]}`}, {`setgroups([1000,1001,1002])`, `ok`}, {`getgroups()`, `{ok,[1002,1001,1000]}`},
			{`setgroups([5,5,5])`, `ok`}, {`getgroups()`, `{ok,[5,5,5]}`}, {`setgroups([0])`, `ok`},
			{`setgroups([1000|2000])`, `ok`}, {`getgroups()`, `{ok,[1000]}`}, {`setgroups([4294967294,0])`, `ok`}, {`getgroups()`, `{ok,[4294967294,0]}`},
			{`setgroups([4294967295])`, `{error,einval}`},
			{`setgroups([-1])`, badarg}, {`setgroups([4294967296])`, badarg}, {`setgroups([a])`, badarg}, {`setgroups([[300]])`, badarg}, {`setgroups(foo)`, badarg},
			{`setgroups(1)`, badarg}, {`setgroups(<<1,2>>)`, badarg}, {`setgroups({1,2})`, badarg},
		}, nobody, []example{{`setgroups([])`, `{error,eperm}`}})},
		{name: "39 getresuid, 42 getuid, 82 setresuid", needs: "root", list: []example{
			{`getresuid()`, `{ok,0,0,0}`}, {`getresuid(x)`, badarg}, {`getuid()`, `0`}, {`getuid(x)`, badarg},
			{`setresuid(16#ffffffff, 16#ffffffff, 16#ffffffff)`, `ok`}, {`setresuid(-1, 0, 0)`, badarg}, {`setresuid(0, 0, x)`, badarg},
			{`setresuid(65534, 65534, 0)`, `ok`}, {`getresuid()`, `{ok,65534,65534,0}`}, {`setresuid(1, 2, 3)`, `{error,eperm}`},
		}},
		{name: "73 setgid", needs: "root", list: join([]example{
			{`setgid(100)`, `ok`}, {`getresgid()`, `{ok,100,100,100}`}, {`setgid(16#ffffffff)`, `{error,einval}`}, {`setgid(-1)`, badarg},
			{`setgid(16#100000000)`, badarg}, {`setgid(x)`, badarg},
		}, nobody, []example{{`setgid(0)`, `{error,eperm}`}})},
		{name: "85 setuid", needs: "root", list: []example{
			{`setuid(16#ffffffff)`, `{error,einval}`}, {`setuid(-1)`, badarg}, {`setuid(16#100000000)`, badarg}, {`setuid(x)`, badarg},
			{`setuid(16#f0001234)`, `ok`}, {`getuid()`, `4026536500`}, {`getresuid()`, `{ok,4026536500,4026536500,4026536500}`}, {`setuid(0)`, `{error,eperm}`},
		}},
		{name: "37 getpriority, 79 setpriority", needs: "root", list: join([]example{
			{`getpriority(prio_process, 0)`, `{ok,_}`}, {`setpriority(prio_process, 0, -100)`, `ok`}, {`getpriority(prio_process, 0)`, `{ok,-20}`},
			{`setpriority(prio_process, 0, 100)`, `ok`}, {`getpriority(prio_process, 0)`, `{ok,19}`},
			{`setpriority(prio_process, 0, -1)`, `ok`}, {`getpriority(prio_process, 0)`, `{ok,-1}`}, {`getpriority(prio_user, 0)`, `{ok,_}`},
			{`getpriority(prio_process, 99999999)`, `{error,esrch}`}, {`getpriority(prio_process, -1)`, `{error,esrch}`}, {`getpriority(5, 0)`, `{error,einval}`},
			{`getpriority(prio_foo, "bad")`, `{error,enotsup}`}, {`getpriority(prio_process, foo)`, `{error,enotsup}`}, {`getpriority("x", 0)`, badarg}, {`getpriority(prio_process, [])`, badarg},
			{`setpriority(9, 0, 0)`, `{error,einval}`}, {`setpriority(prio_process, 99999999, 0)`, `{error,esrch}`}, {`setpriority(prio_foo, 0, 0)`, `{error,enotsup}`},
			{`setpriority(prio_process, foo, 0)`, `{error,enotsup}`}, {`setpriority(prio_process, 0, high)`, badarg}, {`setpriority(prio_process, 0, 2147483648)`, badarg},
			{`setpriority(prio_process, 0, 0)`, `ok`},
		}, nobody, []example{{`setpriority(prio_process, 0, -5)`, `{error,eacces}`}})},
		{name: "35 getpgrp, 78 setpgid", list: []example{
			{`getpgrp()`, `Port`}, {`setpgid(0, 0)`, `ok`}, {`getpgrp()`, `Pid`}, {`getpgrp(x)`, badarg},
			{`setpgid(-1, 0)`, `{error,einval}`}, {`setpgid(0, -1)`, `{error,einval}`}, {`setpgid(1, 0)`, `{error,esrch}`}, {`setpgid(x, 0)`, badarg}, {`setpgid(0, 2147483648)`, badarg},
			{`setsid()`, `{error,eperm}`},
		}},
		{name: "41 getsid, 84 setsid", list: []example{
			{`getsid(0)`, `{ok,Port}`}, {`getsid(-1)`, `{error,esrch}`}, {`getsid(16#7fffffff)`, `{error,esrch}`}, {`getsid(x)`, badarg}, {`getsid(2147483648)`, badarg},
			{`setsid()`, `{ok,Pid}`}, {`setsid()`, `{error,eperm}`}, {`getsid(0)`, `{ok,Pid}`}, {`setpgid(0, 0)`, `{error,eperm}`},
		}},
		{name: "36 getpid", list: []example{{`getpid()`, `Pid`}, {`getpid(x)`, badarg}}},
		{name: "36 getpid in a pid namespace", needs: "root", why: "clone with namespaces is refused by the emulator",
			flags: []Atom{"clone_newpid"}, list: []example{{`getpid()`, `1`}}},
	})
}

// Limits.
func TestCallsLimits(t *testing.T) {
	groups(t, []group{
		{name: "40 getrlimit", list: []example{
			{`getrlimit(rlimit_nofile)`, `{ok,{alcove_rlimit,1024,4096}}`}, {`getrlimit(7)`, `{ok,{alcove_rlimit,1024,4096}}`},
			{`getrlimit(rlimit_foo)`, `{error,enotsup}`}, {`getrlimit(99)`, `{error,einval}`}, {`getrlimit(rlimit_nlimits)`, `{error,einval}`},
			{`getrlimit(-1)`, `{error,einval}`}, {`getrlimit("x")`, badarg}, {`getrlimit(2147483648)`, badarg},
		}},
		{name: "83 setrlimit", needs: "root", why: "the emulator keeps some limits to itself", list: join([]example{
			{`setrlimit(rlimit_core, {alcove_rlimit,0,16#ffffffffffffffff})`, `ok`}, {`setrlimit(rlimit_core, {alcove_rlimit,2,1})`, `{error,einval}`},
			{`setrlimit(99, {alcove_rlimit,0,0})`, `{error,einval}`}, {`setrlimit(rlimit_foo, bad)`, `{error,enotsup}`}, {`setrlimit(rlimit_core, {alcove_rlimit,-1,1})`, badarg},
			{`setrlimit(rlimit_core, {alcove_rlimit,1,1 bsl 64})`, badarg}, {`setrlimit(rlimit_core, {rlimit,1,1})`, badarg}, {`setrlimit(rlimit_core, {alcove_rlimit,1})`, badarg},
			{`setrlimit(rlimit_core, {alcove_rlimit,1,1,1})`, badarg}, {`setrlimit(rlimit_core, [1,2])`, badarg}, {`setrlimit(rlimit_core, {alcove_rlimit,a,1})`, badarg},
			{`setrlimit(rlimit_core, #69 00000003 77 0d 616c636f76655f726c696d6974 61 01 61 02#)`, `ok`}, {`getrlimit(rlimit_core)`, `{ok,{alcove_rlimit,1,2}}`},
			{`setrlimit(rlimit_nofile, {alcove_rlimit,64,4096})`, `ok`}, {`getopt(maxchild)`, `9`}, {`setrlimit(rlimit_nofile, {alcove_rlimit,32,4096})`, `ok`}, {`getopt(maxchild)`, `4`},
			{`setrlimit(rlimit_nofile, {alcove_rlimit,2048,1024})`, `{error,einval}`}, {`setrlimit(rlimit_nofile, {alcove_rlimit,16#ffffffffffffffff,16#ffffffffffffffff})`, `{error,eperm}`},
			{`setrlimit(rlimit_nofile, {alcove_rlimit,5,4096})`, `{error,einval}`}, {`setrlimit(rlimit_nofile, {alcove_rlimit,6,4096})`, `ok`}, {`getopt(maxchild)`, `0`},
			{`fork()`, `{error,eagain}`}, {`open("/dev/null", [], 0)`, `{error,emfile}`},
		}, nobody, []example{{`setrlimit(rlimit_nofile, {alcove_rlimit,6,1 bsl 30})`, `{error,eperm}`}})},
	})
}

// 83 with children: what the table needs stays allowed.
func TestCallSetrlimitWithChildren(t *testing.T) {
	p := start(t, Opts{Limits: limit(nofile, 1024, 4096)})
	a, b := p.Fork(nil), p.Fork(nil)
	examples(t, p, nil, nil, []example{
		{`setrlimit(rlimit_nofile, {alcove_rlimit,17,4096})`, `{error,einval}`}, {`setrlimit(rlimit_nofile, {alcove_rlimit,18,4096})`, `ok`}, {`getopt(maxchild)`, `2`},
	})
	for _, c := range []Path{a, b} {
		eq(t, "child", p.Call(c, "getpid"), fmt.Sprint(c[0]))
	}
	if got := porttest.Limits(hostPid(p, a))["Max open files"]; got != "1024 4096" {
		t.Errorf("limit of a child made before: %s", got)
	}
	p.EndsWith(0)
}

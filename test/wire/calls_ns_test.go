package wire

import (
	"strings"
	"testing"

	"alcove/internal/porttest"
)

const emulatedNamespaces = "clone with namespaces is refused by the emulator"

// Namespaces, mounts, roots and host name, in namespaces of the child's own.
func TestCallsNamespaces(t *testing.T) {
	own := []Atom{"clone_newns", "clone_newuts"}
	mnt := []example{
		{`mkdir("mnt", 8#755)`, `ok`}, {`mount("none", "/", [], [ms_rec,ms_private], [], [])`, `ok`},
	}
	groups(t, []group{
		{name: "13 clone", needs: "isolation", why: emulatedNamespaces, list: join([]example{
			{`clone([clone_newipc,clone_newnet,clone_newns,clone_newpid,clone_newuts])`, `{ok,_}`}, {`clone([])`, `{ok,_}`}, {`clone(0)`, `{ok,_}`}, {`clone([clone_newuser])`, `{ok,_}`},
			{`clone(clone_newuts)`, badarg}, {`clone([clone_foo])`, `{error,enotsup}`}, {`clone([clone_newuts|clone_newns])`, badarg}, {`clone(-1)`, `{error,einval}`}, {`clone(2147483648)`, badarg},
		}, nobody, []example{{`clone([clone_newns])`, `{error,eperm}`}})},
		{name: "33 gethostname, 75 sethostname", needs: "isolation", why: emulatedNamespaces, flags: own, list: join([]example{
			{`gethostname()`, `{ok,<<"probe">>}`}, {`sethostname("alcove")`, `ok`}, {`gethostname()`, `{ok,<<"alcove">>}`},
			{`sethostname(<<"h"...(62 bytes)>>)`, `ok`}, {`gethostname()`, `{ok,<<"h"...(62 bytes)>>}`},
			{`sethostname(<<"h"...(63 bytes)>>)`, `ok`}, {`gethostname()`, `{error,enametoolong}`},
			{`sethostname("` + strings.Repeat("h", 63) + `")`, badarg}, {`sethostname(<<"h"...(64 bytes)>>)`, badarg},
			{`sethostname(<<"ab",0,"cd">>)`, `ok`}, {`gethostname()`, `{ok,<<"ab">>}`}, {`sethostname(<<0>>)`, `ok`}, {`gethostname()`, `{ok,<<>>}`},
			{`sethostname("")`, badarg}, {`sethostname(foo)`, badarg},
		}, nobody, []example{{`sethostname("x")`, `{error,eperm}`}})},
		{name: "54 mount, 91 umount, 92 umount2", needs: "isolation", why: emulatedNamespaces, flags: own, list: join(mnt, []example{
			{`mount("tmpfs", "mnt", "tmpfs", [ms_noexec,nosuid], <<"size=16M",0>>, <<>>)`, `ok`}, {`umount("mnt")`, `ok`}, {`umount("mnt")`, `{error,einval}`},
			{`mount("tmpfs", "mnt", "tmpfs", 0, "size=1M", [])`, `ok`}, {`umount2("mnt", [mnt_detach])`, `ok`}, {`umount2("mnt", [mnt_detach])`, `{error,einval}`},
			{`mount("/tmp", "mnt", "", [ms_bind,ms_rdonly], "", "")`, `ok`}, {`umount("mnt")`, `ok`}, {`mount("", "mnt", "tmpfs", 0, [], [])`, `ok`}, {`umount("mnt")`, `ok`},
			{`mount("tmpfs", "mnt", "tmpfs", [rdonly,noexec,noatime,nosuid], "", "")`, `ok`}, {`open("mnt/x", [o_creat], 0)`, `{error,erofs}`}, {`umount("mnt")`, `ok`},
			{`mount("tmpfs", "mnt", "nofs", [], [], [])`, `{error,enodev}`}, {`mount("tmpfs", "/nonexist", "tmpfs", [], [], [])`, `{error,enoent}`},
			{`mount("tmpfs", "mnt", "tmpfs", [], "bogus=1", [])`, `{error,einval}`}, {`mount("tmpfs", "mnt", "tmpfs", [ms_foo], [], [])`, `{error,enotsup}`},
			{`mount("tmpfs", "", "tmpfs", [], [], [])`, badarg}, {`mount("tmpfs", "mnt", "tmpfs", ms_bind, [], [])`, badarg}, {`mount("tmpfs", "mnt", "tmpfs", [ms_nouser], [], [])`, badarg},
			{`mount("tmpfs", "mnt", "tmpfs", -1, [], [])`, badarg}, {`mount("tmpfs", "mnt", "tmpfs", [], [], x)`, badarg}, {`mount(none, "mnt", "tmpfs", 0, [], [])`, badarg},
			{`umount("/nonexist")`, `{error,enoent}`}, {`umount("")`, badarg}, {`umount(mnt)`, badarg},
			{`umount2("mnt", 4096)`, `{error,einval}`}, {`umount2("mnt", [mnt_foo])`, `{error,enotsup}`}, {`umount2("mnt", -1)`, badarg}, {`umount2("mnt", mnt_detach)`, badarg},
			{`umount2("mnt", [ms_nouser])`, badarg}, {`umount2("mnt", [ms_mgc_val])`, badarg}, {`umount2("", [])`, badarg},
		}, nobody, []example{{`mount("tmpfs", "mnt", "tmpfs", [], [], [])`, `{error,eperm}`}, {`umount("mnt")`, `{error,eperm}`}})},
		{name: "57 pivot_root", needs: "isolation", why: emulatedNamespaces, flags: own, list: join(mnt, []example{
			{`pivot_root("nope", ".")`, `{error,enoent}`}, {`pivot_root("", "")`, badarg}, {`pivot_root(a, ".")`, badarg},
			{`mount("mnt", "mnt", [], [ms_bind], [], [])`, `ok`}, {`chdir("mnt")`, `ok`}, {`pivot_root(".", ".")`, `ok`}, {`umount2(".", [mnt_detach])`, `ok`}, {`getcwd()`, `{ok,<<"/">>}`},
			{`readdir("/")`, `{ok,[_,_]}`},
		})},
		{name: "57 pivot_root, unprivileged", needs: "isolation", list: join(nobody, []example{{`pivot_root("/", "/")`, `{error,eperm}`}})},
		{name: "76 setns", needs: "isolation", why: emulatedNamespaces, list: []example{
			{`open("/proc/self/ns/uts", [o_rdonly], 0)`, `{ok,6}`}, {`setns(6, 0)`, `ok`}, {`setns(6, clone_newuts)`, `ok`}, {`setns(6, clone_newns)`, `{error,einval}`},
			{`setns(6, clone_foo)`, `{error,enotsup}`}, {`setns(99, 0)`, `{error,ebadf}`}, {`setns(-1, clone_newuts)`, `{error,ebadf}`}, {`setns(0, 0)`, `{error,einval}`},
			{`setns(6, [clone_newuts])`, badarg}, {`setns(6, "x")`, badarg}, {`setns(x, 0)`, badarg},
		}},
		{name: "95 unshare", needs: "isolation", why: emulatedNamespaces, list: []example{
			{`unshare([])`, `ok`}, {`unshare([clone_newuts])`, `ok`}, {`sethostname("own")`, `ok`}, {`unshare([clone_newns,clone_newipc])`, `ok`}, {`unshare(128)`, `ok`},
			{`unshare([clone_newpid])`, `ok`}, {`unshare([clone_newpid])`, `{error,einval}`}, {`unshare(-1)`, `{error,einval}`}, {`unshare("ab")`, `{error,einval}`},
			{`unshare([clone_foo])`, `{error,enotsup}`}, {`unshare(clone_newuts)`, badarg}, {`unshare(1099511627776)`, badarg},
		}},
		{name: "95 unshare of the user namespace", needs: "isolation", why: emulatedNamespaces, list: []example{
			{`unshare([clone_newuser])`, `ok`}, {`getuid()`, `65534`}, {`setgroups([])`, `{error,eperm}`},
		}},
		{name: "95 unshare, unprivileged", needs: "isolation", list: join(nobody, []example{{`unshare([clone_newns])`, `{error,eperm}`}})},
	})
}

// 95 unshare of the pid namespace, then fork: the child is process 1 there.
func TestCallUnshareThenFork(t *testing.T) {
	porttest.NeedIsolation(t)
	porttest.NeedNative(t, emulatedNamespaces)
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Want(c, nil, `unshare([clone_newpid])`, `ok`)
	d := p.Fork(c)
	p.Want(d, nil, `getpid()`, `1`)
	p.EndsWith(0)
}

// 76 setns joins the namespace of another process.
func TestCallSetnsJoins(t *testing.T) {
	groups(t, []group{{name: "uts", needs: "isolation", why: emulatedNamespaces, flags: []Atom{"clone_newuts"}, list: []example{
		{`sethostname("there")`, `ok`}, {`open("/proc/1/ns/uts", [o_rdonly], 0)`, `{ok,6}`}, {`gethostname()`, `{ok,<<"there">>}`},
		{`setns(6, clone_newuts)`, `ok`}, {`gethostname()`, `{ok,<<"probe">>}`},
	}}})
}

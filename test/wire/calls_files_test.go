package wire

import (
	"os"
	"path/filepath"
	"testing"
)

// Files, directories and descriptors.
func TestCallsFiles(t *testing.T) {
	file := func(t *testing.T, box string) { write(t, box+"/f", "hello", 0o644) }
	groups(t, []group{
		{name: "8 chdir, 29 getcwd", setup: file, list: []example{
			{`mkdir("fs", 8#755)`, `ok`}, {`chdir("fs")`, `ok`}, {`getcwd()`, `{ok,_}`}, {`chdir("/nonexist")`, `{error,enoent}`},
			{`chdir("/etc/passwd")`, `{error,enotdir}`}, {`chdir("")`, badarg}, {`chdir(foo)`, badarg}, {`getcwd(x)`, badarg},
			{`rmdir(["../fs"])`, `ok`}, {`getcwd()`, `{error,enoent}`},
		}},
		{name: "9 chmod", setup: file, list: []example{
			{`chmod("f", 8#600)`, `ok`}, {`chmod("nope", 8#600)`, `{error,enoent}`}, {`chmod("f", 16#ffffffff)`, `ok`},
			{`chmod("f", 16#100000000)`, badarg}, {`chmod("f", -1)`, badarg}, {`chmod("f", [])`, badarg}, {`chmod("", 0)`, badarg},
		}},
		{name: "10 chown", needs: "root", setup: file, list: join([]example{
			{`chown("f", 1000, 1000)`, `ok`}, {`chown("f", 16#ffffffff, 0)`, `ok`}, {`chown("f", -1, 0)`, badarg}, {`chown("f", root, 0)`, badarg},
			{`chown("nope", 0, 0)`, `{error,enoent}`}, {`chown("f", 0, 16#100000000)`, badarg},
		}, nobody, []example{{`chown("/tmp", 0, 0)`, `{error,eperm}`}})},
		{name: "11 chroot", needs: "root", setup: file, list: []example{
			{`mkdir("root", 8#755)`, `ok`}, {`chroot("nope")`, `{error,enoent}`}, {`chroot("f")`, `{error,enotdir}`}, {`chroot("")`, badarg},
			{`chroot("root")`, `ok`}, {`getcwd()`, `{error,enoent}`}, {`chdir("/")`, `ok`}, {`getcwd()`, `{ok,<<"/">>}`},
			{`readdir("/")`, `{ok,[_,_]}`},
		}},
		{name: "11 chroot, unprivileged", needs: "root", list: join(nobody, []example{{`chroot("/")`, `{error,eperm}`}})},
		{name: "15 close", setup: file, list: []example{
			{`open("f", [], 0)`, `{ok,6}`}, {`close(6)`, `ok`}, {`close(6)`, `{error,ebadf}`}, {`close(-1)`, `{error,ebadf}`},
			{`close(foo)`, badarg}, {`close(2147483648)`, badarg},
		}},
		{name: "23 fcntl", setup: file, list: []example{
			{`fcntl(5, f_getfd, 0)`, `{ok,1}`}, {`fcntl(5, f_setfd, 0)`, `{ok,0}`}, {`fcntl(5, f_getfd, 0)`, `{ok,0}`}, {`fcntl(5, f_setfd, 1)`, `{ok,0}`},
			{`fcntl(0, f_getfl, 0)`, `{ok,0}`}, {`fcntl(0, 'F_GETFL', 0)`, `{ok,0}`},
			{`fcntl(1, f_getpipe_sz, 0)`, `{ok,65536}`}, {`fcntl(1, f_setpipe_sz, 131072)`, `{ok,131072}`},
			{`open("f", [], 0)`, `{ok,6}`}, {`fcntl(6, 0, 50)`, `{ok,50}`}, {`fcntl(0, f_foo, 0)`, `{error,enotsup}`}, {`fcntl(0, f_foo, x)`, `{error,enotsup}`},
			{`fcntl(0, 999, 0)`, `{error,einval}`}, {`fcntl(99, f_getfd, 0)`, `{error,ebadf}`},
			{`fcntl(1, f_setpipe_sz, -1)`, `{error,einval}`}, {`fcntl(0, f_getfd, fd_cloexec)`, badarg}, {`fcntl(0, f_getfd, [])`, badarg},
			{`fcntl(0, f_getfd, <<0>>)`, badarg}, {`fcntl(x, f_getfd, 0)`, badarg}, {`fcntl(0, f_getfd, 2147483648)`, badarg},
		}},
		{name: "23 fcntl, structures", why: "the emulator reads the structure itself", list: []example{{`fcntl(0, 5, 0)`, `{error,efault}`}}},
		{name: "50 link", setup: file, list: []example{
			{`link("f", "g")`, `ok`}, {`link("f", "g")`, `{error,eexist}`}, {`link("nope", "h")`, `{error,enoent}`},
			{`symlink("f", "s")`, `ok`}, {`link("s", "sl")`, `ok`}, {`link("", "h")`, badarg}, {`link("f", h)`, badarg},
		}},
		{name: "51 lseek", setup: file, list: []example{
			{`open("f", [], 0)`, `{ok,6}`}, {`lseek(6, 0, 0)`, `ok`}, {`lseek(6, 1099511627776, 0)`, `ok`}, {`lseek(6, -1, 0)`, `{error,einval}`},
			{`lseek(6, 0, 9)`, `{error,einval}`}, {`lseek(0, 0, 0)`, `{error,espipe}`}, {`lseek(99, 0, 0)`, `{error,ebadf}`},
			{`lseek(6, 0, seek_set)`, badarg}, {`lseek(6, 9223372036854775808, 0)`, badarg},
			{`lseek(6, -2, 2)`, `ok`}, {`read(6, 10)`, `{ok,<<"lo">>}`},
		}},
		{name: "52 mkdir", list: []example{
			{`mkdir("d", 8#700)`, `ok`}, {`mkdir("d", 8#700)`, `{error,eexist}`}, {`mkdir("x/y", 0)`, `{error,enoent}`},
			{`mkdir("md", 8#1777)`, `ok`}, {`mkdir("e", -1)`, badarg}, {`mkdir("e", 8589934591)`, badarg}, {`mkdir("e", o700)`, badarg}, {`mkdir("", 0)`, badarg},
		}},
		{name: "53 mkfifo", list: []example{
			{`mkfifo("ff", 8#600)`, `ok`}, {`mkfifo("ff", 8#600)`, `{error,eexist}`}, {`mkfifo("zz", 8#10600)`, `ok`}, {`mkfifo("ff3", 8#40777)`, `{error,einval}`},
			{`mkfifo("nodir/x", 0)`, `{error,enoent}`}, {`mkfifo("ff2", -1)`, badarg}, {`mkfifo("ff4", o_rdonly)`, badarg},
		}},
		{name: "56 open", setup: func(t *testing.T, box string) {
			if err := os.Mkdir(box+"/d", 0o755); err != nil {
				t.Fatal(err)
			}
		}, list: []example{
			{`mkfifo("fifo", 8#600)`, `ok`}, {`setrlimit(rlimit_nofile, {alcove_rlimit,12,4096})`, `ok`},
			{`open("d/f", [o_wronly,o_creat], 8#644)`, `{ok,6}`}, {`open("d/f", ['O_RDONLY'], 0)`, `{ok,7}`}, {`open("d/g", [o_rdonly], 0)`, `{error,enoent}`},
			{`open("fifo", [o_wronly,o_nonblock], 0)`, `{error,enxio}`}, {`open("d/f", -1, 0)`, `{error,enotdir}`},
			{`open("d/new", [o_creat,o_rdwr], 16#ffffffff)`, `{ok,8}`}, {`open("d/f", [o_rdonly], -1)`, badarg}, {`open("d/f", 2147483648, 0)`, badarg},
			{`open("d/f", {}, 0)`, badarg}, {`open("", 0, 0)`, badarg}, {`open(d, 0, 0)`, badarg},
			{`open("d/f", [o_creat,o_excl], 0)`, `{error,eexist}`}, {`open("d", [o_wronly], 0)`, `{error,eisdir}`},
			{`open("d/f", 0, 0)`, `{ok,9}`}, {`open("d/f", 0, 0)`, `{ok,10}`}, {`open("d/f", 0, 0)`, `{ok,11}`}, {`open("d/f", 0, 0)`, `{error,emfile}`},
		}},
		{name: "64 read", setup: file, list: []example{
			{`open("f", [], 0)`, `{ok,6}`}, {`read(6, 3)`, `{ok,<<"hel">>}`}, {`read(6, 0)`, `{ok,<<>>}`}, {`read(6, 100)`, `{ok,<<"lo">>}`}, {`read(6, 1)`, `{ok,<<>>}`},
			{`mkfifo("fifo", 8#600)`, `ok`}, {`open("fifo", [o_rdwr,o_nonblock], 0)`, `{ok,7}`}, {`read(7, 5)`, `{error,eagain}`}, {`read(99, 1)`, `{error,ebadf}`},
			{`open("f", [o_wronly], 0)`, `{ok,8}`}, {`read(8, 10)`, `{error,ebadf}`}, {`read(6, -1)`, badarg}, {`read(6, 18446744073709551616)`, badarg},
			{`read(6, x)`, badarg}, {`read("a", 1)`, badarg},
		}},
		{name: "67 rmdir", setup: file, list: []example{
			{`mkdir("d", 8#755)`, `ok`}, {`mkdir("d/e", 8#755)`, `ok`}, {`rmdir("d")`, `{error,enotempty}`}, {`rmdir("d/e")`, `ok`}, {`rmdir("d")`, `ok`},
			{`rmdir("f")`, `{error,enotdir}`}, {`rmdir("zz")`, `{error,enoent}`}, {`rmdir(<<>>)`, badarg},
		}},
		{name: "89 symlink", setup: file, list: []example{
			{`symlink("f", "s")`, `ok`}, {`symlink("whatever", "s")`, `{error,eexist}`}, {`symlink("f", "nodir/s")`, `{error,enoent}`},
			{`symlink("", "s2")`, badarg}, {`symlink("x", [])`, badarg}, {`symlink(x, "y")`, badarg},
			{`open("s", [], 0)`, `{ok,6}`}, {`read(6, 10)`, `{ok,<<"hello">>}`},
		}},
		{name: "93 unlink", setup: file, list: []example{
			{`unlink("f")`, `ok`}, {`unlink("f")`, `{error,enoent}`}, {`mkdir("d", 8#755)`, `ok`}, {`unlink("d")`, `{error,eisdir}`}, {`unlink("")`, badarg}, {`unlink(g)`, badarg},
		}},
		{name: "99 write", setup: file, list: []example{
			{`open("f", [o_rdwr], 0)`, `{ok,6}`}, {`write(6, "hello")`, `{ok,5}`}, {`write(6, [])`, `{ok,0}`}, {`write(6, [1,2,<<"x">>])`, `{ok,3}`},
			{`mkfifo("fifo", 8#600)`, `ok`}, {`open("fifo", [o_rdwr,o_nonblock], 0)`, `{ok,7}`},
			{`write(7, <<"f"...(60000 bytes)>>)`, `{ok,60000}`}, {`write(7, <<"f"...(6000 bytes)>>)`, `{ok,4096}`}, {`write(7, <<"f"...(6000 bytes)>>)`, `{error,eagain}`},
			{`open("/dev/full", [o_wronly], 0)`, `{ok,8}`}, {`write(8, "x")`, `{error,enospc}`},
			{`write(99, "x")`, `{error,ebadf}`}, {`write(-1, "x")`, `{error,ebadf}`}, {`write(6, abc)`, badarg}, {`write(6, [<<"a">>,300])`, badarg}, {`write("x", "y")`, badarg},
		}},
	})
}

// 65 readdir: the names as the kernel orders them, dot entries included.
func TestCallReaddir(t *testing.T) {
	p := start(t, Opts{})
	for _, name := range []string{"one", "two words", ".hidden", "\xff\xfe"} {
		write(t, filepath.Join(p.Box, name), "", 0o644)
	}
	c := p.Fork(nil)
	reply := p.Call(c, "readdir", Bin(p.Box)).(Tuple)
	names := map[string]int{}
	for _, n := range reply[1].(List) {
		names[string(n.(Bin))]++
	}
	for _, want := range []string{".", "..", "one", "two words", ".hidden", "\xff\xfe", "ctl"} {
		if names[want] != 1 {
			t.Errorf("%q is there %d times", want, names[want])
		}
	}
	if len(names) != 7 {
		t.Errorf("%d names", len(names))
	}
	examples(t, p, c, nil, []example{
		{`readdir("nope")`, `{error,enoent}`}, {`readdir("/etc/passwd")`, `{error,enotdir}`}, {`readdir("")`, badarg}, {`readdir(x)`, badarg},
		{`open("/dev/null", [], 0)`, `{ok,6}`}, // no descriptor is left open
	})
	if os.Getuid() == 0 {
		if err := os.Mkdir(p.Box+"/closed", 0o700); err != nil {
			t.Fatal(err)
		}
		examples(t, p, c, nil, join(nobody, []example{{`readdir("closed")`, `{error,eacces}`}}))
	}
	p.EndsWith(0)
}

// 99 write to a fifo whose reader has gone: the error, then the signal.
func TestCallWriteBrokenPipe(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	examples(t, p, c, nil, []example{
		{`mkfifo("fifo", 8#600)`, `ok`}, {`open("fifo", [o_rdonly,o_nonblock], 0)`, `{ok,6}`}, {`open("fifo", [o_wronly], 0)`, `{ok,7}`},
		{`close(6)`, `ok`}, {`write(7, "x")`, `{error,epipe}`},
	})
	signalEvent(t, p, c, "sigpipe")
	p.EndsWith(0)
}

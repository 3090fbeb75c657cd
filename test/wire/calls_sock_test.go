package wire

import (
	"net"
	"testing"

	"alcove/internal/porttest"
)

// 88 socket, 16 connect, 70 select, 43 ioctl.
func TestCallsSockets(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		porttest.Skip(t, "needs a loopback interface: %v", err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	groups(t, []group{
		{name: "88 socket", why: "the emulator translates families", list: []example{
			{`socket(af_inet, sock_stream, 0)`, `{ok,6}`}, {`socket(2, 1, 6)`, `{ok,7}`}, {`socket('AF_LOCAL', 'SOCK_SEQPACKET', 0)`, `{ok,8}`}, {`socket(pf_netlink, sock_raw, 0)`, `{ok,9}`},
			{`socket(af_inet, 1 bor 8#2000000, 0)`, `{ok,10}`}, {`fcntl(10, f_getfd, 0)`, `{ok,1}`}, {`socket(af_inet, sock_stream, 99)`, `{error,eprotonosupport}`},
			{`socket(999, 1, 0)`, `{error,eafnosupport}`}, {`socket(-1, 1, 0)`, `{error,eafnosupport}`}, {`socket(af_foo, "x", 0)`, `{error,enotsup}`}, {`socket(af_inet, sock_foo, 0)`, `{error,enotsup}`},
			{`socket(af_inet, [sock_stream,sock_cloexec], 0)`, badarg}, {`socket(af_inet, sock_stream, tcp)`, badarg}, {`socket("x", 1, 0)`, badarg},
		}},
		{name: "16 connect", vars: Vars{"P": port}, list: []example{
			{`socket(af_inet, sock_stream, 0)`, `{ok,6}`}, {`connect(6, [<<2:16/native,P:16/big,127,0,0,1,0:64>>])`, `ok`}, {`connect(6, [<<2:16/native,P:16/big,127,0,0,1,0:64>>])`, `{error,eisconn}`},
			{`socket(af_inet, sock_stream, 0)`, `{ok,7}`}, {`connect(7, [<<2:16/native>>,<<1:16/big>>,<<127,0,0,1>>,<<0:64>>])`, `{error,econnrefused}`},
			{`socket(af_unix, sock_stream, 0)`, `{ok,8}`}, {`connect(8, [<<1:16/native>>,<<"/nonexistent",0>>])`, `{error,enoent}`},
			{`connect(0, [<<2,0,0:112>>])`, `{error,enotsock}`}, {`connect(7, <<2,0>>)`, badarg}, {`connect(7, "abc")`, badarg}, {`connect(7, [<<0:1032>>])`, badarg}, {`connect(x, [])`, badarg},
		}},
		{name: "16 connect without an address", why: "the emulator reads the address itself", list: []example{
			{`connect(99, [])`, `{error,ebadf}`}, {`socket(af_inet, sock_stream, 0)`, `{ok,6}`}, {`connect(6, [])`, `{error,einval}`}, {`connect(6, [<<>>])`, `{error,einval}`},
		}},
		{name: "70 select", list: []example{
			{`open("/dev/null", [o_rdwr], 0)`, `{ok,6}`}, {`select([6], [6], [], [])`, `{ok,[6],[6],[]}`}, {`select([6,6,6], [6], [], {alcove_timeval,0,0})`, `{ok,[6],[6],[]}`},
			{`fcntl(6, 0, 130)`, `{ok,130}`}, {`fcntl(6, 0, 1000)`, `{ok,1000}`}, {`fcntl(6, 0, 200)`, `{ok,200}`}, {`select([], [1000,200,130,6], [], {alcove_timeval,0,0})`, `{ok,[],[6,130,200,1000],[]}`},
			{`select([], [], [], {alcove_timeval,0,1000})`, `{ok,[],[],[]}`}, {`select([], [], [], {alcove_timeval,0,1100000})`, `{ok,[],[],[]}`},
			{`select([99], [], [], [])`, `{error,ebadf}`}, {`select([-1], [], [], [])`, `{error,ebadf}`}, {`select([1024], [], [], [])`, `{error,ebadf}`}, {`select([x], [], [], [])`, `{error,ebadf}`},
			{`select(x, [], [], [])`, `{error,ebadf}`}, {`select(<<6>>, [], [], [])`, `{error,ebadf}`}, {`select([6|6], [], [], [])`, `{error,ebadf}`}, {`select([99], [], [], x)`, `{error,ebadf}`},
			{`select([], [], [], {alcove_timeval,-1,0})`, badarg}, {`select([], [], [], {alcove_timeval,0,-1})`, badarg}, {`select([], [], [], {timeval,0,0})`, badarg},
			{`select([], [], [], {alcove_timeval,0})`, badarg}, {`select([], [], [], 0)`, badarg}, {`select([], [], [], infinity)`, badarg}, {`select([], [], [], {alcove_timeval,a,0})`, badarg},
		}},
		{name: "43 ioctl", why: "the emulator knows few requests", list: []example{
			{`ioctl(3, fionread, <<0:32>>)`, `{ok,0,<<0,0,0,0>>}`}, {`ioctl(3, fionread, <<>>)`, `{ok,0,<<>>}`}, {`ioctl(3, fionread, 0)`, `{error,efault}`},
			{`socket(af_inet, sock_dgram, 0)`, `{ok,6}`}, {`ioctl(6, tunfoo, x)`, `{error,enotsup}`}, {`ioctl(6, x, y)`, `{error,enotsup}`},
			{`ioctl(99, tunsetiff, <<>>)`, `{error,ebadf}`}, {`ioctl(3, tcgets, <<0:480>>)`, `{error,enotty}`},
			{`ioctl(6, tunsetpersist, [])`, badarg}, {`ioctl(6, tunsetpersist, "ab")`, badarg}, {`ioctl(6, tunsetpersist, x)`, badarg}, {`ioctl(6, tunsetpersist, {1})`, badarg},
			{`ioctl(6, tunsetpersist, 2147483648)`, badarg}, {`ioctl(6, 18446744073709551616, 0)`, badarg}, {`ioctl(x, 0, 0)`, badarg},
		}},
		{name: "43 ioctl with structures", needs: "isolation", why: "the emulator knows few requests", list: []example{
			{`socket(af_inet, sock_dgram, 0)`, `{ok,6}`},
			{`ioctl(6, siocgifconf, [<<400:32/native>>,<<0:32>>,{ptr,400}])`, `{ok,0,[<<40,0,0,0>>,<<0,0,0,0>>,{ptr,_}]}`},
			{`ioctl(6, siocgifconf, [<<0:32>>,<<0:32>>,{ptr,0}])`, `{ok,0,[<<40,0,0,0>>,<<0,0,0,0>>,<<0:64>>]}`},
		}},
	})
}

// 70 limits of a set's length.
func TestCallSelectSizes(t *testing.T) {
	p := start(t, Opts{})
	c := p.Fork(nil)
	p.Want(c, nil, `open("/dev/null", [o_rdwr], 0)`, `{ok,6}`)
	set := func(n int) List {
		l := List{}
		for range n {
			l = append(l, 6)
		}
		return l
	}
	zero := Tuple{Atom("alcove_timeval"), 0, 0}
	eq(t, "1023 elements", p.Call(c, "select", set(1023), List{}, List{}, zero), "{ok,[6],[],[]}")
	eq(t, "1024 elements", p.Call(c, "select", set(1024), List{}, List{}, zero), "{error,ebadf}")
	p.EndsWith(0)
}

// 43 ioctl on the tun device, in a network namespace of the child's own.
func TestCallIoctlTun(t *testing.T) {
	porttest.NeedIsolation(t)
	porttest.NeedNative(t, "the emulator knows few requests")
	p := start(t, Opts{})
	c := p.Clone(nil, "clone_newnet")
	if v := porttest.Text(p.Call(c, "open", Bin("/dev/net/tun"), List{Atom("o_rdwr")}, 0)); v != "{ok,6}" {
		porttest.Skip(t, "needs /dev/net/tun: %s", v)
	}
	examples(t, p, c, nil, []example{
		{`ioctl(6, tunsetiff, <<0:(16*8),16#1002:16/native,0:(14*8)>>)`, `{ok,0,<<"tap0",0:(12*8),16#1002:16/native,0:(14*8)>>}`},
		{`ioctl(6, tunsetpersist, 0)`, `{ok,0,<<>>}`}, {`ioctl(6, 16#400454cb, 0)`, `{ok,0,<<>>}`}, {`ioctl(6, 0, 0)`, `{error,einval}`},
	})
	p.EndsWith(0)
}

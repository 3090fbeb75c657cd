%% @doc C structures that calls take as arguments.
%%
%% A structure is a list. A binary stands for its bytes; `{ptr, Binary}' for a pointer to
%% these bytes, `{ptr, Size}' for a pointer to so many zero bytes. Alignment is up to the
%% list ({@link alcove:wordalign/1}).
-module(alcove_cstruct).

-include("alcove.hrl").

-export([jail/1]).

%% @doc `struct jail' of FreeBSD, version 2, for {@link alcove:jail/3}. List elements that
%% are no addresses are left out.
-spec jail(#alcove_jail{}) -> [binary() | {ptr, binary()}, ...].
jail(#alcove_jail{
    version = 2 = Version,
    path = Path,
    hostname = Hostname,
    jailname = Jailname,
    ip4 = IP4,
    ip6 = IP6
}) ->
    Addresses4 = [ip4(Address) || {_, _, _, _} = Address <- IP4],
    Addresses6 = [ip6(Address) || {_, _, _, _, _, _, _, _} = Address <- IP6],
    [
        <<Version:4/native-unsigned-unit:8>>,
        <<0:(alcove:wordalign(4) * 8)>>,
        {ptr, string(Path)},
        {ptr, string(Hostname)},
        {ptr, string(Jailname)},
        <<(length(Addresses4)):4/native-unsigned-unit:8,
            (length(Addresses6)):4/native-unsigned-unit:8>>,
        {ptr, iolist_to_binary(Addresses4)},
        {ptr, iolist_to_binary(Addresses6)}
    ].

string(Bytes) ->
    iolist_to_binary([Bytes, 0]).

ip4({A, B, C, D}) ->
    <<A, B, C, D>>.

ip6({A, B, C, D, E, F, G, H}) ->
    <<?UINT16(A), ?UINT16(B), ?UINT16(C), ?UINT16(D), ?UINT16(E), ?UINT16(F), ?UINT16(G),
        ?UINT16(H)>>.

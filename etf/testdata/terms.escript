#!/usr/bin/env escript
%% Writes terms.tsv.gz: terms in the external format as Erlang makes them, for
%% the tests of package etf. Made with OTP 25; to make it anew:
%%
%%     escript etf/testdata/terms.escript etf/testdata
%%
%% A line is: kind, options, term, bytes in hex (version byte included). Kinds:
%%
%%   decode   the decoder reads the bytes as the term
%%   iodata   the decoder flattens the bytes to the binary
%%   encode   the encoder makes exactly these bytes of the term; that Erlang reads
%%            them as the term is checked here
%%
%% Terms are written so that the test can read them without knowing Erlang:
%% 12, a<hex of the Latin-1 text> for an atom, b<hex> for a binary, s<hex> for a
%% list of bytes, {..}, [..], and <..> for a list that the encoder writes as a chain of
%% one-element cells. "refused" stands for what must not be understood.

main([Dir]) ->
    Lines = [header() | decode() ++ iodata() ++ encode()],
    Text = [[lists:join($\t, L), $\n] || L <- Lines],
    ok = file:write_file(filename:join(Dir, "terms.tsv.gz"), zlib:gzip(iolist_to_binary(Text))).

header() -> ["otp", erlang:system_info(otp_release), "", ""].

%% ---- decode ----

decode() ->
    [decode(T, O) || T <- terms(), O <- options()]
    ++ [decode(T, O) || T <- wide_atoms(), O <- utf8_options()]
    ++ [refuse(T, O) || T <- foreign(), O <- options()]
    ++ [refuse(T, [{compressed, 9}]) || T <- compressible()]
    ++ [refuse(T, O) || T <- foreign_atoms(), O <- utf8_options()].

options() ->
    [[], [deterministic], [{minor_version, 0}], [{minor_version, 1}], [{minor_version, 2}],
     [{minor_version, 2}, deterministic]].

%% Only version 2 writes every atom in UTF-8.
utf8_options() -> [[{minor_version, 1}], [{minor_version, 2}]].

decode(Term, Options) ->
    ["decode", opts(Options), text(Term), hex(term_to_binary(Term, Options))].

refuse(Term, Options) ->
    ["decode", opts(Options), "refused", hex(term_to_binary(Term, Options))].

terms() ->
    integers() ++ atoms() ++ lists_and_tuples().

%% Every boundary of the format's own forms and of the types of C, and both
%% neighbours.
integers() ->
    Powers = [7, 8, 15, 16, 27, 28, 31, 32, 40, 47, 48, 59, 60, 63, 64],
    lists:usort([S * (1 bsl P) + D || P <- Powers, D <- [-2, -1, 0, 1], S <- [1, -1]]
                ++ [0, 1, -1, 255, 256, -255, -256, 1 bsl 100, -(1 bsl 100), 1 bsl 2039, 1 bsl 2040]).

atoms() ->
    [ok, '', 'A b', list_to_atom([0]), list_to_atom(lists:seq(0, 127)),
     list_to_atom(lists:duplicate(255, $x))].

wide_atoms() ->
    [list_to_atom(lists:seq(128, 255)), list_to_atom([255]), list_to_atom(lists:duplicate(255, 255)),
     list_to_atom("caf" ++ [233])].

foreign_atoms() -> [list_to_atom([256]), list_to_atom([16#20ac]), list_to_atom([16#1f600, $a])].

lists_and_tuples() ->
    [<<>>, <<0>>, binary:copy(<<"ab">>, 150), [], "", "a", [0, 128, 255], [256], [-1], [1, 2, 256],
     lists:duplicate(65535, $a), lists:duplicate(65536, $a),
     [a, b], [[]], [[], [[]]], [[1, "x", <<"y">>], ["z", [300]]], ["abc", <<"def">>],
     {}, {a}, {1, {2, {3}}}, list_to_tuple(lists:seq(1, 255)), list_to_tuple(lists:seq(1, 256)),
     {alcove_rlimit, 0, 16#ffffffffffffffff}, {alcove_timeval, -1, 999999},
     [<<7:16/little>>, <<0:48>>, {ptr, <<"program">>}, {ptr, 4}]].

foreign() ->
    [1.5, -0.0, 1.0e308, #{}, #{a => 1}, <<1:3>>, <<1, 2, 3:7>>, list_to_pid("<0.1.0>"),
     list_to_ref("#Ref<0.1.2.3>"), list_to_port("#Port<0.1>"), fun lists:map/2].

compressible() ->
    [binary:copy(<<0>>, 1000), lists:duplicate(1000, $a), list_to_tuple(lists:duplicate(255, 0))].

%% ---- iodata ----

iodata() ->
    [iodata(T, O) || T <- iolists(), O <- [[], [{minor_version, 0}], [deterministic]]]
    ++ [["iodata", opts([]), "refused", hex(term_to_binary(T))] || T <- no_iolists()].

iodata(Term, Options) ->
    ["iodata", opts(Options), text(iolist_to_binary(Term)), hex(term_to_binary(Term, Options))].

iolists() ->
    [<<>>, [], "", <<"abc">>, "abc", [0, 255], [<<>>], [[]], ["/tmp/", <<"t">>, [$/, "fs"]],
     ["0", 1, [2, [<<3>>]]], [[[[]]], [], <<>>, "", [[<<"x">>]]], [<<"a">>, $b, "c", [[[<<"d">>], $e]]],
     nest(15, "ok"), nest(16, <<"ok">>), [lists:seq(0, 255), <<1>>],
     lists:duplicate(3000, <<"ab">>), lists:duplicate(3000, [$a, <<"b">>])].

%% Improper lists and deeper nesting are iolists for Erlang and not for the port.
no_iolists() ->
    [foo, 1, [256], [-1], [1 bsl 70], [a], [1.0], [<<1:3>>], [{}], ["a" | <<"b">>], [<<"a">> | <<"b">>],
     [[<<"a">> | <<"b">>]], nest(17, <<"ok">>), nest(16, "ok" ++ [<<>>]), [#{}], {}, <<1:3>>].

%% nest(N, T) is T in N lists. A string stays a string: it is one list less deep.
nest(0, T) -> T;
nest(N, T) -> [nest(N - 1, T)].

%% ---- encode ----

encode() ->
    [encode(T) || T <- replies()].

encode({cells, T}) ->
    Bytes = <<131, (chain(T))/binary>>,
    T = binary_to_term(Bytes),
    ["encode", "", ["<", lists:join(",", [text(E) || E <- T]), ">"], hex(Bytes)];
encode(T) ->
    Bytes = <<131, (enc(T))/binary>>,
    T = binary_to_term(Bytes),
    ["encode", "", text(T), hex(Bytes)].

replies() ->
    [I || I <- integers(), I >= -(1 bsl 63), I < 1 bsl 64]
    ++ [ok, '', badarg, list_to_atom(lists:duplicate(255, $x)),
        <<>>, <<"1.0.1">>, binary:copy(<<255>>, 300), [], {}, {ok, 5451}, {error, eagain},
        {ok, <<"/tmp">>}, {exit_status, 5}, {signal, sigterm, binary:copy(<<0>>, 128)},
        {ok, {alcove_rlimit, 1024, 16#ffffffffffffffff}}, list_to_tuple(lists:seq(1, 255)),
        {ok, 0, [<<7, 0>>, {ptr, <<"program">>}, <<0:64>>], 0, 0, 0},
        {ok, 12, 768, [{exit_status, 3}]}, [a, [b, [c]]],
        {cells, []}, {cells, [6]}, {cells, [6, 8, 1000, -1]}, {cells, [<<"A=1">>, <<"B=">>]},
        {cells, [{alcove_pid, 5451, -1, 15, 7, 9, 10, 12}, {alcove_pid, 5452, -1, 15, -2, 13, -1, 16}]}].

%% What wire.md, section 4.9, prescribes.
enc(I) when is_integer(I), 0 =< I, I =< 255 -> <<97, I>>;
enc(I) when is_integer(I), -(1 bsl 27) =< I, I < 1 bsl 27 -> <<98, I:32/signed>>;
enc(I) when is_integer(I) ->
    Digits = binary:encode_unsigned(abs(I), little),
    Sign = if I < 0 -> 1; true -> 0 end,
    <<110, (byte_size(Digits)), Sign, Digits/binary>>;
enc(A) when is_atom(A) ->
    Text = atom_to_binary(A, utf8),
    <<119, (byte_size(Text)), Text/binary>>;
enc(B) when is_binary(B) -> <<109, (byte_size(B)):32, B/binary>>;
enc([]) -> <<106>>;
enc(L) when is_list(L) -> <<108, (length(L)):32, (<<<<(enc(E))/binary>> || E <- L>>)/binary, 106>>;
enc(T) when is_tuple(T) -> <<104, (tuple_size(T)), (<<<<(enc(E))/binary>> || E <- tuple_to_list(T)>>)/binary>>.

chain([]) -> <<106>>;
chain([H | T]) -> <<108, 1:32, (enc(H))/binary, (chain(T))/binary>>.

%% ---- text ----

opts(Options) -> io_lib:format("~w", [Options]).

text(I) when is_integer(I) -> integer_to_list(I);
text(A) when is_atom(A) -> ["a", hex(atom_to_binary(A, latin1))];
text(B) when is_binary(B) -> ["b", hex(B)];
text([]) -> "[]";
text(L) when is_list(L) ->
    case length(L) =< 65535 andalso lists:all(fun(E) -> is_integer(E) andalso 0 =< E andalso E =< 255 end, L) of
        true -> ["s", hex(list_to_binary(L))];
        false -> ["[", lists:join(",", [text(E) || E <- L]), "]"]
    end;
text(T) when is_tuple(T) -> ["{", lists:join(",", [text(E) || E <- tuple_to_list(T)]), "}"].

hex(B) -> string:lowercase(binary:encode_hex(B)).

%% SPDX-License-Identifier: ISC
%%
%% Frames: the exact bytes that are sent, what is understood, and what is
%% refused. No port program takes part.
-module(alcove_codec_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0]).
-export([call_without_pipeline/1, call_names_outermost_first/1, arguments_become_a_tuple/1,
         stdin_is_wrapped/1, stdin_of_the_port_is_bare/1, largest_frames/1,
         oversize_is_refused/1]).
-export([reply_through_three_processes/1, every_type_is_decoded/1, pids_are_unsigned/1,
         bytes_behind_the_term_are_ignored/1, malformed_frames_are_refused/1,
         broken_terms_are_badarg/1]).
-export([stream_at_every_cut/1, incomplete_tail_is_returned/1, empty_frame_is_split_off/1,
         random_pipelines_round_trip/1]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, encode}, {group, decode}, {group, stream}].

groups() ->
    [{encode, [parallel],
      [call_without_pipeline, call_names_outermost_first, arguments_become_a_tuple,
       stdin_is_wrapped, stdin_of_the_port_is_bare, largest_frames, oversize_is_refused]},
     {decode, [parallel],
      [reply_through_three_processes, every_type_is_decoded, pids_are_unsigned,
       bytes_behind_the_term_are_ignored, malformed_frames_are_refused,
       broken_terms_are_badarg]},
     {stream, [parallel],
      [stream_at_every_cut, incomplete_tail_is_returned, empty_frame_is_split_off,
       random_pipelines_round_trip]}].

%%--------------------------------------------------------------------
%% Encoding
%%--------------------------------------------------------------------

call_without_pipeline(_Config) ->
    ?assertEqual(<<0,7, 0,4, 0,97, 131,104,0>>, call(version, [], [])).

call_names_outermost_first(_Config) ->
    ?assertEqual(<<0,23, 0,0, 0,0,0,1,
                   0,15, 0,0, 0,0,0,2,
                   0,7, 0,4, 0,97, 131,104,0>>,
                 call(version, [1, 2], [])).

arguments_become_a_tuple(_Config) ->
    Argv = [<<"/tmp">>, [o_rdonly, 64], 8#644],
    <<Length:16, ?ALCOVE_MSG_CALL:16, 56:16, Term/binary>> = call(open, [], Argv),
    ?assertEqual(byte_size(Term) + 4, Length),
    ?assertEqual(list_to_tuple(Argv), binary_to_term(Term)).

stdin_is_wrapped(_Config) ->
    ?assertEqual(<<0,9, 0,0, 0,0,0,5, "abc">>, stdin([5], "abc")),
    ?assertEqual(<<0,6, 0,0, 0,0,0,5>>, stdin([5], [])),
    ?assertEqual(<<0,17, 0,0, 0,0,0,5, 0,9, 0,0, 0,0,1,0, "abc">>,
                 stdin([5, 256], [<<"a">>, ["b" | <<"c">>]])).

stdin_of_the_port_is_bare(_Config) ->
    ?assertEqual(<<"anything">>, stdin([], ["any", <<"thing">>])).

%% A frame and its length field are 65535 bytes at most.
largest_frames(_Config) ->
    [begin
         Data = binary:copy(<<"x">>, 65535 - 8 * Depth),
         ?assertEqual(65535, byte_size(stdin(lists:duplicate(Depth, 7), Data)))
     end || Depth <- [1, 2, 16, 255]],
    ok.

%% Longer frames would need lengths that do not fit 16 bits; cut to them they
%% would put the port out of step.
oversize_is_refused(_Config) ->
    Data = binary:copy(<<"x">>, 65536),
    ?assertError(badarg, stdin([5], Data)),
    ?assertError(badarg, stdin([5, 6], binary:copy(<<"x">>, 65535 - 15))),
    ?assertError(badarg, call(write, [], [1, Data])),
    ?assertError(badarg, call(write, [5], [1, binary:copy(<<"x">>, 65520)])).

%%--------------------------------------------------------------------
%% Decoding
%%--------------------------------------------------------------------

reply_through_three_processes(_Config) ->
    ?assertEqual({alcove_call, [295, 551, 807], <<"0.2.0">>},
                 alcove_codec:decode(proxied([295, 551, 807], reply(<<"0.2.0">>)))).

every_type_is_decoded(_Config) ->
    Frames =
        [{{alcove_stdout, [3], <<"out">>}, stream(?ALCOVE_MSG_STDOUT, 3, <<"out">>)},
         {{alcove_stderr, [3], <<>>}, stream(?ALCOVE_MSG_STDERR, 3, <<>>)},
         {{alcove_stdout, [9, 3], <<0, 255>>},
          proxied([9], stream(?ALCOVE_MSG_STDOUT, 3, <<0, 255>>))},
         {{alcove_call, [], {ok, 1}}, term(?ALCOVE_MSG_CALL, {ok, 1})},
         {{alcove_event, [3], {exit_status, 7}},
          proxied([3], term(?ALCOVE_MSG_EVENT, {exit_status, 7}))},
         {{alcove_ctl, [3], fdctl_closed}, proxied([3], term(?ALCOVE_MSG_CTL, fdctl_closed))},
         {{alcove_pipe, [3], 4096}, proxied([3], term(?ALCOVE_MSG_PIPE, 4096))}],
    [?assertEqual(Decoded, alcove_codec:decode(Frame)) || {Decoded, Frame} <- Frames],
    ok.

pids_are_unsigned(_Config) ->
    ?assertEqual({alcove_ctl, [16#ffffffff], badpid},
                 alcove_codec:decode(proxied([-1], term(?ALCOVE_MSG_CTL, badpid)))).

bytes_behind_the_term_are_ignored(_Config) ->
    Term = <<?ALCOVE_MSG_CALL:16, (term_to_binary(ok))/binary, "rest">>,
    ?assertEqual({alcove_call, [], ok}, alcove_codec:decode(framed(Term))).

malformed_frames_are_refused(_Config) ->
    Whole = reply(ok),
    Frames = [<<>>, <<0>>, <<0,0>>, <<0,1,0>>, <<0,2,0,0>>,
              framed(<<0:16, 5:32, "stdin comes from the beam">>),
              framed(<<8:16, 5:32>>), framed(<<65535:16>>),
              binary:part(Whole, 0, byte_size(Whole) - 1),
              <<Whole/binary, 0>>,
              framed(<<?ALCOVE_MSG_PROXY:16, 5:32>>),
              framed(<<?ALCOVE_MSG_PROXY:16, 5:32, 0, 9, 0, 4>>),
              framed(<<?ALCOVE_MSG_PROXY:16, 5:32, Whole/binary, 0>>),
              framed(<<?ALCOVE_MSG_STDOUT:16, 5:24>>)],
    [?assertError(function_clause, alcove_codec:decode(Frame), Frame) || Frame <- Frames],
    ?assertError(function_clause, alcove_codec:decode([Whole])).

broken_terms_are_badarg(_Config) ->
    [?assertError(badarg, alcove_codec:decode(framed(<<Type:16, Term/binary>>)), {Type, Term})
     || Type <- [?ALCOVE_MSG_CALL, ?ALCOVE_MSG_EVENT, ?ALCOVE_MSG_CTL, ?ALCOVE_MSG_PIPE],
        Term <- [<<>>, <<131>>, <<130, 97, 1>>, <<131, 104, 2, 97, 1>>, <<131, 109, 255:32>>]],
    ok.

%%--------------------------------------------------------------------
%% Streams
%%--------------------------------------------------------------------

stream_at_every_cut(_Config) ->
    Frames = [reply(ok), proxied([1, 2], reply({ok, <<"x">>})), stream(?ALCOVE_MSG_STDERR, 4, <<"e">>)],
    Stream = iolist_to_binary(Frames),
    [begin
         <<Head:Cut/binary, Tail/binary>> = Stream,
         {First, Rest} = alcove_codec:stream(Head),
         {Second, <<>>} = alcove_codec:stream(<<Rest/binary, Tail/binary>>),
         ?assertEqual(Frames, First ++ Second)
     end || Cut <- lists:seq(0, byte_size(Stream))],
    ok.

incomplete_tail_is_returned(_Config) ->
    [?assertEqual({[], Tail}, alcove_codec:stream(Tail)) || Tail <- [<<>>, <<0>>, <<0, 2>>, <<0, 2, 0>>]],
    ok.

empty_frame_is_split_off(_Config) ->
    ?assertEqual({[<<0, 0>>, <<0, 1, 9>>], <<1>>}, alcove_codec:stream(<<0, 0, 0, 1, 9, 1>>)).

%% What is sent to a pipeline, answered along the same pipeline, comes back
%% with it.
random_pipelines_round_trip(_Config) ->
    Seed = rand:export_seed_s(rand:seed(exsss)),
    ct:pal("seed ~0p", [Seed]),
    [begin
         Pids = [rand:uniform(16#7fffffff) || _ <- lists:seq(1, rand:uniform(20) - 1)],
         Term = random_term(4),
         ?assertEqual({alcove_call, Pids, Term}, alcove_codec:decode(proxied(Pids, reply(Term)))),
         ?assertEqual({Pids, Term}, addressed(call(iolist_to_bin, Pids, [Term]), []))
     end || _ <- lists:seq(1, 1000)],
    ok.

random_term(0) ->
    rand:uniform(1 bsl 40) - (1 bsl 39);
random_term(Depth) ->
    case rand:uniform(4) of
        1 -> rand:bytes(rand:uniform(40));
        2 -> [random_term(Depth - 1) || _ <- lists:seq(1, rand:uniform(3))];
        3 -> {ok, random_term(Depth - 1)};
        4 -> lists:nth(rand:uniform(3), [ok, badarg, fdctl_closed])
    end.

addressed(<<_:16, 0:16, Pid:32, Inner/binary>>, Pids) ->
    addressed(Inner, [Pid | Pids]);
addressed(<<_:16, ?ALCOVE_MSG_CALL:16, _:16, Term/binary>>, Pids) ->
    {Argument} = binary_to_term(Term),
    {lists:reverse(Pids), Argument}.

%%--------------------------------------------------------------------
%% Frames as the port program makes them
%%--------------------------------------------------------------------

call(Name, Pids, Argv) ->
    iolist_to_binary(alcove_codec:call(Name, Pids, Argv)).

stdin(Pids, Data) ->
    iolist_to_binary(alcove_codec:stdin(Pids, Data)).

framed(Body) ->
    <<(byte_size(Body)):16, Body/binary>>.

term(Type, Term) ->
    framed(<<Type:16, (term_to_binary(Term))/binary>>).

reply(Term) ->
    term(?ALCOVE_MSG_CALL, Term).

stream(Type, Pid, Data) ->
    framed(<<Type:16, Pid:32, Data/binary>>).

proxied(Pids, Frame) ->
    lists:foldr(fun(Pid, Inner) -> framed(<<?ALCOVE_MSG_PROXY:16, Pid:32, Inner/binary>>) end,
                Frame, Pids).

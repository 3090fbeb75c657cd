%% SPDX-License-Identifier: ISC
%%
%% Stdin, stdout and stderr of programs: every byte, in order, before the end
%% is told; back-pressure both ways.
-module(alcove_stdio_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([echo_is_one_message/1, stderr_is_apart/1, stderr_of_a_control_process/1,
         every_byte_value/1, input_sizes/1, largest_input/1, output_chunk_is_bounded/1,
         empty_input_is_silent/1, input_reaches_the_deepest/1]).
-export([output_precedes_the_exit/1, output_of_grandchildren_goes_on/1,
         last_words_of_a_control_process/1, closed_streams_are_told/1]).
-export([collect_until_quiet/1, collect_keeps_what_it_has/1, only_the_tag_asked_for/1]).
-export([full_pipe_is_told/1, closed_reader_is_a_signal/1, control_process_frames_stay_whole/1,
         flowcontrol_holds_output_back/1, flowcontrol_of_a_short_program/1,
         closed_number_is_forgotten/1]).
-export([megabytes_through_sixteen/1, parallel_programs/1]).

suite() ->
    [{timetrap, {seconds, 120}}].

all() ->
    [{group, streams}, {group, ends}, {group, collect}, {group, pressure}, {group, volume}].

groups() ->
    [{streams, [], [echo_is_one_message, stderr_is_apart, stderr_of_a_control_process,
                    every_byte_value, input_sizes, largest_input, output_chunk_is_bounded,
                    empty_input_is_silent, input_reaches_the_deepest]},
     {ends, [], [output_precedes_the_exit, output_of_grandchildren_goes_on,
                 last_words_of_a_control_process, closed_streams_are_told]},
     {collect, [], [collect_until_quiet, collect_keeps_what_it_has, only_the_tag_asked_for]},
     {pressure, [], [full_pipe_is_told, closed_reader_is_a_signal,
                     control_process_frames_stay_whole, flowcontrol_holds_output_back,
                     flowcontrol_of_a_short_program, closed_number_is_forgotten]},
     {volume, [], [megabytes_through_sixteen, parallel_programs]}].

init_per_testcase(megabytes_through_sixteen, Config) ->
    alcove_test:setup([], [], Config);
init_per_testcase(_Case, Config) ->
    alcove_test:setup([], Config).

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

%%--------------------------------------------------------------------
%% Streams
%%--------------------------------------------------------------------

echo_is_one_message(Config) ->
    {Drv, Child} = processes(Config),
    alcove_test:exec(Drv, Child, ["/bin/sh"]),
    ?assertEqual(ok, alcove:stdin(Drv, Child, "echo hello\n")),
    ?assertEqual([<<"hello\n">>], alcove:stdout(Drv, Child, 2000)),
    ?assertEqual([], alcove:stdout(Drv, Child)),
    ?assertEqual([], alcove:stderr(Drv, Child)).

stderr_is_apart(Config) ->
    {Drv, Child} = processes(Config),
    alcove_test:exec(Drv, Child, ["/bin/sh"]),
    ok = alcove:stdin(Drv, Child, "no-such-command; echo out; echo err >&2\n"),
    ?assertEqual(<<"out\n">>, alcove_test:output(Drv, Child, 4)),
    Errors = iolist_to_binary(alcove:stderr(Drv, Child, 2000)),
    ?assertMatch(<<"/bin/sh: ", _/binary>>, Errors),
    ?assertMatch({_, _}, binary:match(Errors, <<"err\n">>)).

%% Only stdout of a control process carries frames.
stderr_of_a_control_process(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual({ok, 5}, alcove:write(Drv, Child, 2, <<"oops\n">>)),
    ?assertEqual([<<"oops\n">>], alcove:stderr(Drv, Child, 2000)),
    ?assert(is_integer(alcove:getpid(Drv, Child))).

every_byte_value(Config) ->
    {Drv, Child} = processes(Config),
    alcove_test:exec(Drv, Child, ["cat"]),
    Data = binary:copy(list_to_binary(lists:seq(0, 255)), 64),
    ok = alcove:stdin(Drv, Child, [Data]),
    ?assertEqual(Data, alcove_test:output(Drv, Child, byte_size(Data))).

input_sizes(Config) ->
    {Drv, Child} = processes(Config),
    alcove_test:exec(Drv, Child, ["cat"]),
    [begin
         Data = rand:bytes(Size),
         ok = alcove:stdin(Drv, Child, Data),
         ?assertEqual(Data, alcove_test:output(Drv, Child, Size))
     end || Size <- [1, 2, 255, 256, 4095, 4096, 4097, 32768, 65519]],
    ok.

largest_input(Config) ->
    {Drv, Child} = processes(Config),
    Deeper = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Deeper, ["cat"]),
    Limit = 65535 - 8 * length(Deeper),
    ?assertError(badarg, alcove:stdin(Drv, Deeper, binary:copy(<<"x">>, Limit + 1))),
    ?assertEqual({alcove_error, badarg}, alcove_drv:stdin(Drv, Deeper, binary:copy(<<"x">>, Limit + 1))),
    ?assertEqual(ok, alcove:stdin(Drv, Deeper, binary:copy(<<"x">>, Limit))),
    ?assertEqual(binary:copy(<<"x">>, Limit), alcove_test:output(Drv, Deeper, Limit)).

output_chunk_is_bounded(Config) ->
    {Drv, Child} = processes(Config),
    Deeper = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Deeper, "head -c 1000000 /dev/zero"),
    Chunks = chunks(Drv, Deeper, 1000000),
    ?assert(lists:max([byte_size(Chunk) || Chunk <- Chunks]) =< 65535 - 8 * length(Deeper)),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Deeper)).

empty_input_is_silent(Config) ->
    {Drv, Child} = processes(Config),
    alcove_test:exec(Drv, Child, ["cat"]),
    ok = alcove:stdin(Drv, Child, <<>>),
    ok = alcove:stdin(Drv, Child, "x"),
    ?assertEqual(<<"x">>, alcove_test:output(Drv, Child, 1)),
    alcove_test:silence(0).

input_reaches_the_deepest(Config) ->
    {Drv, Child} = processes(Config),
    Deepest = alcove_test:chain(Drv, Child, 10),
    alcove_test:exec(Drv, Deepest, ["cat"]),
    ok = alcove:stdin(Drv, Deepest, "far down\n"),
    ?assertEqual(<<"far down\n">>, alcove_test:output(Drv, Deepest, 9)).

%%--------------------------------------------------------------------
%% Ends
%%--------------------------------------------------------------------

%% What is in the pipes when a program ends comes before the event that says
%% so: a pipe holds more than one frame can carry. The parent is stopped until
%% the program is gone, so that it finds everything at once.
output_precedes_the_exit(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = Parent = alcove_test:fork(Drv, []),
    [begin
         Program = alcove_test:fork(Drv, Parent),
         alcove_test:sh(Drv, Program, "read line; sleep 0.1; head -c 65536 /dev/zero;"
                                      "head -c 65536 /dev/zero >&2"),
         ok = alcove:stdin(Drv, Program, "go\n"),
         _ = alcove:getpid(Drv, Parent),
         ok = alcove:kill(Drv, [], Pid, sigstop),
         alcove_test:until(fun() -> alcove_test:process_state(lists:last(Program)) =:= "Z" end),
         ok = alcove:kill(Drv, [], Pid, sigcont),
         ?assertEqual({65536, 65536}, counted_until_exit(Drv, Program, 0, 0))
     end || _ <- lists:seq(1, 5)],
    ?assertEqual([], [M || {Tag, _, _, _} = M <- alcove_test:messages(),
                           Tag =:= alcove_stdout orelse Tag =:= alcove_stderr]).

%% A program leaves, its child goes on writing to the same pipe.
output_of_grandchildren_goes_on(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Program, "(sleep 0.5; echo late) & echo early; exit 3"),
    ?assertEqual(<<"early\n">>, alcove_test:output(Drv, Program, 6)),
    ?assertEqual({exit_status, 3}, alcove_test:event(Drv, Program)),
    ?assertEqual(<<"late\n">>, alcove_test:output(Drv, Program, 5)),
    alcove_test:until(fun() -> alcove:cpid(Drv, Child) =:= [] end).

%% A reply that is followed at once by exec or exit is a reply, never output.
last_words_of_a_control_process(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         Below = alcove_test:fork(Drv, Child),
         Frames = [alcove_codec:call(getpid, Below, []), alcove_codec:call(version, Below, []),
                   alcove_codec:call(exit, Below, [9])],
         [ok = gen_server:call(Drv, {send, Frame}, infinity) || Frame <- Frames],
         Pid = receive {alcove_call, Drv, Below, P} -> P after 10000 -> none end,
         Version = receive {alcove_call, Drv, Below, V} -> V after 10000 -> none end,
         ?assert(is_integer(Pid)),
         ?assert(is_binary(Version)),
         ?assertEqual({exit_status, 9}, alcove_test:event(Drv, Below)),
         ?assertEqual([], [M || {alcove_stdout, _, _, _} = M <- alcove_test:messages()])
     end || _ <- lists:seq(1, 100)],
    ok.

closed_streams_are_told(Config) ->
    {Drv, Child} = processes(Config),
    [true = alcove:setopt(Drv, Child, Option, 1) || Option <- [stdin_closed, stdout_closed, stderr_closed]],
    Program = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Program, "exec >&- 2>&-; read line; exit 0"),
    Closed = [receive {alcove_ctl, Drv, Program, C} -> C after 10000 -> none end || _ <- [1, 2]],
    ?assertEqual([stderr_closed, stdout_closed], lists:sort(Closed)),
    ?assertEqual(false, alcove:event(Drv, Program, 100)),
    ok = alcove:stdin(Drv, Program, "go\n"),
    alcove_test:message({alcove_ctl, Drv, Program, stdin_closed}),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Program)),
    alcove_test:silence(0).

%%--------------------------------------------------------------------
%% Collecting
%%--------------------------------------------------------------------

%% The time limit of stdout/3 is a quiet period, not a deadline.
collect_until_quiet(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Program, "for i in 1 2 3 4 5; do echo $i; sleep 0.2; done; read line"),
    ?assertEqual(<<"1\n2\n3\n4\n5\n">>, iolist_to_binary(alcove:stdout(Drv, Program, 1000))),
    %% Without a limit it waits for output, and not for ever after it.
    Late = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Late, "sleep 0.3; echo late; read line"),
    ?assertEqual([<<"late\n">>], alcove:stdout(Drv, Late, infinity)).

%% Output collected before an error is returned; the error is raised by the
%% next call, output behind it comes after that. Nothing is lost.
collect_keeps_what_it_has(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         [self() ! {Tag, Drv, Child, Data} || Data <- [<<"one">>, <<"two">>]],
         self() ! {Error, Drv, Child, Term},
         self() ! {Tag, Drv, Child, <<"three">>},
         ?assertEqual([<<"one">>, <<"two">>], alcove:Function(Drv, Child, 0)),
         {Raised, Rest} = collected(Drv, Child, Function),
         ?assertEqual({[Reason], [<<"three">>]}, {Raised, Rest}),
         alcove_test:silence(0)
     end || {Tag, Function} <- [{alcove_stdout, stdout}, {alcove_stderr, stderr}],
            {Error, Term, Reason} <- [{alcove_ctl, badpid, badpid}, {alcove_pipe, 17, {eagain, 17}}]],
    ok.

collected(Drv, Pids, Function) ->
    try alcove:Function(Drv, Pids, 0) of
        [] ->
            {[], []};
        Output ->
            {Raised, Rest} = collected(Drv, Pids, Function),
            {Raised, Output ++ Rest}
    catch
        error:Reason ->
            {Raised, Rest} = collected(Drv, Pids, Function),
            {[Reason | Raised], Rest}
    end.

only_the_tag_asked_for(Config) ->
    {Drv, Child} = processes(Config),
    alcove_test:sh(Drv, Child, "echo out; echo err >&2; exit 5"),
    ?assertEqual({exit_status, 5}, alcove:event(Drv, Child, 10000)),
    ?assertEqual(false, alcove:event(Drv, Child)),
    ?assertEqual([<<"err\n">>], alcove:stderr(Drv, Child)),
    ?assertEqual([], alcove:stderr(Drv, Child)),
    ?assertEqual([<<"out\n">>], alcove:stdout(Drv, Child)),
    alcove_test:silence(0).

%%--------------------------------------------------------------------
%% Back-pressure
%%--------------------------------------------------------------------

full_pipe_is_told(Config) ->
    Drv = ?config(drv, Config),
    Program = alcove_test:fork(Drv, []),
    alcove_test:exec(Drv, Program, ["sleep", "600"]),
    ok = alcove:stdin(Drv, Program, binary:copy(<<"x">>, 65000)),
    ok = alcove:stdin(Drv, Program, binary:copy(<<"x">>, 5000)),
    Taken = receive {alcove_pipe, Drv, Program, N} -> N after 10000 -> none end,
    ?assert(Taken >= 0 andalso Taken < 5000, Taken),
    [begin
         ok = alcove:stdin(Drv, Program, binary:copy(<<"x">>, 65000)),
         ?assertError({eagain, 0}, alcove:Function(Drv, Program, 10000))
     end || Function <- [stdout, stderr]],
    ok.

closed_reader_is_a_signal(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Program, "exec <&-; echo closed; exec sleep 600"),
    <<"closed\n">> = alcove_test:output(Drv, Program, 7),
    ok = alcove:stdin(Drv, Program, "x"),
    ?assertMatch({signal, sigpipe, _}, alcove_test:event(Drv, Child)),
    ?assert(is_integer(alcove:getpid(Drv, Child))),
    ok = alcove:kill(Drv, Child, lists:last(Program), sigkill),
    ?assertEqual({termsig, sigkill}, alcove_test:event(Drv, Program)).

%% A control process that does not read for a while must find whole frames
%% when it does. What was taken is answered, what was not is told.
control_process_frames_stay_whole(Config) ->
    {Drv, [Pid] = Child} = processes(Config),
    ok = alcove:kill(Drv, [], Pid, sigstop),
    alcove_test:until(fun() -> alcove_test:process_state(Pid) =:= "T" end),
    Data = binary:copy(<<"y">>, 10000),
    Frame = alcove_codec:call(iolist_to_bin, Child, [Data]),
    [ok = gen_server:call(Drv, {send, Frame}, infinity) || _ <- lists:seq(1, 12)],
    _ = alcove:getpid(Drv, []),
    Refused = length([N || {alcove_pipe, _, [P], N} <- alcove_test:messages(), P =:= Pid]),
    ok = alcove:kill(Drv, [], Pid, sigcont),
    [receive
         {alcove_call, Drv, Child, Answer} -> ?assertEqual(Data, Answer)
     after 10000 ->
         erlang:error({answer, I, of_twelve_less, Refused})
     end || I <- lists:seq(1, 12 - Refused)],
    ?assert(is_integer(alcove:getpid(Drv, Child, 10000))).

flowcontrol_holds_output_back(Config) ->
    {Drv, Child} = processes(Config),
    [Pid] = Program = alcove_test:fork(Drv, []),
    true = alcove:setcpid(Drv, [], Pid, flowcontrol, 0),
    alcove_test:exec(Drv, Program, ["yes"]),
    ?assertEqual(false, alcove_drv:stdout(Drv, Program, 2000)),
    true = alcove:setcpid(Drv, [], Pid, flowcontrol, 2),
    [?assert(is_binary(alcove_drv:stdout(Drv, Program, 10000))) || _ <- [1, 2]],
    ?assertEqual(false, alcove_drv:stdout(Drv, Program, 1000)),
    ?assertEqual(0, alcove:getcpid(Drv, [], Pid, flowcontrol)),
    %% Others are not held up.
    ?assert(is_integer(alcove:getpid(Drv, Child))),
    ok = alcove:kill(Drv, [], Pid, sigkill),
    ?assertEqual({termsig, sigkill}, alcove_test:event(Drv, Program)).

%% The limit does not outlive the program: its end is told and the slot freed.
flowcontrol_of_a_short_program(Config) ->
    {Drv, Child} = processes(Config),
    true = alcove:setopt(Drv, Child, flowcontrol, 1),
    [begin
         Program = alcove_test:fork(Drv, Child),
         alcove_test:exec(Drv, Program, ["echo", "test"]),
         ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Program)),
         ?assertEqual([<<"test\n">>], alcove:stdout(Drv, Program)),
         alcove_test:until(fun() -> alcove:cpid(Drv, Child) =:= [] end)
     end || _ <- [1, 2]],
    ok.

%% A closed stdin number may be given to a file later. Neither input for the
%% child nor its end may touch that file.
closed_number_is_forgotten(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Pid} = alcove:fork(Drv, Child),
    Program = Child ++ [Pid],
    alcove_test:sh(Drv, Program, "read line; echo over; sleep 1"),
    In = alcove:getcpid(Drv, Child, Pid, stdin),
    ok = alcove:eof(Drv, Program),
    <<"over\n">> = alcove_test:output(Drv, Program, 5),
    ok = alcove:chdir(Drv, Child, alcove_test:scratch(Config)),
    ok = open_as(Drv, Child, In, "file"),
    ok = alcove:stdin(Drv, Program, "not for the file"),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Program)),
    ?assertEqual({ok, 4}, alcove:write(Drv, Child, In, "text")),
    ok = alcove:lseek(Drv, Child, In, 0, 0),
    ?assertEqual({ok, <<"text">>}, alcove:read(Drv, Child, In, 100)).

%%--------------------------------------------------------------------
%% Volume
%%--------------------------------------------------------------------

%% A program at the end of sixteen processes writes a million short lines.
megabytes_through_sixteen(Config) ->
    {Drv, Child} = processes(Config),
    Deepest = alcove_test:chain(Drv, Child, 15),
    {ok, sig_info} = alcove:sigaction(Drv, Deepest, sigpipe, sig_dfl),
    Lines = list_to_integer(os:getenv("ALCOVE_TEST_STREAM_COUNT", "1048576")),
    alcove_test:exec(Drv, Deepest, ["/bin/sh"]),
    ok = alcove:stdin(Drv, Deepest, ["yes | head -n ", integer_to_list(Lines), "\n"]),
    Chunks = chunks(Drv, Deepest, 2 * Lines),
    ?assertEqual(binary:copy(<<"y\n">>, Lines), iolist_to_binary(Chunks)).

%% Each round is less than a pipe holds, so nothing may be refused.
parallel_programs(Config) ->
    {Drv, Child} = processes(Config),
    Programs = [alcove_test:fork(Drv, Child) || _ <- lists:seq(1, 8)],
    [alcove_test:exec(Drv, Program, ["cat"]) || Program <- Programs],
    [begin
         Round = [{Program, rand:bytes(5000)} || Program <- Programs],
         [ok = alcove:stdin(Drv, Program, Data) || {Program, Data} <- Round],
         [?assertEqual(Data, alcove_test:output(Drv, Program, 5000)) || {Program, Data} <- Round]
     end || _ <- lists:seq(1, 20)],
    alcove_test:silence(0).

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

%% The messages that make up Size bytes of stdout.
chunks(_Drv, _Pids, 0) ->
    [];
chunks(Drv, Pids, Size) when Size > 0 ->
    receive
        {alcove_stdout, Drv, Pids, Data} -> [Data | chunks(Drv, Pids, Size - byte_size(Data))]
    after 10000 ->
        erlang:error({output, {missing, Size}})
    end.

%% Opens a file until it has the number: a new descriptor is the lowest free.
open_as(Drv, Pids, Fd, Path) ->
    case alcove:open(Drv, Pids, Path, [o_rdwr, o_creat], 8#600) of
        {ok, Fd} -> ok;
        {ok, Lower} when Lower < Fd -> open_as(Drv, Pids, Fd, Path)
    end.

counted_until_exit(Drv, Pids, Out, Err) ->
    receive
        {alcove_stdout, Drv, Pids, Data} -> counted_until_exit(Drv, Pids, Out + byte_size(Data), Err);
        {alcove_stderr, Drv, Pids, Data} -> counted_until_exit(Drv, Pids, Out, Err + byte_size(Data));
        {alcove_event, Drv, Pids, {exit_status, 0}} -> {Out, Err}
    after 10000 ->
        erlang:error({no_exit, Out, Err})
    end.

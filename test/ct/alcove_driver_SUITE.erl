%% SPDX-License-Identifier: ISC
%%
%% Life of a driver: start, options, messages, what a hostile child can do to
%% it, timeouts, death, supervision, and what is left afterwards.
-module(alcove_driver_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([start_forms/1, options_reach_the_program/1, options_first_wins/1, command_lines/1,
         failing_starts/1, failing_start_links/1, start_has_a_time_limit/1,
         greeting_in_any_chunks/1, directory_of_the_fifo/1, stale_fifo_does_not_block/1]).
-export([messages_have_four_elements/1, another_owner/1, unknown_requests/1,
         raw_mode_repeats_nothing/1, events_as_values/1, small_messages_pin_nothing/1]).
-export([timeout_bounds_the_send/1, late_reply_is_not_the_next_answer/1,
         late_replies_in_a_row/1, timeouts_are_refused/1, sizes_are_checked/1,
         large_replies_harm_nobody/1, long_mailbox/1]).
-export([unfinished_frame_holds_nobody_up/1, malformed_frames_cost_one_pipeline/1, random_bytes_cost_one_pipeline/1,
         forged_atoms_are_bounded/1, answers_of_the_system_are_known/1]).
-export([waiting_caller_hears_of_the_death/1, port_is_killed/1, owner_dies/1,
         linked_starter_dies/1]).
-export([status_of_the_port_is_logged/1, log/2]).
-export([thousand_execs_of_the_port/0, thousand_execs_of_the_port/1,
         thousand_exits_of_the_port/0, thousand_exits_of_the_port/1,
         output_of_an_executed_port/1]).
-export([hundred_drivers_and_files/1, stop_leaves_nothing/1, kill_leaves_nothing/1]).
-export([under_a_supervisor/1, restarted_by_the_supervisor/1]).

%% Run in another VM.
-export([hundred_drivers/0, names_of_the_system/0]).

%% supervisor callback
-behaviour(supervisor).
-export([init/1]).

%% Of a shell script in place of the port program: its greeting, which is an
%% answer as well, and what it does when it is told to unlink the fifo.
-define(GREETING, "\\000\\007\\000\\004\\203\\167\\002ok").
-define(UNLINK, "head -c 1 >/dev/null; rm -f \"$fifo\"").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, start}, {group, messages}, {group, calls}, {group, hostile}, {group, death},
     {group, port}, {group, resources}, {group, supervision}].

groups() ->
    [{start, [], [start_forms, options_reach_the_program, options_first_wins, command_lines,
                  failing_starts, failing_start_links, start_has_a_time_limit,
                  greeting_in_any_chunks, directory_of_the_fifo, stale_fifo_does_not_block]},
     {messages, [], [messages_have_four_elements, another_owner, unknown_requests,
                     raw_mode_repeats_nothing, events_as_values, small_messages_pin_nothing]},
     {calls, [], [timeout_bounds_the_send, late_reply_is_not_the_next_answer,
                  late_replies_in_a_row, timeouts_are_refused, sizes_are_checked,
                  large_replies_harm_nobody, long_mailbox]},
     {hostile, [], [unfinished_frame_holds_nobody_up, malformed_frames_cost_one_pipeline, random_bytes_cost_one_pipeline,
                    forged_atoms_are_bounded, answers_of_the_system_are_known]},
     {death, [], [waiting_caller_hears_of_the_death, port_is_killed, owner_dies,
                  linked_starter_dies]},
     {port, [], [status_of_the_port_is_logged, thousand_execs_of_the_port, thousand_exits_of_the_port,
                 output_of_an_executed_port]},
     {resources, [], [hundred_drivers_and_files, stop_leaves_nothing, kill_leaves_nothing]},
     {supervision, [], [under_a_supervisor, restarted_by_the_supervisor]}].

%% Cases that need a tree find a driver and a child; the others start their
%% own.
init_per_testcase(Case, Config) ->
    WithTree = [messages_have_four_elements, unknown_requests, events_as_values,
                late_reply_is_not_the_next_answer, late_replies_in_a_row, timeouts_are_refused,
                sizes_are_checked, large_replies_harm_nobody, long_mailbox,
                unfinished_frame_holds_nobody_up, malformed_frames_cost_one_pipeline,
                random_bytes_cost_one_pipeline, forged_atoms_are_bounded],
    case lists:member(Case, WithTree) of
        true -> alcove_test:setup([], Config);
        false -> Config
    end.

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

%%--------------------------------------------------------------------
%% Start
%%--------------------------------------------------------------------

start_forms(_Config) ->
    Self = self(),
    Options = alcove_test:options(),
    Starts = [fun() -> alcove_drv:start(Options) end, fun() -> alcove_drv:start(Self, Options) end,
              fun() -> alcove_drv:start_link(Options) end,
              fun() -> alcove_drv:start_link(Self, Options) end]
             ++ [Start || Options =:= [{exec, ""}],
                          Start <- [fun alcove_drv:start/0, fun alcove_drv:start_link/0]],
    [begin
         {ok, Drv} = Start(),
         ?assertEqual([], alcove_test:messages()),
         ?assert(is_pid(Drv)),
         ?assert(is_integer(alcove:getpid(Drv, []))),
         ?assertEqual(ok, alcove_drv:stop(Drv)),
         alcove_test:until(fun() -> not is_process_alive(Drv) end)
     end || Start <- Starts],
    alcove_test:silence(0).

options_reach_the_program(Config) ->
    Dir = filename:join(alcove_test:scratch(Config), "a b"),
    ok = file:make_dir(Dir),
    Named = filename:join(Dir, "my port"),
    {ok, _} = file:copy(program(), Named),
    ok = file:change_mode(Named, 8#755),
    Drv = alcove_test:start([{exec, ""}, {maxchild, 3}, {env, [{"ALCOVE_ENV", "from the option"}]},
                             {progname, list_to_binary(Named)}, {ctldir, list_to_binary(Dir)},
                             termsig, {no_such_option, 1}, {stderr_to_stdout, true}]),
    ?assertEqual(3, alcove:getopt(Drv, [], maxchild)),
    ?assertEqual(<<"from the option">>, alcove:getenv(Drv, [], "ALCOVE_ENV")),
    {ok, Title} = file:read_file("/proc/" ++ integer_to_list(alcove_test:os_pid(Drv)) ++ "/cmdline"),
    ?assertEqual(list_to_binary(Named), hd(binary:split(Title, <<0>>))),
    alcove_test:stop(Drv),
    ?assertEqual({ok, ["my port"]}, file:list_dir(Dir)).

options_first_wins(_Config) ->
    Drv = alcove_test:start([{exec, "/usr/bin/env  ALCOVE_WORD=first "}, {exec, "/nonexistent"}]),
    ?assertEqual(<<"first">>, alcove:getenv(Drv, [], "ALCOVE_WORD")),
    alcove_test:stop(Drv).

command_lines(_Config) ->
    Program = alcove_drv:progname(),
    Sh = os:find_executable("sh"),
    ?assertEqual([Program], alcove_drv:getopts([])),
    ?assertEqual([Sh, "-x", "-e", Program, "-c", "/x", "-d", "3", "-m", "8", "-m", "9"],
                 alcove_drv:getopts([{fdctl, "/x"}, {depth, 3}, {maxchild, 8}, {exec, " sh  -x -e"},
                                     termsig, {foo, bar}, {maxchild, 9}, {exec, "ls"}])),
    ?assertEqual([Sh, "-m", "1"], alcove_drv:getopts([{maxchild, 1}, {progname, <<"sh">>}])),
    ?assertEqual([Sh], alcove_drv:getopts([{progname, Sh}])),
    ?assertError(badarg, alcove_drv:getopts([{progname, "/nonexistent"}])),
    ?assertError(badarg, alcove_drv:getopts([{exec, "no-such-program-here"}])),
    ?assertError(badarg, alcove_drv:getopts([{maxchild, "8"}])),
    ?assertError(function_clause, alcove_drv:getopts([{a, b, c}])).

%% Each leaves nothing behind.
failing_starts(Config) ->
    Dir = alcove_test:scratch(Config),
    Fds = alcove_test:vm_fds(),
    NoFrame = fake(Config, ["printf 'this is no frame at all'", "cat >/dev/null"]),
    Other = fake(Config, ["printf '\\000\\007\\000\\004\\203\\167\\002no'", "cat >/dev/null"]),
    Refuses = fake(Config, ["printf '" ++ ?GREETING ++ "'",
                            "printf '\\000\\024\\000\\004\\203\\150\\002\\167\\005error\\167\\006eacces'",
                            "cat >/dev/null"]),
    [begin
         Answer = alcove_drv:start(Options ++ [{exec, ""} | alcove_test:options()]),
         ?assertMatch({Options, {error, _}}, {Options, Answer}),
         {error, Reason} = Answer,
         ?assert(Expected(Reason), {Options, Reason})
     end || {Options, Expected} <-
                [{[{progname, "/nonexistent"}], fun({badarg, _}) -> true; (_) -> false end},
                 {[{exec, "/nonexistent"}], fun({badarg, _}) -> true; (_) -> false end},
                 {[{progname, "/bin/false"}], fun(R) -> R =:= {error, port_init_failed} end},
                 {[{ctldir, "/nonexistent"}], fun(R) -> R =:= {error, port_init_failed} end},
                 {[{depth, 1}], fun(_) -> true end},
                 {[{env, nonsense}], fun({badarg, _}) -> true; (_) -> false end},
                 {[{progname, NoFrame}, {ctldir, Dir}], fun(_) -> true end},
                 {[{progname, Other}, {ctldir, Dir}], fun(_) -> true end},
                 {[{progname, Refuses}, {ctldir, Dir}], fun(_) -> true end}]],
    alcove_test:until(fun() -> alcove_test:vm_fds() =:= Fds end),
    alcove_test:silence(0).

failing_start_links(_Config) ->
    process_flag(trap_exit, true),
    ?assertEqual({error, {error, port_init_failed}},
                 alcove_drv:start_link([{progname, "/bin/false"} | alcove_test:options()])),
    receive
        {'EXIT', _, Reason} -> ?assertEqual({error, port_init_failed}, Reason)
    after 10000 ->
        erlang:error(no_exit_signal)
    end.

start_has_a_time_limit(Config) ->
    Silent = fake(Config, ["cat >/dev/null"]),
    Half = fake(Config, ["printf '\\000\\007\\000'", "cat >/dev/null"]),
    Deaf = fake(Config, ["printf '" ++ ?GREETING ++ "'", "cat >/dev/null"]),
    Fds = alcove_test:vm_fds(),
    [begin
         {Time, Answer} = timer:tc(fun() -> alcove_drv:start([{progname, Program}, {start_timeout, 500},
                                                             {ctldir, alcove_test:scratch(Config)}]) end),
         ?assertMatch({error, _}, Answer),
         ?assert(Time >= 400000 andalso Time < 10000000, Time)
     end || Program <- [Silent, Half, Deaf]],
    alcove_test:until(fun() -> alcove_test:vm_fds() =:= Fds end).

%% A byte at a time, and everything at once.
greeting_in_any_chunks(Config) ->
    Slow = lists:append([["printf '" ++ Byte ++ "'", "sleep 0.05"]
                         || Byte <- ["\\000", "\\007\\000", "\\004\\203\\167", "\\002", "o", "k"]]),
    Programs = [Slow ++ [?UNLINK, "printf '" ++ ?GREETING ++ "'"],
                ["printf '" ++ ?GREETING ++ ?GREETING ++ "'", ?UNLINK],
                ["printf '" ++ ?GREETING ++ "\\000\\007'", ?UNLINK,
                 "printf '\\000\\004\\203\\167\\002ok'"]],
    [begin
         Dir = alcove_test:scratch(Config),
         {ok, Drv} = alcove_drv:start_link([{progname, fake(Config, Lines ++ ["cat >/dev/null"])},
                                            {ctldir, Dir}]),
         alcove_test:until(fun() -> {ok, []} =:= file:list_dir(Dir) end),
         alcove_test:silence(0),
         alcove_test:stop(Drv)
     end || Lines <- Programs],
    ok.

%% The application is installed where nobody can write, not even root: its
%% priv directory is one of the kernel's.
directory_of_the_fifo(Config) ->
    App = filename:join(alcove_test:scratch(Config), "alcove"),
    ok = file:make_dir(App),
    ok = file:make_symlink("/proc/self/net", filename:join(App, "priv")),
    ok = file:make_dir(filename:join(App, "ebin")),
    [{ok, _} = file:copy(Beam, filename:join([App, "ebin", filename:basename(Beam)]))
     || Beam <- filelib:wildcard(filename:dirname(code:which(alcove_drv)) ++ "/alcove*.beam")],
    with_peer([filename:join(App, "ebin")],
              fun(Peer) ->
                      Options = [{progname, program()} | alcove_test:options()],
                      Call = fun(M, F, A) -> peer:call(Peer, M, F, A, 30000) end,
                      Which = Call(code, which, [alcove_drv]),
                      ?assertEqual(filename:join(App, "ebin/alcove_drv.beam"), Which),
                      {ok, Drv} = Call(alcove_drv, start, [Call(erlang, whereis, [init]), Options]),
                      ?assert(Call(erlang, is_process_alive, [Drv])),
                      ?assertEqual(ok, Call(alcove_drv, stop, [Drv]))
              end).

%% A fifo that a VM with this name left behind when the machine lost power.
stale_fifo_does_not_block(Config) ->
    Dir = alcove_test:scratch(Config),
    Program = fake(Config, ["test -e \"$fifo\" && exit 17", "printf '" ++ ?GREETING ++ "'", "exit 0"]),
    Names = [begin
                 {error, _} = alcove_drv:start([{progname, Program}, {ctldir, Dir}]),
                 {ok, Left} = file:list_dir(Dir),
                 Left
             end || _ <- lists:seq(1, 3)],
    ct:pal("left by programs that ended at once: ~p", [Names]),
    Drv = alcove_test:start([{ctldir, Dir}]),
    ?assert(is_integer(alcove:getpid(Drv, []))),
    alcove_test:stop(Drv).

%%--------------------------------------------------------------------
%% Messages
%%--------------------------------------------------------------------

messages_have_four_elements(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Program, "echo out; echo err >&2; exit 2"),
    ok = alcove:kill(Drv, [], lists:last(Child), sigusr1),
    ok = alcove:stdin(Drv, [1 bsl 30], "lost"),
    timer:sleep(500),
    Messages = alcove_test:messages(),
    ?assertEqual([], [M || M <- Messages, element(2, M) =/= Drv orelse tuple_size(M) =/= 4]),
    [?assert(lists:member(M, Messages), M)
     || M <- [{alcove_stdout, Drv, Program, <<"out\n">>}, {alcove_stderr, Drv, Program, <<"err\n">>},
              {alcove_event, Drv, Program, {exit_status, 2}}, {alcove_ctl, Drv, [1 bsl 30], badpid}]],
    ?assertMatch([_], [S || {alcove_event, _, Pids, {signal, sigusr1, _} = S} <- Messages, Pids =:= Child]).

another_owner(_Config) ->
    Self = self(),
    Owner = spawn_link(fun() -> owner(Self) end),
    {ok, Drv} = alcove_drv:start(Owner, alcove_test:options()),
    ?assertEqual({error, not_owner}, alcove:fork(Drv, [])),
    ?assertEqual(ok, alcove:stdin(Drv, [1 bsl 30], "from somebody else")),
    receive
        {owner, Message} -> ?assertEqual({alcove_ctl, Drv, [1 bsl 30], badpid}, Message)
    after 10000 ->
        erlang:error(timeout)
    end,
    ?assertEqual(ok, alcove_drv:stop(Drv)),
    true = unlink(Owner),
    exit(Owner, kill).

owner(Teller) ->
    receive Message -> Teller ! {owner, Message} end,
    owner(Teller).

unknown_requests(Config) ->
    {Drv, Child} = processes(Config),
    Own = alcove:getpid(Drv, Child),
    ?assertEqual({error, enotsup}, gen_server:call(Drv, unheard_of)),
    ok = gen_server:cast(Drv, unheard_of),
    Drv ! unheard_of,
    Drv ! {self(), {data, <<"not from the port">>}},
    ?assertEqual(ok, gen_server:call(Drv, {send, alcove_codec:call(getpid, Child, [])}, infinity)),
    alcove_test:message({alcove_call, Drv, Child, Own}),
    ok = gen_server:cast(Drv, {send, alcove_codec:call(getpid, Child, [])}),
    alcove_test:message({alcove_call, Drv, Child, Own}),
    ?assertEqual(alcove_drv:port(Drv), alcove_drv:port(Drv)),
    ?assert(is_port(alcove_drv:port(Drv))).

%% Bytes waiting as part of a frame are handed on once.
raw_mode_repeats_nothing(Config) ->
    Program = fake(Config, ["printf '" ++ ?GREETING ++ "'", ?UNLINK, "printf '" ++ ?GREETING ++ "'",
                            "sleep 0.2", "printf '\\000\\377left.'", "sleep 0.5", "printf one.",
                            "sleep 0.5", "printf two.", "cat >/dev/null"]),
    {ok, Drv} = alcove_drv:start_link([{progname, Program}, {ctldir, alcove_test:scratch(Config)}]),
    timer:sleep(400),
    ?assertEqual(ok, alcove_drv:raw(Drv)),
    Output = alcove_test:output_until(Drv, [], "two\\.$"),
    ?assertEqual(<<0, 255, "left.one.two.">>, Output),
    alcove_test:stop(Drv).

events_as_values(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(false, alcove:event(Drv, Child)),
    [self() ! Message || Message <- [{alcove_ctl, Drv, Child, fdctl_closed},
                                     {alcove_event, Drv, Child, {exit_status, 1}},
                                     {alcove_ctl, Drv, Child, stdout_closed},
                                     {alcove_pipe, Drv, Child, 5}]],
    ?assertEqual([{exit_status, 1}, {alcove_error, stdout_closed}, {alcove_pipe, {eagain, 5}}, false],
                 [alcove:event(Drv, Child) || _ <- lists:seq(1, 4)]).

%% A small message that is kept must not keep the chunk it came in.
small_messages_pin_nothing(Config) ->
    Frame = fun(N) -> <<(6 + N):16, ?ALCOVE_MSG_STDOUT:16, 5:32, (binary:copy(<<"x">>, N))/binary>> end,
    File = filename:join(alcove_test:scratch(Config), "frames"),
    ok = file:write_file(File, [[Frame(100), Frame(5000)] || _ <- lists:seq(1, 20)]),
    Program = fake(Config, ["printf '" ++ ?GREETING ++ "'", ?UNLINK, "printf '" ++ ?GREETING ++ "'",
                            "sleep 0.2", "cat '" ++ File ++ "'",
                            "cat >/dev/null"]),
    {ok, Drv} = alcove_drv:start_link([{progname, Program}, {ctldir, alcove_test:scratch(Config)}]),
    Received = [receive {alcove_stdout, Drv, [5], Data} -> Data after 10000 -> none end
                || _ <- lists:seq(1, 40)],
    Small = [Data || Data <- Received, byte_size(Data) =:= 100],
    ?assertEqual(20, length(Small)),
    ?assert(lists:max([binary:referenced_byte_size(Data) || Data <- Small]) =< 1000),
    alcove_test:stop(Drv).

%%--------------------------------------------------------------------
%% Calls
%%--------------------------------------------------------------------

%% Neither a driver that does nothing nor a port process that does not read
%% makes a call last longer than its limit.
timeout_bounds_the_send(_Config) ->
    Drv = alcove_test:start([{exec, ""}]),
    Child = alcove_test:fork(Drv, []),
    ok = sys:suspend(Drv),
    {Time, _} = timer:tc(fun() -> ?assertError(timeout, alcove:getpid(Drv, Child, 200)) end),
    ok = sys:resume(Drv),
    ?assert(Time < 5000000, Time),
    ?assert(is_integer(alcove:getpid(Drv, Child))),
    Port = alcove:getpid(Drv, []),
    _ = os:cmd("kill -STOP " ++ integer_to_list(Port)),
    alcove_test:until(fun() -> alcove_test:process_state(Port) =:= "T" end),
    Large = binary:copy(<<"x">>, 60000),
    {Blocked, _} = timer:tc(fun() ->
                                    [?assertError(timeout, alcove:iolist_to_bin(Drv, Child, Large, 200))
                                     || _ <- lists:seq(1, 10)]
                            end),
    _ = os:cmd("kill -CONT " ++ integer_to_list(Port)),
    ?assert(Blocked < 20000000, Blocked),
    %% What was too much for the child at once is told now.
    alcove_test:until(fun() ->
                              try is_integer(alcove:getpid(Drv, Child, 10000))
                              catch error:{eagain, 0} -> false
                              end
                      end),
    alcove_test:stop(Drv).

late_reply_is_not_the_next_answer(Config) ->
    {Drv, Child} = processes(Config),
    {Fd, Wake} = slow_read(Drv, Child, Config),
    ?assertError(timeout, alcove:read(Drv, Child, Fd, 10, 200)),
    Wake("late"),
    Version = alcove:version(Drv, Child, 10000),
    ?assert(is_binary(Version)),
    ?assertNotEqual({ok, <<"late">>}, Version),
    ?assert(is_integer(alcove:getpid(Drv, Child, 10000))).

late_replies_in_a_row(Config) ->
    {Drv, Child} = processes(Config),
    {Fd, Wake} = slow_read(Drv, Child, Config),
    [?assertError(timeout, alcove:read(Drv, Child, Fd, 10, 50)) || _ <- lists:seq(1, 5)],
    ?assertError(timeout, alcove:getpid(Drv, Child, 50)),
    [begin Wake("late"), timer:sleep(20) end || _ <- lists:seq(1, 5)],
    ?assertEqual({ok, <<"/">>}, begin ok = alcove:chdir(Drv, Child, "/", 10000),
                                      alcove:getcwd(Drv, Child, 10000) end),
    [?assert(is_integer(alcove:getpid(Drv, Child, 10000))) || _ <- lists:seq(1, 10)].

%% A read that waits until the function is called.
slow_read(Drv, Pids, Config) ->
    Fifo = filename:join(alcove_test:scratch(Config), "fifo"),
    ok = alcove:mkfifo(Drv, Pids, Fifo, 8#600),
    {ok, Fd} = alcove:open(Drv, Pids, Fifo, [o_rdwr], 0),
    {ok, Writer} = alcove:open(Drv, [], Fifo, [o_wronly], 0),
    {Fd, fun(Text) -> {ok, _} = alcove:write(Drv, [], Writer, Text) end}.

timeouts_are_refused(Config) ->
    {Drv, Child} = processes(Config),
    ?assertError(timeout_value, alcove:getpid(Drv, Child, -1)),
    ?assertError(function_clause, alcove:getpid(Drv, Child, soon)),
    ?assertError(function_clause, alcove_drv:call(Drv, Child, getpid, not_a_list, infinity)),
    ?assertError(function_clause, alcove_drv:call(Drv, not_a_list, getpid, [], infinity)),
    ?assertError(function_clause, alcove_drv:call(Drv, Child, no_such_call, [], infinity)),
    ?assertEqual({alcove_error, badarg}, alcove_drv:call(Drv, Child, getpid, [too, many], 10000)),
    ?assert(is_integer(alcove:getpid(Drv, Child, infinity))).

%% On every way in: no frame may reach the port whose 16 bit lengths do not
%% tell the truth.
sizes_are_checked(Config) ->
    {Drv, Child} = processes(Config),
    Large = binary:copy(<<"x">>, 65536),
    ?assertError(badarg, alcove:iolist_to_bin(Drv, Child, Large)),
    ?assertEqual({alcove_error, badarg}, alcove_drv:call(Drv, Child, iolist_to_bin, [Large], 1000)),
    ?assertError(badarg, alcove:stdin(Drv, Child, Large)),
    Body = <<0:16, (hd(Child)):32, Large/binary>>,
    Cut = <<(byte_size(Body)):16, Body/binary>>,
    Answer = gen_server:call(Drv, {send, Cut}, infinity),
    ?assertNotEqual(ok, Answer),
    ok = gen_server:cast(Drv, {send, Cut}),
    ?assert(is_integer(alcove:getpid(Drv, Child, 10000))),
    ?assert(is_integer(alcove:getpid(Drv, [], 10000))).

%% What does not fit a frame is an error, not the end of the process.
large_replies_harm_nobody(Config) ->
    {Drv, Child} = processes(Config),
    Dir = alcove_test:scratch(Config),
    [ok = file:write_file(filename:join(Dir, lists:duplicate(20, $f) ++ integer_to_list(N)), "")
     || N <- lists:seq(1, 3000)],
    ?assertError(badarg, alcove:readdir(Drv, Child, Dir, 10000)),
    Value = binary:copy(<<"v">>, 30000),
    [ok = alcove:setenv(Drv, Child, ["V", integer_to_list(N)], Value, 1) || N <- lists:seq(1, 4)],
    ?assertError(badarg, alcove:environ(Drv, Child, 10000)),
    ?assertError(badarg, alcove:alloc(Drv, Child, [{ptr, 65535}], 10000)),
    ?assert(is_integer(alcove:getpid(Drv, Child, 10000))),
    [ok = file:delete(filename:join(Dir, Name)) || Name <- element(2, file:list_dir(Dir))],
    ok.

%% The time of a call does not depend on what the owner has not read yet.
long_mailbox(Config) ->
    {Drv, Child} = processes(Config),
    Hundred = fun() -> [alcove:getpid(Drv, Child) || _ <- lists:seq(1, 100)] end,
    Best = fun() -> lists:min([element(1, timer:tc(Hundred)) || _ <- lists:seq(1, 7)]) end,
    Empty = Best(),
    [self() ! {alcove_stdout, Drv, Child, <<"unread">>} || _ <- lists:seq(1, 100000)],
    Full = Best(),
    ct:pal("100 calls: ~b us with an empty mailbox, ~b us with 100000 messages", [Empty, Full]),
    _ = alcove_test:messages(),
    ?assert(Full < 4 * Empty, {Empty, Full}).

%%--------------------------------------------------------------------
%% Hostile children
%%--------------------------------------------------------------------

%% The beginning of a long frame, and then: nothing, the end of the frames in
%% every way there is. The parent waits for none of it.
unfinished_frame_holds_nobody_up(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         Hostile = alcove_test:fork(Drv, Child),
         _ = alcove_drv:call(Drv, Hostile, write, [1, <<60000:16, 0:800>>], 200),
         _ = [alcove_drv:call(Drv, Hostile, Call, Argv, 200) || {Call, Argv} <- Calls],
         ?assert(is_integer(alcove:getpid(Drv, Child, 5000)), Calls),
         _ = alcove:kill(Drv, Child, lists:last(Hostile), sigkill, 5000),
         alcove_test:until(fun() -> alcove:cpid(Drv, Child, 5000) =:= [] end)
     end || Calls <- [[], [{close, [5]}], [{close, [1]}], [{execvp, ["cat", ["cat"]]}], [{exit, [0]}],
                      [{close, [5]}, {close, [1]}], [{fork, []}, {close, [5]}],
                      [{close, [5]}, {fork, []}, {exit, [0]}]]],
    ok.

%% A control process can write what it likes to its stdout. Each of these is
%% written by a process of its own, next to a bystander.
malformed_frames_cost_one_pipeline(Config) ->
    {Drv, Child} = processes(Config),
    Bystander = alcove_test:fork(Drv, Child),
    Frames = [<<0, 0>>, <<0, 1, 0>>, <<0, 2, 0, 0>>, <<0, 2, 0, 99>>, <<0, 2, 255, 255>>,
              <<0, 4, 0, 4, 1, 2>>, <<0, 6, 0, 4, 131, 104, 2, 97>>, <<0, 2, 0, 4>>,
              <<0, 6, 0, 3, 0, 0, 0, 9>>, <<0, 8, 0, 3, 0, 0, 0, 9, 0, 9>>,
              <<0, 5, 0, 1, 0, 0, 9>>, <<0, 9, 0, 5, 131, 80, 255, 255, 255, 255, 1>>,
              <<0, 12, 0, 5, 131, 70, 127, 240, 0, 0, 0, 0, 0, 0>>,
              <<65533:16, (binary:copy(<<7>>, 65533))/binary>>,
              <<65535:16, (binary:copy(<<7>>, 65535))/binary>>],
    [begin
         Hostile = alcove_test:fork(Drv, Child),
         _ = hostile_write(Drv, Hostile, Frame),
         ?assert(is_process_alive(Drv), Frame),
         ?assert(is_integer(alcove:getpid(Drv, Child, 10000)), Frame),
         ?assert(is_integer(alcove:getpid(Drv, Bystander, 10000)), Frame),
         _ = alcove:kill(Drv, Child, lists:last(Hostile), sigkill, 10000),
         alcove_test:until(fun() -> length(alcove:cpid(Drv, Child, 10000)) =:= 1 end),
         alcove_test:messages()
     end || Frame <- Frames],
    ok.

random_bytes_cost_one_pipeline(Config) ->
    {Drv, Child} = processes(Config),
    ct:pal("seed ~0p", [rand:export_seed_s(rand:seed(exsss))]),
    Bystander = alcove_test:fork(Drv, Child),
    [begin
         Hostile = alcove_test:fork(Drv, Child),
         Noise = rand:bytes(rand:uniform(3000)),
         _ = hostile_write(Drv, Hostile, <<(rand:uniform(64)):16, Noise/binary>>),
         ?assert(is_integer(alcove:getpid(Drv, Child, 10000))),
         ?assert(is_integer(alcove:getpid(Drv, Bystander, 10000))),
         _ = alcove:kill(Drv, Child, lists:last(Hostile), sigkill, 10000),
         alcove_test:until(fun() -> length(alcove:cpid(Drv, Child, 10000)) =:= 1 end),
         alcove_test:messages()
     end || _ <- lists:seq(1, 100)],
    ?assert(is_process_alive(Drv)).

%% Its own answer may be lost in what it wrote.
hostile_write(Drv, Pids, Bytes) ->
    File = ["/proc/self/fd/1"],
    try
        {ok, Fd} = alcove:open(Drv, Pids, File, [o_wronly, o_nonblock], 0, 5000),
        alcove:write(Drv, Pids, Fd, Bytes, 300)
    catch
        error:Reason -> Reason
    end.

%% Atoms are never freed. A process that makes some up may not fill the table.
forged_atoms_are_bounded(Config) ->
    {Drv, Child} = processes(Config),
    Hostile = alcove_test:fork(Drv, Child),
    Before = erlang:system_info(atom_count),
    [begin
         Name = iolist_to_binary(io_lib:format("forged_~b_~b", [N, erlang:unique_integer([positive])])),
         Event = <<?ALCOVE_MSG_EVENT:16, 131, 119, (byte_size(Name)), Name/binary>>,
         _ = alcove_drv:call(Drv, Hostile, write, [1, [<<(byte_size(Event)):16>>, Event]], 10000)
     end || N <- lists:seq(1, 5000)],
    After = erlang:system_info(atom_count),
    ?assert(After - Before < 1000, After - Before),
    ?assert(is_integer(alcove:getpid(Drv, Child, 10000))).

%% The names of errors and signals must be understood by a VM that has never
%% seen them.
answers_of_the_system_are_known(_Config) ->
    {Errors, Signals} = with_peer([], fun(Peer) ->
                                              peer:call(Peer, ?MODULE, names_of_the_system, [], 50000)
                                      end),
    ?assertEqual(131, length(Errors)),
    ?assertMatch([eperm, enoent, esrch | _], Errors),
    ?assertEqual(28, length(lists:usort(Signals))).

names_of_the_system() ->
    Drv = alcove_test:start(),
    Errors = [alcove:errno_id(Drv, [], N) || N <- lists:seq(1, 131)],
    Own = alcove:getpid(Drv, []),
    Signals = [begin
                   ok = alcove:kill(Drv, [], Own, N),
                   {signal, Name, _} = alcove_test:event(Drv, []),
                   Name
               end || N <- lists:seq(1, 31), not lists:member(N, [9, 17, 19])],
    ok = alcove_test:stop(Drv),
    {Errors, Signals}.

%%--------------------------------------------------------------------
%% Death
%%--------------------------------------------------------------------

waiting_caller_hears_of_the_death(_Config) ->
    Self = self(),
    [begin
         {Owner, Ref} = spawn_monitor(
             fun() ->
                     {ok, Drv} = alcove_drv:start(alcove_test:options()),
                     Program = alcove_test:fork(Drv, []),
                     alcove_test:exec(Drv, Program, ["cat"]),
                     Self ! {driver, Drv},
                     Wait(Drv, Program)
             end),
         Driver = receive {driver, D} -> D after 10000 -> erlang:error(timeout) end,
         timer:sleep(100),
         exit(Driver, kill),
         receive
             {'DOWN', Ref, process, Owner, Reason} -> ?assertNotEqual({Name, normal}, {Name, Reason})
         after 10000 ->
             exit(Owner, kill),
             erlang:error({never_told, Name})
         end
     end || {Name, Wait} <- [{call, fun(Drv, Pids) -> alcove:getpid(Drv, Pids) end},
                             {timed_call, fun(Drv, Pids) -> alcove:getpid(Drv, Pids, 60000) end},
                             {exec, fun(Drv, Pids) -> alcove:execvp(Drv, Pids, "cat", ["cat"]) end}]],
    ok.

port_is_killed(_Config) ->
    process_flag(trap_exit, true),
    Drv = alcove_test:start([{exec, ""}]),
    Program = alcove_test:fork(Drv, []),
    alcove_test:exec(Drv, Program, ["cat"]),
    Port = alcove_test:os_pid(Drv),
    _ = os:cmd("kill -9 " ++ integer_to_list(Port)),
    receive
        {'EXIT', Drv, Reason} -> ?assertEqual({shutdown, normal}, Reason)
    after 10000 ->
        erlang:error(no_exit)
    end,
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, [Port | Program]) end),
    ?assertExit({noproc, _}, alcove:getpid(Drv, [])).

%% A driver nobody is linked to ends with its owner, and the tree with it.
owner_dies(_Config) ->
    Self = self(),
    {Owner, Ref} = spawn_monitor(fun() ->
                                         {ok, Drv} = alcove_drv:start(alcove_test:options()),
                                         Tree = alcove_test:chain(Drv, [], 3),
                                         Self ! {driver, Drv, [alcove_test:os_pid(Drv) | Tree]},
                                         receive stop -> ok end
                                 end),
    {Drv, Tree} = receive {driver, D, T} -> {D, T} after 10000 -> erlang:error(timeout) end,
    Owner ! stop,
    receive {'DOWN', Ref, process, Owner, normal} -> ok after 10000 -> erlang:error(timeout) end,
    alcove_test:until(fun() -> not is_process_alive(Drv) end),
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Tree) end).

linked_starter_dies(_Config) ->
    Self = self(),
    [begin
         Starter = spawn(fun() ->
                                 {ok, Drv} = alcove_drv:start_link(Self, alcove_test:options()),
                                 Self ! {driver, Drv},
                                 receive {stop, Reason} -> exit(Reason) end
                         end),
         Drv = receive {driver, D} -> D after 10000 -> erlang:error(timeout) end,
         Port = alcove_test:os_pid(Drv),
         Starter ! {stop, Reason},
         alcove_test:until(fun() -> not is_process_alive(Drv) end),
         alcove_test:until(fun() -> not alcove_test:alive(Port) end)
     end || Reason <- [normal, crash, kill]],
    ok.

%%--------------------------------------------------------------------
%% Exec and exit of the port
%%--------------------------------------------------------------------

%% The driver ends with {shutdown, normal} whatever the status is; that goes to
%% the log.
status_of_the_port_is_logged(_Config) ->
    process_flag(trap_exit, true),
    #{level := Level} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, info),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => self(), level => info}),
    try
        Drv = alcove_test:start([{exec, ""}]),
        ok = alcove:exit(Drv, [], 77, 10000),
        receive {'EXIT', Drv, {shutdown, normal}} -> ok after 10000 -> erlang:error(no_exit) end,
        alcove_test:until(fun() -> lists:any(fun mentions_77/1, alcove_test:messages()) end)
    after
        logger:remove_handler(?MODULE),
        logger:set_primary_config(level, Level)
    end.

mentions_77({log, Text}) -> re:run(Text, "\\b77\\b") =/= nomatch;
mentions_77(_) -> false.

%% logger callback
log(#{msg := {Format, Args}}, #{config := Pid}) when is_list(Format) ->
    Pid ! {log, io_lib:format(Format, Args)};
log(_Event, _Config) ->
    ok.

thousand_execs_of_the_port() ->
    [{timetrap, {minutes, 5}}].

thousand_execs_of_the_port(_Config) ->
    [begin
         {ok, Drv} = alcove_drv:start(alcove_test:options()),
         ?assertEqual(ok, alcove:execvp(Drv, [], "/bin/echo", ["echo", integer_to_list(N)], 10000)),
         Line = iolist_to_binary([integer_to_list(N), "\n"]),
         ?assertEqual(Line, alcove_test:output(Drv, [], byte_size(Line))),
         ok = alcove_drv:stop(Drv)
     end || N <- lists:seq(1, 1000)],
    ok.

thousand_exits_of_the_port() ->
    [{timetrap, {minutes, 5}}].

thousand_exits_of_the_port(_Config) ->
    [begin
         {ok, Drv} = alcove_drv:start(alcove_test:options()),
         ?assertEqual(ok, alcove:exit(Drv, [], N, 10000)),
         ok = alcove_drv:stop(Drv)
     end || N <- lists:seq(1, 1000)],
    ok.

%% All of it, before the driver ends.
output_of_an_executed_port(_Config) ->
    process_flag(trap_exit, true),
    [begin
         Drv = alcove_test:start(),
         ok = alcove:execvp(Drv, [], "head", ["head", "-c", "200000", "/dev/zero"], 10000),
         ?assertEqual(<<0:(200000 * 8)>>, alcove_test:output(Drv, [], 200000)),
         receive {'EXIT', Drv, {shutdown, normal}} -> ok after 10000 -> erlang:error(no_exit) end
     end || _ <- lists:seq(1, 50)],
    ok.

%%--------------------------------------------------------------------
%% Resources
%%--------------------------------------------------------------------

%% In a VM of its own: a driver that held one of the few threads for files
%% would stop all files of the VM.
hundred_drivers_and_files(_Config) ->
    Done = with_peer([], fun(Peer) -> peer:call(Peer, ?MODULE, hundred_drivers, [], 50000) end),
    ?assertEqual({100, 200}, Done).

%% Drivers, each with an owner that makes calls, while files are read.
hundred_drivers() ->
    Self = self(),
    Before = length(alcove_test:vm_fds()),
    Owners = [spawn_link(fun() ->
                                 Drv = alcove_test:start(),
                                 Child = alcove_test:fork(Drv, []),
                                 Self ! {ready, self()},
                                 calls(Drv, Child),
                                 ok = alcove_test:stop(Drv),
                                 Self ! {done, self()}
                         end) || _ <- lists:seq(1, 100)],
    [receive {ready, Owner} -> ok end || Owner <- Owners],
    Files = [begin
                 {ok, Text} = file:read_file("/proc/self/stat"),
                 true = byte_size(Text) > 0
             end || _ <- lists:seq(1, 200)],
    [Owner ! stop || Owner <- Owners],
    [receive {done, Owner} -> ok end || Owner <- Owners],
    alcove_test:until(fun() -> length(alcove_test:vm_fds()) =< Before end),
    {length(Owners), length(Files)}.

calls(Drv, Child) ->
    [true = is_integer(alcove:getpid(Drv, Child, 20000)) || _ <- lists:seq(1, 10)],
    receive stop -> ok after 0 -> calls(Drv, Child) end.

stop_leaves_nothing(Config) ->
    Dir = alcove_test:scratch(Config),
    Fds = alcove_test:vm_fds(),
    {Ports, Processes} = {erlang:ports(), erlang:processes()},
    [begin
         Drv = alcove_test:start([{ctldir, Dir}]),
         ?assertEqual({ok, []}, file:list_dir(Dir)),
         Program = alcove_test:chain(Drv, [], 3),
         alcove_test:exec(Drv, Program, ["cat"]),
         Tree = [alcove_test:os_pid(Drv) | alcove_test:descendants(alcove_test:os_pid(Drv))],
         ?assertEqual(ok, alcove_test:stop(Drv)),
         alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Tree) end)
     end || _ <- lists:seq(1, 20)],
    nothing_left(Dir, Fds, Ports, Processes).

kill_leaves_nothing(Config) ->
    Dir = alcove_test:scratch(Config),
    Fds = alcove_test:vm_fds(),
    {Ports, Processes} = {erlang:ports(), erlang:processes()},
    [begin
         Drv = alcove_test:start([{ctldir, Dir}]),
         Program = alcove_test:chain(Drv, [], 2),
         alcove_test:exec(Drv, Program, ["cat"]),
         Tree = [alcove_test:os_pid(Drv) | alcove_test:descendants(alcove_test:os_pid(Drv))],
         true = unlink(Drv),
         exit(Drv, kill),
         alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Tree) end)
     end || _ <- lists:seq(1, 20)],
    nothing_left(Dir, Fds, Ports, Processes).

nothing_left(Dir, Fds, Ports, Processes) ->
    alcove_test:until(fun() -> alcove_test:vm_fds() =:= Fds end),
    ?assertEqual({ok, []}, file:list_dir(Dir)),
    alcove_test:until(fun() -> erlang:ports() -- Ports =:= [] end),
    alcove_test:until(fun() -> erlang:processes() -- Processes =:= [] end),
    ?assertEqual([], [M || {alcove_stdout, _, _, _} = M <- alcove_test:messages()]).

%%--------------------------------------------------------------------
%% Supervision
%%--------------------------------------------------------------------

init(Children) ->
    {ok, {#{strategy => one_for_one, intensity => 5, period => 5}, Children}}.

%% The supervisor starts the driver, somebody else owns it.
under_a_supervisor(_Config) ->
    Spec = alcove_drv:child_spec([{owner, self()}, {id, driver} | alcove_test:options()]),
    {ok, Supervisor} = supervisor:start_link(?MODULE, [Spec]),
    [{driver, Drv, worker, [alcove_drv]}] = supervisor:which_children(Supervisor),
    ?assert(is_integer(alcove:getpid(Drv, []))),
    Port = alcove_test:os_pid(Drv),
    true = unlink(Supervisor),
    ok = gen_server:stop(Supervisor),
    ?assertNot(is_process_alive(Drv)),
    alcove_test:until(fun() -> not alcove_test:alive(Port) end).

restarted_by_the_supervisor(_Config) ->
    Spec = #{id => driver, start => {alcove_drv, start_link, [self(), alcove_test:options()]}},
    {ok, Supervisor} = supervisor:start_link(?MODULE, [Spec]),
    [{driver, First, worker, _}] = supervisor:which_children(Supervisor),
    _ = os:cmd("kill -9 " ++ integer_to_list(alcove_test:os_pid(First))),
    Second = fun() ->
                     [{driver, Pid, worker, _}] = supervisor:which_children(Supervisor),
                     Pid
             end,
    alcove_test:until(fun() -> is_pid(Second()) andalso Second() =/= First end),
    ?assert(is_integer(alcove:getpid(Second(), []))),
    true = unlink(Supervisor),
    ok = gen_server:stop(Supervisor).

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

program() ->
    proplists:get_value(progname, alcove_test:options(), alcove_drv:progname()).

%% A shell script in place of the port program: it makes the fifo as that does
%% and then runs the lines.
fake(Config, Lines) ->
    Path = filename:join(alcove_test:scratch(Config), "fake"),
    ok = file:write_file(Path, ["#!/bin/sh\n"
                                "while [ $# -gt 0 ]; do\n"
                                "    if [ \"$1\" = -c ]; then fifo=$2; fi\n"
                                "    shift\n"
                                "done\n"
                                "test -e \"$fifo\" && exit 17\n"
                                "mkfifo \"$fifo\" && exec 5<>\"$fifo\" || exit 2\n",
                                [[Line, "\n"] || Line <- Lines]]),
    ok = file:change_mode(Path, 8#755),
    Path.

%% Runs Fun with another VM that has this one's code path, behind the given
%% directories.
with_peer(Paths, Fun) ->
    Path = [Dir || Dir <- Paths ++ code:get_path(), Dir =/= "."],
    {ok, Peer, _} = peer:start_link(#{connection => standard_io,
                                      args => lists:append([["-pa", Dir] || Dir <- lists:reverse(Path)])}),
    try Fun(Peer)
    after
        peer:stop(Peer)
    end.

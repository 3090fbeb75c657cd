%% SPDX-License-Identifier: ISC
%%
%% What a client on a higher level builds on: prx keeps one Erlang process for
%% each Unix process, sends its requests to the driver itself and lives on the
%% messages the driver sends. These cases do what it does.
-module(alcove_prx_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([options_in_front_win/1, program_under_another_name/1, requests_by_send/1,
         refusals_are_bare_atoms/1, fork_replies_to_the_parent/1, exec_completes_by_control/1,
         failing_exec_replies/1, exit_completes_by_control/1, badpid_by_message/1,
         events_end_a_task/1, pipe_message/1, dead_child_with_open_streams/1,
         table_is_empty_before_exec/1, executed_again/1, executed_again_without_proc/1,
         descriptors_everywhere/1, filters_of_a_client/1, input_at_any_depth/1,
         os_pid_of_the_port/1, driver_ends_its_client/1, every_call_by_name/1]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [options_in_front_win, program_under_another_name, requests_by_send, refusals_are_bare_atoms,
     fork_replies_to_the_parent, exec_completes_by_control, failing_exec_replies,
     exit_completes_by_control, badpid_by_message, events_end_a_task, pipe_message,
     dead_child_with_open_streams, table_is_empty_before_exec, executed_again,
     executed_again_without_proc, descriptors_everywhere, filters_of_a_client,
     input_at_any_depth, os_pid_of_the_port, driver_ends_its_client, every_call_by_name].

init_per_testcase(executed_again_without_proc, Config) ->
    alcove_test:setup([root, namespaces], Config);
init_per_testcase(_Case, Config) ->
    alcove_test:setup([], Config).

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

%%--------------------------------------------------------------------
%% Start
%%--------------------------------------------------------------------

%% Settings of the application, followed by what the client adds itself.
options_in_front_win(Config) ->
    Dir = alcove_test:scratch(Config),
    Settings = [{progname, copy_of_the_program(Config, "first")}, {ctldir, Dir}],
    Added = [{progname, "/nonexistent"}, {ctldir, "/nonexistent"}],
    {ok, Drv} = alcove_drv:start_link(Settings ++ Added ++ alcove_test:options()),
    ?assert(is_integer(alcove:getpid(Drv, []))),
    alcove_test:stop(Drv).

%% One file that works wherever it is put and whatever it is called.
program_under_another_name(Config) ->
    Drv = alcove_test:start([{progname, copy_of_the_program(Config, "prx")}]),
    Program = alcove_test:chain(Drv, [], 2),
    alcove_test:sh(Drv, Program, "exit 3"),
    ?assertEqual({exit_status, 3}, alcove_test:event(Drv, Program)),
    alcove_test:stop(Drv).

copy_of_the_program(Config, Name) ->
    Path = filename:join(alcove_test:scratch(Config), Name),
    Program = proplists:get_value(progname, alcove_test:options(), alcove_drv:progname()),
    {ok, _} = file:copy(Program, Path),
    ok = file:change_mode(Path, 8#755),
    Path.

%%--------------------------------------------------------------------
%% Requests and their messages
%%--------------------------------------------------------------------

requests_by_send(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         send(Drv, Pids, version, []),
         ?assertMatch({alcove_call, Drv, Pids, <<_, _/binary>>}, next())
     end || Pids <- [[], Child]],
    %% Several at once are answered in order.
    Numbers = lists:seq(1, 50),
    [send(Drv, Child, errno_id, [N]) || N <- Numbers],
    ?assertEqual([alcove:errno_id(Drv, [], N) || N <- Numbers],
                 [receive {alcove_call, Drv, Child, Name} -> Name after 10000 -> none end || _ <- Numbers]).

refusals_are_bare_atoms(Config) ->
    {Drv, Child} = processes(Config),
    send(Drv, Child, chdir, [not_a_path]),
    ?assertEqual({alcove_call, Drv, Child, badarg}, next()),
    send(Drv, Child, cap_enter, []),
    ?assertEqual({alcove_call, Drv, Child, undef}, next()),
    send(Drv, Child, chdir, ["/nonexistent"]),
    ?assertEqual({alcove_call, Drv, Child, {error, enoent}}, next()).

fork_replies_to_the_parent(Config) ->
    {Drv, Child} = processes(Config),
    send(Drv, Child, fork, []),
    {alcove_call, Drv, Child, {ok, Pid}} = next(),
    send(Drv, Child, clone, [[]]),
    {alcove_call, Drv, Child, {ok, Other}} = next(),
    ?assertNotEqual(Pid, Other),
    send(Drv, Child, clone, [[clone_none]]),
    ?assertEqual({alcove_call, Drv, Child, {error, enotsup}}, next()),
    send(Drv, Child ++ [Pid], getuid, []),
    ?assertEqual({alcove_call, Drv, Child ++ [Pid], alcove:getuid(Drv, [])}, next()).

%% And nothing else: the next message is the program's output.
exec_completes_by_control(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         Program = alcove_test:fork(Drv, Child),
         send(Drv, Program, Call, Argv(Program)),
         ?assertEqual({alcove_ctl, Drv, Program, fdctl_closed}, next()),
         ?assertEqual({alcove_stdout, Drv, Program, <<"run\n">>}, next()),
         ?assertEqual({alcove_event, Drv, Program, {exit_status, 0}}, next())
     end || {Call, Argv} <- [{execvp, fun(_) -> ["echo", ["echo", "run"]] end},
                             {execve, fun(_) -> ["/bin/echo", ["echo", "run"], []] end},
                             {fexecve, fun(Pids) ->
                                               {ok, Fd} = alcove:open(Drv, Pids, "/bin/echo", [o_rdonly], 0),
                                               [Fd, ["echo", "run"], ["A=1"]]
                                       end}]],
    ok.

failing_exec_replies(Config) ->
    {Drv, Child} = processes(Config),
    send(Drv, Child, execvp, ["/nonexistent", ["x"]]),
    ?assertEqual({alcove_call, Drv, Child, {error, enoent}}, next()),
    send(Drv, Child, execve, ["", ["x"], []]),
    ?assertEqual({alcove_call, Drv, Child, badarg}, next()),
    alcove_test:silence(100).

exit_completes_by_control(Config) ->
    {Drv, Child} = processes(Config),
    Below = alcove_test:fork(Drv, Child),
    send(Drv, Below, exit, [4]),
    ?assertEqual({alcove_ctl, Drv, Below, fdctl_closed}, next()),
    ?assertEqual({alcove_event, Drv, Below, {exit_status, 4}}, next()).

badpid_by_message(Config) ->
    {Drv, Child} = processes(Config),
    Unused = Child ++ [1 bsl 30],
    send(Drv, Unused, getpid, []),
    ?assertEqual({alcove_ctl, Drv, Unused, badpid}, next()),
    ok = alcove_drv:stdin(Drv, Unused, "lost"),
    ?assertEqual({alcove_ctl, Drv, Unused, badpid}, next()).

events_end_a_task(Config) ->
    {Drv, Child} = processes(Config),
    Killed = alcove_test:fork(Drv, Child),
    send(Drv, Child, kill, [lists:last(Killed), sigkill]),
    Messages = [next(), next(), next()],
    ?assertEqual(lists:sort([{alcove_call, Drv, Child, ok}, {alcove_ctl, Drv, Killed, fdctl_closed},
                             {alcove_event, Drv, Killed, {termsig, sigkill}}]),
                 lists:sort(Messages)),
    send(Drv, [], kill, [lists:last(Child), sigusr2]),
    Two = [next(), next()],
    ?assert(lists:member({alcove_call, Drv, [], ok}, Two)),
    [{signal, sigusr2, Info}] = [Event || {alcove_event, _, Pids, Event} <- Two, Pids =:= Child],
    ?assertEqual(128, byte_size(Info)).

pipe_message(Config) ->
    Drv = ?config(drv, Config),
    Program = alcove_test:fork(Drv, []),
    alcove_test:exec(Drv, Program, ["sleep", "600"]),
    Data = binary:copy(<<"x">>, 32768),
    [ok = alcove_drv:stdin(Drv, Program, Data) || _ <- lists:seq(1, 3)],
    ?assertMatch({alcove_pipe, Drv, Program, N} when is_integer(N), next()).

%%--------------------------------------------------------------------
%% The child table
%%--------------------------------------------------------------------

%% The program has ended, something it started still writes to its stdout. The
%% client closes what it finds in the table, and the entry is free.
dead_child_with_open_streams(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = Program = alcove_test:fork(Drv, []),
    alcove_test:sh(Drv, Program, "(sleep 600 <&- 2>&- & echo $!); exit 0"),
    Sleeper = list_to_integer(string:trim(binary_to_list(alcove_test:output_until(Drv, Program, "\\n")))),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Program)),
    Find = fun() -> [C || #alcove_pid{pid = P} = C <- alcove:cpid(Drv, []), P =:= Pid] end,
    [#alcove_pid{fdctl = -2, stdout = Out}] = Find(),
    ?assert(Out > 5),
    ?assertEqual(ok, alcove:close(Drv, [], Out)),
    alcove_test:until(fun() -> Find() =:= [] end),
    _ = os:cmd("kill " ++ integer_to_list(Sleeper)),
    alcove_test:until(fun() -> not alcove_test:alive(Sleeper) end).

table_is_empty_before_exec(Config) ->
    {Drv, Child} = processes(Config),
    Below = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Below, "exit 0"),
    {exit_status, 0} = alcove_test:event(Drv, Below),
    alcove_test:until(fun() -> alcove:cpid(Drv, Child) =:= [] end),
    ?assertEqual(ok, alcove:execvp(Drv, Child, "cat", ["cat"])).

%%--------------------------------------------------------------------
%% The port program executed again
%%--------------------------------------------------------------------

executed_again(Config) ->
    {Drv, Child} = processes(Config),
    Below = alcove_test:fork(Drv, Child),
    [begin
         execute_again(Drv, Pids),
         Inner = alcove_test:fork(Drv, Pids),
         ?assert(is_integer(alcove:getpid(Drv, Inner))),
         alcove_test:exit(Drv, Inner, 0),
         ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Inner))
     end || Pids <- [Below, Below]],
    ok.

%% The file is reached through its descriptor.
executed_again_without_proc(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:umount2(Drv, Child, "/proc", [mnt_detach]),
    execute_again(Drv, Child),
    ?assert(is_integer(alcove:getpid(Drv, Child))).

%% As a client does it: options saved, descriptors kept open, the greeting
%% taken for the reply, options set again.
execute_again(Drv, Pids) ->
    Options = [{Name, alcove:getopt(Drv, Pids, Name)}
               || Name <- [exit_status, flowcontrol, maxforkdepth, termsig, signaloneof]],
    ?assertEqual([], alcove:cpid(Drv, Pids)),
    Argv = [Program | _] =
        alcove_drv:getopts([{progname, proplists:get_value(progname, alcove_test:options(),
                                                           alcove_drv:progname())},
                            {depth, length(Pids)}, {maxchild, alcove:getopt(Drv, Pids, maxchild)}]),
    {ok, Fd} = alcove:open(Drv, Pids, Program, [o_rdonly, o_cloexec], 0),
    [cloexec(Drv, Pids, N, 0) || N <- [3, 4, 5, Fd]],
    send(Drv, Pids, fexecve, [Fd, Argv, alcove:environ(Drv, Pids)]),
    ?assertEqual({alcove_call, Drv, Pids, ok}, next()),
    ?assertEqual(1, alcove:getopt(Drv, Pids, exit_status)),
    [cloexec(Drv, Pids, N, 1) || N <- [3, 4, 5]],
    ok = alcove:close(Drv, Pids, Fd),
    [?assertEqual(true, alcove:setopt(Drv, Pids, Name, Value)) || {Name, Value} <- Options],
    ok.

cloexec(Drv, Pids, Fd, Flag) ->
    ?assertEqual({ok, 0}, alcove:fcntl(Drv, Pids, Fd, f_setfd, Flag)).

descriptors_everywhere(Config) ->
    {Drv, Child} = processes(Config),
    Deep = alcove_test:chain(Drv, Child, 3),
    [begin
         {ok, _} = alcove:fcntl(Drv, Pids, Fd, f_getfd, 0),
         ?assertEqual({Pids, Fd, {ok, 0}}, {Pids, Fd, alcove:fcntl(Drv, Pids, Fd, f_setfd, 1)})
     end || Pids <- [[], Child, Deep], Fd <- [3, 4, 5]],
    {ok, First} = alcove:open(Drv, Deep, "/dev/null", [o_rdonly], 0),
    ?assertEqual(6, First).

%%--------------------------------------------------------------------
%% The rest
%%--------------------------------------------------------------------

%% Lists of a client hold names of its own; they are no calls here.
filters_of_a_client(Config) ->
    {Drv, Child} = processes(Config),
    Allowed = [getpid, replace_process_image, cpid, environ, execve, fcntl, fcntl_constant, fexecve,
               getopt, setcpid, setopt, fork, clone, close, execvp],
    Filter = alcove:filter({allow, Allowed}),
    ?assertEqual(Filter, alcove:filter({allow, Allowed -- [replace_process_image]})),
    ok = alcove:filter(Drv, Child, Filter),
    ?assert(is_integer(alcove:getpid(Drv, Child))),
    ?assertError(undef, alcove:getuid(Drv, Child)),
    alcove_test:exec(Drv, Child, ["cat"]),
    Second = alcove_test:fork(Drv, []),
    ok = alcove:filter(Drv, Second, alcove:filter({deny, [fork, clone]})),
    ?assertError(undef, alcove:fork(Drv, Second)).

%% Clients cut input into pieces of 32768 bytes; 255 levels add 2040.
input_at_any_depth(Config) ->
    {Drv, Child} = processes(Config),
    Piece = rand:bytes(32768),
    ?assertEqual(32768 + 8 * 255, iolist_size(alcove_codec:stdin(lists:seq(1, 255), Piece))),
    true = alcove:setopt(Drv, Child, maxforkdepth, 255),
    Deep = alcove_test:chain(Drv, Child, 40),
    alcove_test:exec(Drv, Deep, ["cat"]),
    [begin
         ok = alcove_drv:stdin(Drv, Deep, Piece),
         ?assertEqual(Piece, alcove_test:output(Drv, Deep, 32768))
     end || _ <- [1, 2]],
    ok.

os_pid_of_the_port(_Config) ->
    Drv = alcove_test:start([{exec, ""}]),
    {os_pid, Pid} = erlang:port_info(alcove_drv:port(Drv), os_pid),
    ?assertEqual(Pid, alcove:getpid(Drv, [])),
    alcove_test:stop(Drv).

driver_ends_its_client(_Config) ->
    process_flag(trap_exit, true),
    {ok, Drv} = alcove_drv:start_link(alcove_test:options()),
    ok = alcove:exit(Drv, [], 0),
    receive {'EXIT', Drv, {shutdown, _}} -> ok after 10000 -> erlang:error(no_exit) end,
    ?assertEqual(ok, alcove_drv:stop(Drv)).

every_call_by_name(_Config) ->
    Exports = alcove:module_info(exports),
    Arities = fun(Call) -> lists:sort([A || {F, A} <- Exports, F =:= Call]) end,
    [?assertMatch({Call, [_, _ | _]}, {Call, Arities(Call)}) || Call <- alcove_proto:calls()],
    ok.

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

send(Drv, Pids, Call, Argv) ->
    ok = gen_server:call(Drv, {send, alcove_codec:call(Call, Pids, Argv)}, infinity).

next() ->
    receive
        {Tag, Drv, Pids, _} = Message when is_atom(Tag), is_pid(Drv), is_list(Pids) -> Message
    after 10000 ->
        erlang:error({no_message, alcove_test:messages()})
    end.

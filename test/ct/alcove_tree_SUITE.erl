%% SPDX-License-Identifier: ISC
%%
%% The tree of control processes: making it, addressing it, its tables and
%% limits, and what happens when parts of it end.
-module(alcove_tree_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([fork_answers_the_pid/1, pipeline_reaches_the_last/1, siblings_are_separate/1,
         clone_without_flags_is_fork/1, clone_refuses/1, fork_is_ready_at_once/1]).
-export([table_shows_children/1, lowest_slot_is_reused/1, fields_of_a_child/1,
         fields_are_set/1, waitpid_frees_the_slot/1]).
-export([options_have_defaults/1, options_are_normalised/1, options_are_inherited/1,
         depth_limit/1, seventeenth_level/1, table_limit/1, descriptors_run_out/1]).
-export([badpid_names_the_process/1, badpid_of_an_ended_program/1,
         badpid_in_mid_pipeline_answers/1, order_of_the_pipeline_counts/1]).
-export([exit_status_is_reported/1, death_by_signal_is_reported/1, reports_are_optional/1,
         call_to_a_dying_process/1, leader_of_a_program_dies/1, programs_in_mid_pipeline/1,
         closing_streams/1, end_of_input_folds_the_tree/1, stop_folds_the_tree/1]).
-export([thousand_calls/1, hundred_forks/1]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, make}, {group, table}, {group, limits}, {group, addresses}, {group, ends},
     {group, stress}].

groups() ->
    [{make, [], [fork_answers_the_pid, pipeline_reaches_the_last, siblings_are_separate,
                 clone_without_flags_is_fork, clone_refuses, fork_is_ready_at_once]},
     {table, [], [table_shows_children, lowest_slot_is_reused, fields_of_a_child,
                  fields_are_set, waitpid_frees_the_slot]},
     {limits, [], [options_have_defaults, options_are_normalised, options_are_inherited,
                   depth_limit, seventeenth_level, table_limit, descriptors_run_out]},
     {addresses, [], [badpid_names_the_process, badpid_of_an_ended_program,
                      badpid_in_mid_pipeline_answers, order_of_the_pipeline_counts]},
     {ends, [], [exit_status_is_reported, death_by_signal_is_reported, reports_are_optional,
                 call_to_a_dying_process, leader_of_a_program_dies, programs_in_mid_pipeline,
                 closing_streams, end_of_input_folds_the_tree, stop_folds_the_tree]},
     {stress, [], [thousand_calls, hundred_forks]}].

init_per_testcase(Case, Config) when Case =:= options_have_defaults; Case =:= seventeenth_level ->
    alcove_test:setup([], [], Config);
init_per_testcase(_Case, Config) ->
    alcove_test:setup([], Config).

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

%%--------------------------------------------------------------------
%% Making processes
%%--------------------------------------------------------------------

fork_answers_the_pid(Config) ->
    Drv = ?config(drv, Config),
    {ok, Pid} = alcove:fork(Drv, []),
    ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
    Port = alcove:getpid(Drv, []),
    ?assertNotEqual(Pid, Port),
    ?assert(lists:member(Port, alcove_test:descendants(list_to_integer(os:getpid())))),
    ?assert(lists:member(Pid, alcove_test:descendants(Port))).

pipeline_reaches_the_last(Config) ->
    Drv = ?config(drv, Config),
    Deepest = alcove_test:chain(Drv, [], 5),
    ?assertEqual(5, length(Deepest)),
    [begin
         Pids = lists:sublist(Deepest, N),
         ?assertEqual(lists:last(Pids), alcove:getpid(Drv, Pids))
     end || N <- lists:seq(1, 5)],
    First = [hd(Deepest)],
    alcove_test:exit(Drv, First, 0),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, First)),
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Deepest) end).

siblings_are_separate(Config) ->
    Drv = ?config(drv, Config),
    Siblings = [alcove_test:fork(Drv, []) || _ <- lists:seq(1, 5)],
    [ok = alcove:setenv(Drv, [Pid], "SIBLING", integer_to_list(Pid), 1) || [Pid] <- Siblings],
    [?assertEqual(integer_to_binary(Pid), alcove:getenv(Drv, [Pid], "SIBLING")) || [Pid] <- Siblings],
    ?assertEqual(false, alcove:getenv(Drv, [], "SIBLING")).

clone_without_flags_is_fork(Config) ->
    Drv = ?config(drv, Config),
    [begin
         [Pid] = alcove_test:clone(Drv, [], Flags),
         ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
         alcove_test:exit(Drv, [Pid], 4),
         ?assertEqual({exit_status, 4}, alcove_test:event(Drv, [Pid]))
     end || Flags <- [[], 0]],
    ok.

%% What is no name of a namespace is refused; shared memory or descriptors
%% would ruin both processes.
clone_refuses(Config) ->
    Drv = ?config(drv, Config),
    ?assertEqual({error, enotsup}, alcove:clone(Drv, [], [clone_none])),
    ?assertError(badarg, alcove:clone(Drv, [], clone_newns)),
    Vm = 16#100,
    Files = 16#400,
    [?assertEqual({error, einval}, alcove:clone(Drv, [], Flags))
     || Flags <- [Vm, Files, Vm bor Files, -1, [clone_newtime]]],
    ?assertEqual(1, length(alcove:cpid(Drv, []))),
    ?assertEqual(?config(os_pid, Config), alcove:getpid(Drv, [])).

%% The answer of fork may come before the child has set itself up.
fork_is_ready_at_once(Config) ->
    Drv = ?config(drv, Config),
    [begin
         {ok, Pid} = alcove:fork(Drv, []),
         ?assertEqual(Pid, alcove:getpid(Drv, [Pid])),
         ?assertEqual(ok, alcove:exit(Drv, [Pid], 0)),
         ?assertEqual({exit_status, 0}, alcove_test:event(Drv, [Pid]))
     end || _ <- lists:seq(1, 50)],
    ok.

%%--------------------------------------------------------------------
%% The child table
%%--------------------------------------------------------------------

table_shows_children(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual([], alcove:cpid(Drv, Child)),
    {ok, First} = alcove:fork(Drv, Child),
    {ok, Second} = alcove:fork(Drv, Child),
    [#alcove_pid{pid = First, flowcontrol = -1, signaloneof = 15, fdctl = Ctl,
                 stdin = In, stdout = Out, stderr = Err},
     #alcove_pid{pid = Second}] = alcove:cpid(Drv, Child),
    ?assertEqual(4, length(lists:usort([Ctl, In, Out, Err]))),
    ?assert(lists:min([Ctl, In, Out, Err]) > 5),
    alcove_test:exec(Drv, Child ++ [First], ["cat"]),
    [#alcove_pid{pid = First, fdctl = -2, stdin = In, stdout = Out, stderr = Err},
     #alcove_pid{pid = Second, fdctl = Other}] = alcove:cpid(Drv, Child),
    ?assert(Other > 5),
    ?assertEqual(ok, alcove:eof(Drv, Child ++ [First])),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Child ++ [First])),
    alcove_test:until(fun() -> [Second] =:= [C#alcove_pid.pid || C <- alcove:cpid(Drv, Child)] end).

lowest_slot_is_reused(Config) ->
    {Drv, Child} = processes(Config),
    [First, Second, Third] = [element(2, alcove:fork(Drv, Child)) || _ <- [1, 2, 3]],
    alcove_test:exit(Drv, Child ++ [First], 0),
    {exit_status, 0} = alcove_test:event(Drv, Child ++ [First]),
    alcove_test:until(fun() -> length(alcove:cpid(Drv, Child)) =:= 2 end),
    {ok, Fourth} = alcove:fork(Drv, Child),
    ?assertEqual([Fourth, Second, Third], [C#alcove_pid.pid || C <- alcove:cpid(Drv, Child)]).

fields_of_a_child(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Pid} = alcove:fork(Drv, Child),
    [Record] = alcove:cpid(Drv, Child),
    Fields = record_info(fields, alcove_pid),
    ?assertEqual(tl(tuple_to_list(Record)),
                 [alcove:getcpid(Drv, Child, Pid, Field) || Field <- Fields]),
    [?assertEqual(false, alcove:getcpid(Drv, Child, 1 bsl 30, Field)) || Field <- Fields],
    ?assertEqual(false, alcove:getcpid(Drv, Child, Pid, no_such_field)).

fields_are_set(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Pid} = alcove:fork(Drv, Child),
    Set = fun(Field, Value) -> alcove:setcpid(Drv, Child, Pid, Field, Value) end,
    Get = fun(Field) -> alcove:getcpid(Drv, Child, Pid, Field) end,
    [begin
         ?assertEqual(true, Set(Field, Value)),
         ?assertEqual({Field, Value, Kept}, {Field, Value, Get(Field)})
     end || {Field, Value, Kept} <- [{flowcontrol, 3, 3}, {flowcontrol, -7, -1}, {signaloneof, 9, 9},
                                     {signaloneof, 300, 255}, {signaloneof, 0, 0}]],
    [?assertEqual(false, Set(Field, 1)) || Field <- [pid, fdctl, stdin, stdout, stderr, none]],
    ?assertError(badarg, Set(signaloneof, -1)),
    ?assertError(badarg, Set(flowcontrol, x)),
    ?assertEqual(true, alcove:setcpid(Drv, Child, 1 bsl 30, flowcontrol, 1)).

waitpid_frees_the_slot(Config) ->
    {Drv, Child} = processes(Config),
    {ok, sig_dfl} = alcove:sigaction(Drv, Child, sigchld, sig_info),
    {ok, Pid} = alcove:fork(Drv, Child),
    ?assertEqual({ok, 0, 0, []}, alcove:waitpid(Drv, Child, Pid, [wnohang])),
    Open = descriptors(Child),
    alcove_test:exit(Drv, Child ++ [Pid], 3),
    ?assertEqual({ok, Pid, 768, [{exit_status, 3}]}, alcove:waitpid(Drv, Child, Pid, [])),
    ?assertEqual([], alcove:cpid(Drv, Child)),
    ?assertEqual({error, echild}, alcove:waitpid(Drv, Child, -1, [])),
    %% Nothing of the child stays open in the parent.
    alcove_test:until(fun() -> descriptors(Child) =< Open - 4 end).

%%--------------------------------------------------------------------
%% Options and limits
%%--------------------------------------------------------------------

options_have_defaults(Config) ->
    Drv = ?config(drv, Config),
    Defaults = [{exit_status, 1}, {flowcontrol, -1}, {maxchild, 64}, {maxforkdepth, 16},
                {termsig, 1}, {signaloneof, 15}, {stdin_closed, 0}, {stdout_closed, 0},
                {stderr_closed, 0}, {no_such_option, false}, {'EXIT_STATUS', false}],
    [?assertEqual({Option, Value}, {Option, alcove:getopt(Drv, [], Option)})
     || {Option, Value} <- Defaults],
    ?assertError(badarg, alcove:getopt(Drv, [], "exit_status")).

options_are_normalised(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         ?assertEqual(true, alcove:setopt(Drv, Child, Option, Value)),
         ?assertEqual({Option, Value, Kept}, {Option, Value, alcove:getopt(Drv, Child, Option)})
     end || {Option, Value, Kept} <- [{exit_status, 7, 1}, {termsig, 0, 0}, {flowcontrol, -5, -1},
                                      {flowcontrol, 5, 5}, {signaloneof, 1000, 255},
                                      {maxforkdepth, 1000, 255}, {maxchild, 9, 9},
                                      {stdout_closed, 2, 1}]],
    ?assertEqual(false, alcove:setopt(Drv, Child, no_such_option, 1)),
    ?assertEqual(false, alcove:setopt(Drv, Child, maxchild, 16#7fffffff)),
    [?assertError(badarg, alcove:setopt(Drv, Child, Option, -1))
     || Option <- [exit_status, maxchild, no_such_option]],
    ok.

options_are_inherited(Config) ->
    {Drv, Child} = processes(Config),
    Options = [{maxforkdepth, 128}, {exit_status, 0}, {termsig, 0}, {flowcontrol, 2},
               {signaloneof, 9}, {maxchild, 3}, {stdin_closed, 1}],
    [true = alcove:setopt(Drv, Child, Option, Value) || {Option, Value} <- Options],
    Below = alcove_test:fork(Drv, Child),
    [?assertEqual({Option, Value}, {Option, alcove:getopt(Drv, Below, Option)})
     || {Option, Value} <- Options],
    true = alcove:setopt(Drv, Below, maxforkdepth, 0),
    ?assertEqual(128, alcove:getopt(Drv, Child, maxforkdepth)),
    ?assertEqual(16, alcove:getopt(Drv, [], maxforkdepth)).

depth_limit(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         true = alcove:setopt(Drv, Child, maxforkdepth, Depth),
         ?assertEqual({error, eagain}, alcove:fork(Drv, Child)),
         ?assertEqual({error, eagain}, alcove:clone(Drv, Child, [clone_none]))
     end || Depth <- [0, 1]],
    true = alcove:setopt(Drv, Child, maxforkdepth, 2),
    Below = alcove_test:fork(Drv, Child),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Below)),
    true = alcove:setopt(Drv, Child, maxchild, 1),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Child)).

seventeenth_level(Config) ->
    Drv = ?config(drv, Config),
    Deepest = alcove_test:chain(Drv, [], 16),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Deepest)),
    ?assertEqual(lists:last(Deepest), alcove:getpid(Drv, Deepest)).

table_limit(Config) ->
    {Drv, Child} = processes(Config),
    Pids = [element(2, alcove:fork(Drv, Child)) || _ <- lists:seq(1, 8)],
    ?assertEqual({error, eagain}, alcove:fork(Drv, Child)),
    ?assertEqual(8, length(alcove:cpid(Drv, Child))),
    ?assertEqual(false, alcove:setopt(Drv, Child, maxchild, 7)),
    alcove_test:exit(Drv, Child ++ [hd(Pids)], 0),
    {exit_status, 0} = alcove_test:event(Drv, Child ++ [hd(Pids)]),
    alcove_test:until(fun() -> length(alcove:cpid(Drv, Child)) =:= 7 end),
    ?assertMatch({ok, _}, alcove:fork(Drv, Child)),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Child)),
    %% A smaller table keeps the children in it, whatever their slots.
    [_, Second | _] = Pids,
    alcove_test:exit(Drv, Child ++ [Second], 0),
    {exit_status, 0} = alcove_test:event(Drv, Child ++ [Second]),
    alcove_test:until(fun() -> length(alcove:cpid(Drv, Child)) =:= 7 end),
    ?assertEqual(true, alcove:setopt(Drv, Child, maxchild, 7)),
    Last = Child ++ [lists:last(Pids)],
    ?assert(is_integer(alcove:getpid(Drv, Last, 5000))),
    ?assertEqual(7, length(alcove:cpid(Drv, Child))).

%% A fork that finds no descriptors fails alone.
descriptors_run_out(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Limit} = alcove:getrlimit(Drv, Child, rlimit_nofile),
    ok = alcove:setrlimit(Drv, Child, rlimit_nofile, Limit#alcove_rlimit{cur = 13}),
    ?assertEqual(1, alcove:getopt(Drv, Child, maxchild)),
    Open = descriptors(Child),
    ?assertEqual({error, emfile}, alcove:fork(Drv, Child)),
    ?assertEqual(Open, descriptors(Child)),
    ?assert(is_integer(alcove:getpid(Drv, Child))),
    ok = alcove:setrlimit(Drv, Child, rlimit_nofile, Limit),
    ?assertMatch({ok, _}, alcove:fork(Drv, Child)).

%%--------------------------------------------------------------------
%% Addresses
%%--------------------------------------------------------------------

badpid_names_the_process(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         ?assertError(badpid, alcove:getpid(Drv, Pids, 10000), Pids),
         ?assertEqual({alcove_error, badpid}, alcove_drv:call(Drv, Pids, getpid, [], 10000))
     end || Pids <- [[0], [1 bsl 30], Child ++ [0], Child ++ [1 bsl 30]]],
    ok.

badpid_of_an_ended_program(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:sh(Drv, Program, "exit 0"),
    {exit_status, 0} = alcove_test:event(Drv, Program),
    alcove_test:until(fun() -> alcove:cpid(Drv, Child) =:= [] end),
    ?assertError(badpid, alcove:execvp(Drv, Program, "/bin/sh", ["/bin/sh"], 10000)).

%% The process that misses its child answers, not the one addressed.
badpid_in_mid_pipeline_answers(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         ?assertError(badpid, alcove:getpid(Drv, Pids, 10000), Pids),
         ?assertError(badpid, alcove:execvp(Drv, Pids, "cat", ["cat"], 10000), Pids)
     end || Pids <- [[1 bsl 30, 5], [0, 1, 2], Child ++ [1 bsl 30, 6, 7]]],
    ?assert(is_integer(alcove:getpid(Drv, Child, 10000))).

order_of_the_pipeline_counts(Config) ->
    Drv = ?config(drv, Config),
    [First, Second] = alcove_test:chain(Drv, [], 2),
    ?assertEqual(Second, alcove:getpid(Drv, [First, Second])),
    ?assertError(badpid, alcove:getpid(Drv, [Second, First], 10000)),
    ?assertError(badpid, alcove:getpid(Drv, [Second], 10000)).

%%--------------------------------------------------------------------
%% Ends
%%--------------------------------------------------------------------

exit_status_is_reported(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         Below = alcove_test:fork(Drv, Child),
         ?assertEqual(ok, alcove:exit(Drv, Below, Status)),
         ?assertEqual({exit_status, Reported}, alcove_test:event(Drv, Below)),
         alcove_test:silence(0)
     end || {Status, Reported} <- [{0, 0}, {7, 7}, {255, 255}, {256, 0}, {-1, 255}]],
    ?assertError(badarg, alcove:exit(Drv, Child, x)).

death_by_signal_is_reported(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         {ok, Pid} = alcove:fork(Drv, Child),
         ?assertEqual(ok, alcove:kill(Drv, Child, Pid, Number)),
         ?assertEqual({termsig, Name}, alcove_test:event(Drv, Child ++ [Pid]))
     end || {Number, Name} <- [{sigkill, sigkill}, {9, sigkill}]],
    Sleeper = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Sleeper, ["sleep", "600"]),
    ?assertEqual(ok, alcove:kill(Drv, Child, lists:last(Sleeper), 40)),
    ?assertEqual({termsig, unknown}, alcove_test:event(Drv, Sleeper)).

reports_are_optional(Config) ->
    {Drv, Child} = processes(Config),
    true = alcove:setopt(Drv, Child, exit_status, 0),
    Quiet = alcove_test:fork(Drv, Child),
    ok = alcove:exit(Drv, Quiet, 1),
    Killed = alcove_test:fork(Drv, Child),
    ok = alcove:kill(Drv, Child, lists:last(Killed), sigkill),
    ?assertEqual({termsig, sigkill}, alcove_test:event(Drv, Killed)),
    true = alcove:setopt(Drv, Child, exit_status, 1),
    true = alcove:setopt(Drv, Child, termsig, 0),
    Unheard = alcove_test:fork(Drv, Child),
    ok = alcove:kill(Drv, Child, lists:last(Unheard), sigkill),
    Loud = alcove_test:fork(Drv, Child),
    ok = alcove:exit(Drv, Loud, 2),
    ?assertEqual({exit_status, 2}, alcove_test:event(Drv, Loud)),
    alcove_test:until(fun() -> alcove:cpid(Drv, Child) =:= [] end),
    ?assertEqual([], [E || {alcove_event, _, _, _} = E <- alcove_test:messages()]).

call_to_a_dying_process(Config) ->
    {Drv, Child} = processes(Config),
    Reader = alcove_test:fork(Drv, Child),
    ?assertError(timeout, alcove:read(Drv, Reader, hold_open(Drv, Reader, Config), 1, 200)),
    ok = alcove:kill(Drv, Child, lists:last(Reader), sigkill),
    ?assertError({termsig, sigkill}, alcove:getpid(Drv, Reader, 10000)).

leader_of_a_program_dies(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = Program = alcove_test:fork(Drv, []),
    alcove_test:sh(Drv, Program, "echo started; sleep 600; echo no"),
    <<"started\n">> = alcove_test:output(Drv, Program, 8),
    Below = alcove_test:descendants(Pid),
    ?assertEqual(ok, alcove:kill(Drv, [], Pid, sigterm)),
    [?assertEqual(?config(os_pid, Config), alcove:getpid(Drv, [])) || _ <- [1, 2, 3]],
    ?assertEqual({termsig, sigterm}, alcove_test:event(Drv, Program)),
    [os:cmd("kill " ++ integer_to_list(Sleep)) || Sleep <- Below],
    ok.

%% The third of eight becomes a program. It goes on below the second; the
%% processes under it see the end of their input and leave.
programs_in_mid_pipeline(Config) ->
    Drv = ?config(drv, Config),
    Deepest = alcove_test:chain(Drv, [], 8),
    Program = lists:sublist(Deepest, 3),
    alcove_test:exec(Drv, Program, ["cat"]),
    ok = alcove:stdin(Drv, Program, "through\n"),
    ?assertEqual(<<"through\n">>, alcove_test:output(Drv, Program, 8)),
    ?assertEqual(false, alcove:event(Drv, Deepest, 2000)),
    {Kept, Gone} = lists:split(3, Deepest),
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Gone) end),
    ?assert(lists:all(fun alcove_test:alive/1, Kept)),
    %% cat never asks for the status of a child it does not know.
    ?assertEqual("Z", alcove_test:process_state(hd(Gone))),
    ?assertEqual(ok, alcove:kill(Drv, [], hd(Gone), 0)).

closing_streams(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Program, ["sleep", "600"]),
    [begin
         ?assertEqual(ok, alcove:eof(Drv, Program, Stream)),
         ?assertEqual({error, ebadf}, alcove:eof(Drv, Program, Stream))
     end || Stream <- [stderr, stdout, stdin]],
    ?assertEqual({error, esrch}, alcove:eof(Drv, [], stdin)),
    ?assertEqual({error, esrch}, alcove:eof(Drv, Child ++ [1 bsl 30])),
    ?assertError(function_clause, alcove:eof(Drv, Program, fdctl)),
    Reader = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Reader, ["cat"]),
    ?assertEqual(ok, alcove:eof(Drv, Reader)),
    ?assert(lists:member(alcove:eof(Drv, Reader), [{error, ebadf}, {error, esrch}])),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Reader)).

%% A control process whose input ends signals its programs; its control
%% processes see the end of theirs in turn.
end_of_input_folds_the_tree(Config) ->
    Drv = ?config(drv, Config),
    Root = alcove_test:fork(Drv, []),
    true = alcove:setopt(Drv, Root, signaloneof, 15),
    Middle = alcove_test:fork(Drv, Root),
    Sleepers = [begin
                    Program = alcove_test:fork(Drv, Parent),
                    alcove_test:exec(Drv, Program, ["sleep", "600"]),
                    lists:last(Program)
                end || Parent <- [Root, Middle, alcove_test:fork(Drv, Middle)]],
    ?assert(lists:all(fun alcove_test:alive/1, Sleepers)),
    [ok = alcove:close(Drv, [], In) || #alcove_pid{stdin = In} <- alcove:cpid(Drv, [])],
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Root)),
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Sleepers) end).

stop_folds_the_tree(Config) ->
    Drv = ?config(drv, Config),
    Sleeper = alcove_test:chain(Drv, [], 4),
    alcove_test:exec(Drv, Sleeper, ["sleep", "600"]),
    Reader = alcove_test:fork(Drv, lists:sublist(Sleeper, 2)),
    alcove_test:exec(Drv, Reader, ["cat"]),
    Tree = [?config(os_pid, Config) | alcove_test:descendants(?config(os_pid, Config))],
    ?assert(length(Tree) >= 6),
    ok = alcove_test:stop(Drv),
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Tree) end).

%%--------------------------------------------------------------------
%% Stress
%%--------------------------------------------------------------------

thousand_calls(Config) ->
    {Drv, Child} = processes(Config),
    Version = alcove:version(Drv, []),
    [?assertEqual(Version, alcove:version(Drv, Child, 10000)) || _ <- lists:seq(1, 1000)],
    alcove_test:silence(0).

hundred_forks(Config) ->
    {Drv, Child} = processes(Config),
    Version = alcove:version(Drv, []),
    [begin
         Below = alcove_test:fork(Drv, Child),
         ok = alcove:exit(Drv, Below, 0, 10000),
         ?assertEqual(Version, alcove:version(Drv, [], 10000)),
         ?assertEqual(Version, alcove:version(Drv, Child, 10000)),
         ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Below))
     end || _ <- lists:seq(1, 100)],
    alcove_test:until(fun() -> alcove:cpid(Drv, Child) =:= [] end),
    alcove_test:silence(0).

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

%% Number of open descriptors of a child of the port.
descriptors([Pid]) ->
    {ok, Names} = file:list_dir("/proc/" ++ integer_to_list(Pid) ++ "/fd"),
    length(Names).

%% A descriptor on which a read waits for ever.
hold_open(Drv, Pids, Config) ->
    Fifo = filename:join(alcove_test:scratch(Config), "fifo"),
    ok = alcove:mkfifo(Drv, Pids, Fifo, 8#600),
    {ok, Fd} = alcove:open(Drv, Pids, Fifo, [o_rdwr], 0),
    Fd.

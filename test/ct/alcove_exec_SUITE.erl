%% SPDX-License-Identifier: ISC
%%
%% Control processes that become programs: the search, the arguments, what the
%% program inherits, what the caller is told; the port itself; and the port
%% program put in place of itself.
-module(alcove_exec_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([shell_runs/1, path_is_searched/1, arguments_arrive/1, script_without_interpreter/1,
         environment_is_exact/1, bad_vectors/1, failed_exec_changes_nothing/1,
         descriptor_is_executed/1, signal_ends_the_program/1, status_of_a_program/1]).
-export([program_sees_five_descriptors/1, opened_descriptors_are_kept/1,
         program_keeps_limits_and_ids/1, one_thread/1]).
-export([port_becomes_a_program/1, port_exec_fails/1, port_exits/1]).
-export([port_runs_the_port_program/1, child_runs_the_port_program/1,
         port_program_after_chroot/1, port_program_without_preparation/1]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, children}, {group, inherit}, {group, port}, {group, again}].

groups() ->
    [{children, [], [shell_runs, path_is_searched, arguments_arrive, script_without_interpreter,
                     environment_is_exact, bad_vectors, failed_exec_changes_nothing,
                     descriptor_is_executed, signal_ends_the_program, status_of_a_program]},
     {inherit, [], [program_sees_five_descriptors, opened_descriptors_are_kept,
                    program_keeps_limits_and_ids, one_thread]},
     {port, [], [port_becomes_a_program, port_exec_fails, port_exits]},
     {again, [], [port_runs_the_port_program, child_runs_the_port_program,
                  port_program_after_chroot, port_program_without_preparation]}].

init_per_testcase(Case, Config) ->
    alcove_test:setup(needs(Case), Config).

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

needs(program_keeps_limits_and_ids) -> [root];
needs(port_program_after_chroot) -> [root];
needs(_) -> [].

%%--------------------------------------------------------------------
%% Programs below the port
%%--------------------------------------------------------------------

shell_runs(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:execvp(Drv, Child, "/bin/sh", ["/bin/sh"])),
    ok = alcove:stdin(Drv, Child, "echo $((6 * 7)); exit 3\n"),
    ?assertEqual(<<"42\n">>, alcove_test:output(Drv, Child, 3)),
    ?assertEqual({exit_status, 3}, alcove_test:event(Drv, Child)).

path_is_searched(Config) ->
    {Drv, Child} = processes(Config),
    Dir = alcove_test:scratch(Config),
    ok = file:write_file(filename:join(Dir, "tool"), "#!/bin/sh\necho found $1\n"),
    ok = file:change_mode(filename:join(Dir, "tool"), 8#755),
    ok = alcove:setenv(Drv, Child, "PATH", "/nonexistent", 1),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, Child, "tool", ["tool", "it"])),
    ok = alcove:setenv(Drv, Child, "PATH", ["/nonexistent:", Dir], 1),
    ?assertEqual(ok, alcove:execvp(Drv, Child, <<"tool">>, ["tool", "it"])),
    ?assertEqual(<<"found it\n">>, alcove_test:output(Drv, Child, 9)).

arguments_arrive(Config) ->
    {Drv, Child} = processes(Config),
    Line = "for a in \"$0\" \"$@\"; do printf '[%s]' \"$a\"; done",
    ok = alcove:execvp(Drv, Child, "sh", ["sh", "-c", Line, <<"zero">>, "", ["o", <<"n">>, $e],
                                          <<"two", 0, "cut">>, "\"'$ *"]),
    ?assertEqual(<<"[zero][][one][two][\"'$ *]">>, alcove_test:output(Drv, Child, 25)).

%% A file the kernel does not know how to start is given to the shell.
script_without_interpreter(Config) ->
    {Drv, Child} = processes(Config),
    Script = filename:join(alcove_test:scratch(Config), "script"),
    ok = file:write_file(Script, "echo plain \"$1\"\n"),
    ok = file:change_mode(Script, 8#755),
    ?assertEqual({error, enoexec}, alcove:execve(Drv, Child, Script, ["s"], [])),
    First = alcove_test:fork(Drv, Child),
    ?assertEqual(ok, alcove:execvp(Drv, First, Script, ["s", "arg"])),
    ?assertEqual(<<"plain arg\n">>, alcove_test:output(Drv, First, 10)),
    %% Without arguments too.
    Second = alcove_test:fork(Drv, Child),
    ?assertEqual(ok, alcove:execvp(Drv, Second, Script, [])),
    ?assertEqual(<<"plain \n">>, alcove_test:output(Drv, Second, 7)),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Second)).

environment_is_exact(Config) ->
    {Drv, Child} = processes(Config),
    Env = fun(Variables) ->
                  Program = alcove_test:fork(Drv, Child),
                  ?assertEqual(ok, alcove:execve(Drv, Program, "/usr/bin/env", ["env"], Variables)),
                  {exit_status, 0} = alcove_test:event(Drv, Program),
                  alcove:stdout(Drv, Program)
          end,
    ?assertEqual([<<"FOO=bar\nB=2\n">>], Env(["FOO=bar", <<"B=2">>])),
    ?assertEqual([<<"NOEQ\nA=1\nA=2\n">>], Env(["NOEQ", "A=1", "A=2"])),
    ?assertEqual([<<"A=1\n">>], Env([<<"A=1", 0, "2">>])),
    ?assertEqual([], Env([])).

bad_vectors(Config) ->
    {Drv, Child} = processes(Config),
    [?assertError(badarg, alcove:execve(Drv, Child, Path, Argv, Env))
     || {Path, Argv, Env} <- [{"/usr/bin/env", ["env"], [false]}, {"/usr/bin/env", ["env"], "FOO"},
                              {"/usr/bin/env", "env", []}, {"", ["env"], []},
                              {"/usr/bin/env", ["env" | <<"x">>], []}, {"/nonexistent", ["x"], foo}]],
    [?assertError(badarg, alcove:execvp(Drv, Child, "echo", Argv))
     || Argv <- ["echo", <<"echo">>, ["echo", 1], ["echo", foo]]],
    ?assert(is_integer(alcove:getpid(Drv, Child))).

failed_exec_changes_nothing(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:setenv(Drv, Child, "PATH", "/usr/bin:/bin", 1),
    [?assertEqual({Path, {error, Reason}}, {Path, alcove:execvp(Drv, Child, Path, ["x"])})
     || {Path, Reason} <- [{"/nonexistent", enoent}, {"/tmp", eacces}, {"/etc/passwd", eacces},
                           {"/etc/passwd/x", enotdir}, {"no-such-program", enoent},
                           {lists:duplicate(256, $x), enametoolong}]],
    ?assert(is_integer(alcove:getpid(Drv, Child))),
    [#alcove_pid{fdctl = Ctl}] = alcove:cpid(Drv, []),
    ?assert(Ctl >= 0),
    alcove_test:silence(0).

descriptor_is_executed(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Fd} = alcove:open(Drv, Child, "/usr/bin/env", [o_rdonly, o_cloexec], 0),
    ?assertEqual({error, ebadf}, alcove:fexecve(Drv, Child, 99, ["env"], ["A=1"])),
    [?assertEqual({error, einval}, alcove:fexecve(Drv, Child, F, Argv, Env))
     || {F, Argv, Env} <- [{-1, ["env"], ["A=1"]}, {Fd, [], ["A=1"]}, {Fd, ["env"], []}]],
    ?assertEqual(ok, alcove:fexecve(Drv, Child, Fd, [""], ["FOO=bar", "BAR=1234567"])),
    ?assertEqual([<<"FOO=bar\nBAR=1234567\n">>], alcove:stdout(Drv, Child, 5000)).

signal_ends_the_program(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Program, ["/bin/sh"]),
    ok = alcove:stdin(Drv, Program, "kill -9 $$\n"),
    ?assertEqual({termsig, sigkill}, alcove_test:event(Drv, Program)).

status_of_a_program(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         Program = alcove_test:fork(Drv, Child),
         alcove_test:sh(Drv, Program, ["exit ", integer_to_list(Status)]),
         ?assertEqual({exit_status, Status}, alcove_test:event(Drv, Program))
     end || Status <- [0, 1, 127, 255]],
    ok.

%%--------------------------------------------------------------------
%% What a program inherits
%%--------------------------------------------------------------------

%% Its stdio, and the two ends of the signal pipe that a control process
%% started by it would go on using; nothing of its siblings.
program_sees_five_descriptors(Config) ->
    Drv = ?config(drv, Config),
    _Sibling = alcove_test:fork(Drv, []),
    [Pid] = Program = alcove_test:fork(Drv, []),
    alcove_test:exec(Drv, Program, ["cat"]),
    %% The loader opens libraries for a moment.
    alcove_test:until(fun() -> descriptors(Pid) =:= ["0", "1", "2", "3", "4"] end).

opened_descriptors_are_kept(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = Program = alcove_test:fork(Drv, []),
    {ok, Kept} = alcove:open(Drv, Program, "/dev/null", [o_rdonly], 0),
    {ok, Closed} = alcove:open(Drv, Program, "/dev/null", [o_rdonly, o_cloexec], 0),
    ?assertEqual({6, 7}, {Kept, Closed}),
    alcove_test:exec(Drv, Program, ["cat"]),
    alcove_test:until(fun() -> descriptors(Pid) =:= ["0", "1", "2", "3", "4", "6"] end).

program_keeps_limits_and_ids(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = Program = alcove_test:fork(Drv, []),
    {ok, Inherited} = alcove:getrlimit(Drv, Program, rlimit_nofile),
    ok = alcove:setrlimit(Drv, Program, rlimit_fsize, #alcove_rlimit{cur = 40960, max = 81920}),
    ok = alcove:setgroups(Drv, Program, []),
    ok = alcove:setresgid(Drv, Program, 16#f0001234, 16#f0001234, 16#f0001234),
    ok = alcove:setresuid(Drv, Program, 16#f0001234, 16#f0001234, 16#f0001234),
    alcove_test:exec(Drv, Program, ["cat"]),
    Id = integer_to_list(16#f0001234),
    [?assertEqual([Id, Id, Id, Id], string:lexemes(alcove_test:status_field(Pid, Field), "\t"))
     || Field <- ["Uid", "Gid"]],
    ?assertEqual("0000000000000000", alcove_test:status_field(Pid, "CapEff")),
    {ok, Limits} = file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/limits"),
    ?assertMatch({match, _}, re:run(Limits, "^Max file size +40960 +81920", [multiline])),
    ?assertMatch({match, _}, re:run(Limits, ["^Max open files +",
                                             integer_to_list(Inherited#alcove_rlimit.cur), " "],
                                    [multiline])).

%% A second thread would keep its old ids, and would stand in the way of user
%% and mount namespaces.
one_thread(Config) ->
    {Drv, _} = processes(Config),
    Tree = alcove_test:chain(Drv, [], 3),
    [?assertEqual("1", alcove_test:status_field(Pid, "Threads"))
     || Pid <- [?config(os_pid, Config) | Tree]],
    alcove_test:exec(Drv, Tree, ["cat"]),
    ?assertEqual("1", alcove_test:status_field(lists:nth(2, Tree), "Threads")).

%%--------------------------------------------------------------------
%% The port itself
%%--------------------------------------------------------------------

port_becomes_a_program(Config) ->
    Drv = ?config(drv, Config),
    ?assertEqual(ok, alcove:execvp(Drv, [], "cat", ["cat"])),
    ok = alcove:stdin(Drv, [], <<0, 7, "plain bytes">>),
    ?assertEqual(<<0, 7, "plain bytes">>, alcove_test:output(Drv, [], 13)),
    ok = alcove:stdin(Drv, [], "again"),
    ?assertEqual(<<"again">>, alcove_test:output(Drv, [], 5)).

port_exec_fails(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, [], "/nonexistent", ["x"])),
    ?assertEqual(?config(os_pid, Config), alcove:getpid(Drv, [])),
    ?assert(is_integer(alcove:getpid(Drv, Child))).

port_exits(Config) ->
    process_flag(trap_exit, true),
    Drv = ?config(drv, Config),
    ?assertEqual(ok, alcove:exit(Drv, [], 0)),
    receive
        {'EXIT', Drv, {shutdown, normal}} -> ok
    after 10000 ->
        erlang:error({no_exit, alcove_test:messages()})
    end.

%%--------------------------------------------------------------------
%% The port program in place of itself
%%--------------------------------------------------------------------

%% With its descriptors kept open a fresh image takes over: the parent and the
%% driver notice nothing but the greeting, which answers the call.
port_runs_the_port_program(Config) ->
    Drv = ?config(drv, Config),
    Own = alcove:getpid(Drv, []),
    ?assertEqual(ok, run_again(Drv, [], program(Drv))),
    ?assertEqual(Own, alcove:getpid(Drv, [])),
    ?assertEqual([], alcove:cpid(Drv, [])),
    First = alcove_test:fork(Drv, []),
    Second = alcove_test:fork(Drv, First),
    alcove_test:exec(Drv, Second, ["cat"]),
    alcove_test:exit(Drv, First, 0),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, First)),
    alcove_test:until(fun() -> alcove:cpid(Drv, []) =:= [] end).

child_runs_the_port_program(Config) ->
    {Drv, Child} = processes(Config),
    Below = alcove_test:fork(Drv, Child),
    Own = alcove:getpid(Drv, Below),
    [Before] = alcove:cpid(Drv, Child),
    true = alcove:setopt(Drv, Below, exit_status, 0),
    ?assertEqual(ok, run_again(Drv, Below, program(Drv))),
    ?assertEqual(Own, alcove:getpid(Drv, Below)),
    ?assertEqual([Before], alcove:cpid(Drv, Child)),
    %% Options are fresh; signals other than SIGCHLD are not caught any more.
    ?assertEqual(1, alcove:getopt(Drv, Below, exit_status)),
    ?assertEqual({ok, sig_dfl}, alcove:sigaction(Drv, Below, sigterm, [])),
    Program = alcove_test:fork(Drv, Below),
    alcove_test:sh(Drv, Program, "exit 6"),
    ?assertEqual({exit_status, 6}, alcove_test:event(Drv, Program)).

%% From an open descriptor, where there is neither /proc nor the file, and
%% without privileges.
port_program_after_chroot(Config) ->
    {Drv, Child} = processes(Config),
    Program = program(Drv),
    Below = alcove_test:fork(Drv, Child),
    {ok, Fd} = alcove:open(Drv, Below, Program, [o_rdonly, o_cloexec], 0),
    Empty = alcove_test:scratch(Config),
    ok = alcove:chroot(Drv, Below, Empty),
    ok = alcove:chdir(Drv, Below, "/"),
    ok = alcove:setresgid(Drv, Below, 65534, 65534, 65534),
    ok = alcove:setresuid(Drv, Below, 65534, 65534, 65534),
    ?assertEqual(ok, run_again_fd(Drv, Below, Fd)),
    ?assertEqual(65534, alcove:getuid(Drv, Below)),
    ?assertEqual({ok, [<<".">>, <<"..">>]}, sorted(alcove:readdir(Drv, Below, "/"))),
    Deeper = alcove_test:fork(Drv, Below),
    ?assert(is_integer(alcove:getpid(Drv, Deeper))).

%% With its control descriptor closed on exec the new image is a program like
%% others: its greeting is output.
port_program_without_preparation(Config) ->
    {Drv, Child} = processes(Config),
    [Program | _] = Argv = alcove_drv:getopts([{progname, program(Drv)}, {depth, 1}]),
    ?assertEqual(ok, alcove:execve(Drv, Child, Program, Argv, [])),
    ?assertEqual(<<0, 7, 0, 4, 131, 119, 2, "ok">>, alcove_test:output(Drv, Child, 9)),
    [#alcove_pid{fdctl = -2}] = alcove:cpid(Drv, []).

run_again(Drv, Pids, Program) ->
    {ok, Fd} = alcove:open(Drv, Pids, Program, [o_rdonly, o_cloexec], 0),
    run_again_fd(Drv, Pids, Fd).

run_again_fd(Drv, Pids, Fd) ->
    Argv = ["alcove", "-d", integer_to_list(length(Pids))],
    [ok = cloexec(Drv, Pids, N, fun(Flags, Bit) -> Flags band bnot Bit end) || N <- [3, 4, 5, Fd]],
    Answer = alcove:fexecve(Drv, Pids, Fd, Argv, [<<>> | alcove:environ(Drv, Pids)]),
    [ok = cloexec(Drv, Pids, N, fun(Flags, Bit) -> Flags bor Bit end) || N <- [3, 4, 5]],
    Answer.

cloexec(Drv, Pids, Fd, Change) ->
    Bit = alcove:fcntl_constant(Drv, Pids, fd_cloexec),
    {ok, Flags} = alcove:fcntl(Drv, Pids, Fd, f_getfd, 0),
    {ok, 0} = alcove:fcntl(Drv, Pids, Fd, f_setfd, Change(Flags, Bit)),
    ok.

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

%% Path of the port program that runs.
program(Drv) ->
    {ok, Path} = file:read_link("/proc/" ++ integer_to_list(alcove_test:os_pid(Drv)) ++ "/exe"),
    Path.

descriptors(Pid) ->
    {ok, Names} = file:list_dir("/proc/" ++ integer_to_list(Pid) ++ "/fd"),
    lists:sort(Names).

sorted({ok, List}) ->
    {ok, lists:sort(List)}.

%% SPDX-License-Identifier: ISC
%%
%% The examples, the demo, and the code on the pages of the guide.
-module(alcove_examples_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1, init_per_testcase/2, end_per_testcase/2]).
-export([chroot_sandbox/1, chroot_keeps_in/1, container_is_separate/1, container_is_limited/1,
         shell_server/1, shell_is_confined/1, shell_server_back_pressure/1,
         shell_server_leaves_nothing/1, demo/1, demo_names_what_is_missing/1, guide_pages/1]).

-define(BUSYBOX, "/bin/busybox").

suite() ->
    [{timetrap, {seconds, 90}}].

all() ->
    [chroot_sandbox, chroot_keeps_in, container_is_separate, container_is_limited, shell_server,
     shell_is_confined, shell_server_back_pressure, shell_server_leaves_nothing, demo,
     demo_names_what_is_missing, guide_pages].

%% Where the build has not made the examples part of the code path they are
%% compiled here.
init_per_suite(Config) ->
    Root = alcove_test:root_dir(),
    case code:which(alcove_sandbox) of
        non_existing ->
            Out = ?config(priv_dir, Config),
            [{ok, _} = compile:file(Source, [debug_info, {outdir, Out}, return_errors])
             || Source <- filelib:wildcard(filename:join([Root, "erlang", "examples", "*.erl"]))],
            true = code:add_patha(Out);
        _ ->
            ok
    end,
    [{root, Root} | Config].

end_per_suite(_Config) ->
    ok.

init_per_testcase(Case, Config) ->
    case alcove_test:need(needs(Case)) of
        ok -> [{fds, alcove_test:vm_fds()}, {before, programs()} | Config];
        Skip -> Skip
    end.

%% Nothing may be left of any example.
end_per_testcase(_Case, Config) ->
    try
        alcove_test:until(fun() -> programs() -- ?config(before, Config) =:= [] end),
        alcove_test:until(fun() -> alcove_test:vm_fds() =:= ?config(fds, Config) end)
    catch
        error:timeout ->
            {fail, [{programs_left, programs() -- ?config(before, Config)},
                    {descriptors_left, alcove_test:vm_fds() -- ?config(fds, Config)}]}
    end.

needs(demo_names_what_is_missing) -> [];
needs(guide_pages) -> [root, namespaces, user_namespace, seccomp, cgroup, {program, ?BUSYBOX}];
needs(Case) when Case =:= container_is_separate; Case =:= container_is_limited ->
    [root, namespaces, cgroup, {program, ?BUSYBOX}];
needs(_) -> [root, namespaces, seccomp, {program, ?BUSYBOX}].

%% Processes that this VM has started, directly or not.
programs() ->
    [Pid || Pid <- alcove_test:descendants(list_to_integer(os:getpid())), alcove_test:alive(Pid)].

%%--------------------------------------------------------------------
%% Chroot
%%--------------------------------------------------------------------

chroot_sandbox(_Config) ->
    {ok, Drv} = alcove_chroot:start(),
    Cat = alcove_chroot:sandbox(Drv),
    ok = alcove:stdin(Drv, Cat, "meow\n"),
    ?assertEqual(<<"meow\n">>, alcove_test:output(Drv, Cat, 5)),
    ok = alcove:eof(Drv, Cat),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Cat)),
    alcove_test:stop(Drv).

chroot_keeps_in(_Config) ->
    {ok, Drv} = alcove_chroot:start(),
    Shell = alcove_chroot:sandbox(Drv, ["sh"]),
    ok = alcove:stdin(Drv, Shell, "echo *\n echo $PWD\n ulimit -u\n echo text > /file || echo refused\n"
                                  "kill -9 1 || echo refused\n (echo child)\n"),
    ?assertEqual(<<"busybox\n/\n1\nrefused\nrefused\n">>, alcove_test:output(Drv, Shell, 28)),
    ?assertEqual({exit_status, 2}, alcove_test:event(Drv, Shell)),
    ?assertMatch({_, _}, binary:match(iolist_to_binary(alcove:stderr(Drv, Shell, 100)), <<"can't fork">>)),
    alcove_test:stop(Drv).

%%--------------------------------------------------------------------
%% Container
%%--------------------------------------------------------------------

container_is_separate(_Config) ->
    {ok, Drv} = alcove_container:start(),
    Name = unique(),
    {ok, Box} = alcove_container:run(Drv, Name, ["sh"]),
    Shell = alcove_container:program(Box),
    ok = alcove:stdin(Drv, Shell, "echo $$\n busybox hostname\n busybox ls /\n busybox id -u\n"
                                  "echo done.\n"),
    Output = alcove_test:output_until(Drv, Shell, "^done\\.$"),
    [<<"2">>, Name, <<"busybox">>, <<"dev">>, <<"proc">>, User, <<"done.">>] =
        binary:split(Output, <<"\n">>, [global, trim]),
    ?assert(binary_to_integer(User) > 16#f0000000),
    ?assertEqual(ok, alcove_container:stop(Drv, Box)),
    ?assertEqual([], groups_named(Name)),
    alcove_test:stop(Drv).

container_is_limited(_Config) ->
    {ok, Drv} = alcove_container:start(),
    Name = unique(),
    {ok, Box} = alcove_container:run(Drv, Name, ["sh"]),
    Shell = alcove_container:program(Box),
    ?assertEqual({ok, <<"10">>}, alcove_container:usage(Drv, Box, {<<"pids">>, <<"pids.max">>})),
    ?assertEqual({ok, <<"16777216">>},
                 alcove_container:usage(Drv, Box, {<<"memory">>, <<"memory.limit_in_bytes">>})),
    ok = alcove:stdin(Drv, Shell, "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do busybox sleep 600 & done\n"),
    alcove_test:until(fun() -> alcove:stderr(Drv, Shell) =/= [] end),
    {ok, Current} = alcove_container:usage(Drv, Box, {<<"pids">>, <<"pids.current">>}),
    ?assert(binary_to_integer(Current) =< 10),
    ?assertEqual(ok, alcove_container:stop(Drv, Box)),
    ?assertEqual([], groups_named(Name)),
    alcove_test:stop(Drv).

unique() ->
    list_to_binary(["ct-", os:getpid(), "-", integer_to_list(erlang:unique_integer([positive]))]).

groups_named(Name) ->
    lists:append([filelib:wildcard(Dir ++ "/alcove/" ++ binary_to_list(Name))
                  || Dir <- ["/sys/fs/cgroup", "/sys/fs/cgroup/*"]]).

%%--------------------------------------------------------------------
%% Shell server
%%--------------------------------------------------------------------

shell_server(_Config) ->
    {ok, Server, Port} = alcove_shell_server:start([{port, 0}]),
    Sockets = [connect(Port) || _ <- lists:seq(1, 3)],
    [ok = gen_tcp:send(Socket, ["echo ", integer_to_list(N), " $((6 * 7)) > /tmp/f; busybox cat /tmp/f;"
                                "busybox hostname; exit 3\n"])
     || {N, Socket} <- lists:zip(lists:seq(1, 3), Sockets)],
    [begin
         Text = closed(Socket),
         Answer = iolist_to_binary([integer_to_list(N), " 42\n"]),
         ?assertMatch({_, _}, binary:match(Text, Answer)),
         ?assertMatch({_, _}, binary:match(Text, <<"alcove\n">>))
     end || {N, Socket} <- lists:zip(lists:seq(1, 3), Sockets)],
    ok = alcove_shell_server:stop(Server).

shell_is_confined(_Config) ->
    {ok, Server, Port} = alcove_shell_server:start([{port, 0}]),
    Socket = connect(Port),
    ok = gen_tcp:send(Socket, "exec 2>/dev/null\n"
                              "busybox mount -t tmpfs none /tmp || echo no mount\n"
                              "busybox chroot / /busybox true || echo no chroot\n"
                              "busybox unshare -U true || echo no unshare\n"
                              "busybox dd if=/busybox of=/tmp/b || echo no large file\n"
                              "echo x > /file || echo no writing\n"
                              "kill -9 1 || echo no kill\n"
                              "echo limits $(ulimit -n) $(ulimit -u)\n"
                              "exit\n"),
    Text = closed(Socket),
    [?assertMatch({Line, {_, _}}, {Line, binary:match(Text, <<Line/binary, "\n">>)})
     || Line <- [<<"no mount">>, <<"no chroot">>, <<"no unshare">>, <<"no large file">>,
                 <<"no writing">>, <<"no kill">>, <<"limits 32 16">>]],
    ok = alcove_shell_server:stop(Server).

%% A client that does not read for a while stops its shell and nobody else, and
%% gets everything when it does read.
shell_server_back_pressure(_Config) ->
    {ok, Server, Port} = alcove_shell_server:start([{port, 0}]),
    Lazy = connect(Port),
    Busy = connect(Port),
    ok = gen_tcp:send(Lazy, "exec 2>/dev/null; yes | busybox head -c 8000000; exit\n"),
    timer:sleep(1000),
    Held = erlang:memory(binary),
    ok = gen_tcp:send(Busy, "busybox hostname; exit\n"),
    ?assertMatch({_, _}, binary:match(closed(Busy), <<"alcove\n">>)),
    ?assert(Held < 64 * 1024 * 1024, Held),
    ?assertEqual(8000000, count(closed(Lazy))),
    %% Input that comes faster than the shell takes it arrives whole.
    Eager = connect(Port),
    ok = gen_tcp:send(Eager, "busybox sleep 0.5; busybox head -c 320000 | busybox wc -c; exit\n"),
    timer:sleep(200),
    ok = gen_tcp:send(Eager, binary:copy(<<"0123456789abcde\n">>, 20000)),
    ?assertMatch({_, _}, binary:match(closed(Eager), <<"320000\n">>)),
    ok = alcove_shell_server:stop(Server).

count(Text) ->
    length(binary:matches(Text, <<"y\n">>)) * 2.

%% Neither when clients go away nor when the server is stopped.
shell_server_leaves_nothing(Config) ->
    {ok, Server, Port} = alcove_shell_server:start([{port, 0}]),
    Sockets = [connect(Port) || _ <- lists:seq(1, 3)],
    [ok = gen_tcp:send(Socket, "busybox sleep 600 & busybox sleep 601\n") || Socket <- Sockets],
    alcove_test:until(fun() -> length(programs() -- ?config(before, Config)) >= 3 * 4 end),
    ok = gen_tcp:close(hd(Sockets)),
    alcove_test:until(fun() -> length(programs() -- ?config(before, Config)) =< 2 * 6 end),
    ok = alcove_shell_server:stop(Server),
    alcove_test:until(fun() -> programs() -- ?config(before, Config) =:= [] end),
    [_ = closed(Socket) || Socket <- tl(Sockets)],
    ok.

connect(Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    Socket.

%% All that comes until the server closes the connection.
closed(Socket) ->
    iolist_to_binary(received(Socket)).

received(Socket) ->
    case gen_tcp:recv(Socket, 0, 20000) of
        {ok, Data} ->
            [Data | received(Socket)];
        {error, Reason} when Reason =:= closed; Reason =:= econnreset ->
            gen_tcp:close(Socket),
            []
    end.

%%--------------------------------------------------------------------
%% Demo and guide
%%--------------------------------------------------------------------

demo(_Config) ->
    {Status, Text} = demo_in_a_vm([]),
    ct:pal("~ts", [Text]),
    ?assertEqual(0, Status),
    [?assertNotEqual({nomatch, Part}, {string:find(Text, Part), Part})
     || Part <- ["a program", "exit_status,7", "     42", "Everything went as it should."]],
    ?assertEqual(ok, run_alone(fun alcove_demo:run/0)).

%% A sentence, not a stack trace.
demo_names_what_is_missing(_Config) ->
    {Status, Text} = demo_in_a_vm(["-eval", "code:add_patha(\"no\")", "-env", "PATH", "/nonexistent"]),
    ct:pal("~b ~ts", [Status, Text]),
    ?assertEqual(1, Status),
    ?assertNotEqual(nomatch, string:find(Text, "The demo ends here: ")).

demo_in_a_vm(More) ->
    Erl = filename:join([code:root_dir(), "bin", "erl"]),
    Paths = lists:append([["-pa", Dir] || Dir <- code:get_path(), Dir =/= "."]),
    Port = open_port({spawn_executable, Erl},
                     [{args, ["-noshell", "-noinput"] ++ Paths ++ More ++ ["-s", "alcove_demo", "main"]},
                      exit_status, stderr_to_stdout, binary]),
    finished(Port, []).

finished(Port, Text) ->
    receive
        {Port, {data, Data}} -> finished(Port, [Text, Data]);
        {Port, {exit_status, Status}} -> {Status, unicode:characters_to_list(Text)}
    after 60000 ->
        erlang:error({demo, Text})
    end.

%% The code of each page as one function of a module, in a process of its own.
guide_pages(Config) ->
    Docs = filename:join(?config(root, Config), "docs"),
    Pages = [Page || Page <- filelib:wildcard("*.md", Docs),
                     not lists:member(Page, ["README.md", "calls.md", "differences.md"])],
    ?assert(length(Pages) >= 8, Pages),
    [begin
         {ok, Text} = file:read_file(filename:join(Docs, Page)),
         Module = page_module(filename:rootname(Page), Text, ?config(priv_dir, Config)),
         ?assertEqual({Page, ok}, {Page, run_alone(fun Module:run/0)}),
         true = code:delete(Module),
         code:purge(Module)
     end || Page <- Pages],
    ok.

page_module(Name, Text, Dir) ->
    {match, Blocks} = re:run(Text, "^```erlang\\n(.*?)^```$",
                             [global, multiline, dotall, {capture, all_but_first, list}]),
    Lines = string:split(lists:append(lists:append(Blocks)), "\n", all),
    {Attributes, Code} = lists:partition(fun(Line) -> lists:prefix("-include", Line) end, Lines),
    Module = list_to_atom("guide_" ++ Name),
    Source = filename:join(Dir, atom_to_list(Module) ++ ".erl"),
    ok = file:write_file(Source, [io_lib:format("-module(~s).~n-export([run/0]).~n", [Module]),
                                  lists:join("\n", lists:usort(Attributes)), "\nrun() ->\n",
                                  [[Expression, ",\n"] || Expression <- expressions(Code)], "ok.\n"]),
    {ok, Module, Beam} = compile:file(Source, [binary, return_errors]),
    {module, Module} = code:load_binary(Module, Source, Beam),
    Module.

%% Text of the expressions, which end with full stops.
expressions(Lines) ->
    {ok, Tokens, _} = erl_scan:string(lists:flatten(lists:join("\n", Lines)), 1, [text]),
    expressions(Tokens, []).

expressions([], []) ->
    [];
expressions([{dot, _} | Tokens], Expression) ->
    [lists:join(" ", lists:reverse(Expression)) | expressions(Tokens, [])];
expressions([Token | Tokens], Expression) ->
    expressions(Tokens, [erl_scan:text(Token) | Expression]).

%% In a process of its own, which owns the drivers that Fun starts.
run_alone(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({returned, Fun()}) end),
    receive
        {'DOWN', Ref, process, Pid, {returned, Value}} -> Value;
        {'DOWN', Ref, process, Pid, Reason} -> Reason
    after 60000 ->
        exit(Pid, kill),
        timeout
    end.

%% @doc What alcove is for, in one go: a tree of processes, the last of which is confined
%% and becomes a shell that is talked to.
%%
%% {@link main/0} tells what it does and ends the VM: with status 0 if everything went as
%% it should, else with 1 and a sentence that says what did not.
-module(alcove_demo).

-include_lib("alcove/include/alcove.hrl").

-export([main/0, run/0]).

-define(BUSYBOX, "/bin/busybox").
-define(HOSTNAME, "sandbox").
-define(LIMITS, [{rlimit_nofile, 16}, {rlimit_nproc, 8}, {rlimit_fsize, 0}, {rlimit_core, 0}]).
-define(STATUS, 7).
-define(WAIT, 10000).

-spec main() -> no_return().
main() ->
    halt(try run() of
             ok -> 0
         catch
             throw:{demo, Sentence} ->
                 io:format(standard_error, "~nThe demo ends here: ~ts~n", [Sentence]),
                 1;
             Class:Reason:Stack ->
                 io:format(standard_error, "~nThe demo broke: ~p ~p~n~p~n", [Class, Reason, Stack]),
                 1
         end).

%% @doc The demo without the end of the VM; throws `{demo, Sentence}' if something is not
%% as it should be.
-spec run() -> ok.
run() ->
    step("Start a driver. It runs the port program, a Unix process that does what it is told."),
    Drv = start(),
    told("version ~s, process ~b", [alcove:version(Drv, []), alcove:getpid(Drv, [])]),

    step("Fork a pipeline of three: each is a child of the one before. The second is the first\n"
         "   process of new ipc, mount, network, pid and uts namespaces."),
    {ok, First} = alcove:fork(Drv, []),
    Worker = [First],
    [_, Second] = Init = alcove_sandbox:namespaces(Drv, Worker),
    {ok, Third} = alcove:fork(Drv, Init),
    Shell = Init ++ [Third],
    told("fork in []                answers ~b", [First]),
    told("clone in ~-16w answers ~b, which calls itself ~b", [Worker, Second, alcove:getpid(Drv, Init)]),
    told("fork in ~-17w answers ~b", [Init, Third]),
    expect("the first process of a pid namespace is number 1", 1, alcove:getpid(Drv, Init)),

    step("Give the namespaces a host name, and a root with a static busybox and nothing else."),
    Host = alcove:gethostname(Drv, []),
    ok = alcove:sethostname(Drv, Init, ?HOSTNAME),
    ok = alcove_sandbox:private_mounts(Drv, Init),
    ok = alcove_sandbox:empty_root(Drv, Init),
    ok = alcove_sandbox:program(Drv, Init, ?BUSYBOX, "busybox"),
    ok = alcove_sandbox:proc(Drv, Init),
    ok = alcove_sandbox:change_root(Drv, Shell),
    {ok, Names} = alcove:readdir(Drv, Shell, "/"),
    told("/ of ~w holds ~ts", [Shell, lists:join(" ", lists:sort(Names))]),
    expect("the host keeps its name", Host, alcove:gethostname(Drv, [])),

    step("Limit the last process and take its rights away."),
    ok = alcove_sandbox:limits(Drv, Shell, ?LIMITS),
    [told("~-13s ~b", [Resource, Limit]) || {Resource, Limit} <- ?LIMITS],
    Id = alcove_sandbox:drop_privileges(Drv, Shell),
    told("user and group ~b", [Id]),

    step("Let it become a shell."),
    ok = alcove:execve(Drv, Shell, "/busybox", ["sh"], ["HOME=/", "PATH=/"]),
    told("execve in ~w answers ok", [Shell]),

    step("Talk to the shell: stdin goes in, stdout and stderr come out."),
    expect("the shell adds", "42", talk(Drv, Shell, "echo $((6 * 7))")),
    expect("the shell sees the host name", ?HOSTNAME, talk(Drv, Shell, "busybox hostname")),
    expect("the shell is nobody", io_lib:format("uid=~b gid=~b", [Id, Id]), talk(Drv, Shell, "busybox id")),
    expect("the limit of descriptors holds", "16", talk(Drv, Shell, "ulimit -n")),
    _ = talk(Drv, Shell, "busybox ps -o pid,comm"),
    Denied = talk(Drv, Shell, "echo x > /file || echo refused"),
    expect("the shell cannot write", match, element(1, contains(Denied, "refused"))),

    step("The tree: what a parent calls its child, and what that says itself."),
    told("~-24s ~-8s ~s", ["process", "pid", "user"]),
    tree(Drv, [], "port"),

    step("Let the shell end."),
    ok = alcove:stdin(Drv, Shell, io_lib:format("exit ~b~n", [?STATUS])),
    Event = alcove:event(Drv, Shell, ?WAIT),
    told("the event of ~w is ~p", [Shell, Event]),
    expect("the exit status arrives", {exit_status, ?STATUS}, Event),

    step("Stop the driver. Nothing is left of the tree."),
    Tree = [integer_to_list(Pid) || Pid <- [alcove:getpid(Drv, []), First, Second]],
    ok = alcove_drv:stop(Drv),
    expect("all processes end", true, gone(Tree, ?WAIT)),
    told("processes ~ts have ended", [lists:join(", ", Tree)]),
    io:format("~nEverything went as it should.~n"),
    ok.

%%--------------------------------------------------------------------

start() ->
    element(1, file:read_file_info(?BUSYBOX)) =:= ok orelse
        fail("there is no ~s. On Debian: apt-get install busybox-static", [?BUSYBOX]),
    case alcove_sandbox:start() of
        {ok, Drv} ->
            alcove:getuid(Drv, []) =:= 0 orelse fail("the port program does not run as root", []),
            Drv;
        {error, {error, port_init_failed}} ->
            fail("the port program ended at once. It needs root, or sudo without a password", []);
        {error, {badarg, _}} ->
            fail("~s or sudo cannot be found or executed", [alcove_drv:progname()]);
        {error, Reason} ->
            fail("the driver did not start: ~0p", [Reason])
    end.

%% A line for the shell, and what it prints for it. The dot says that all is there.
talk(Drv, Shell, Line) ->
    io:format("   $ ~ts~n", [Line]),
    ok = alcove:stdin(Drv, Shell, [Line, "; echo .\n"]),
    Answer = answer(Drv, Shell, <<>>),
    [io:format("     ~ts~n", [Text]) || Text <- string:split(Answer, "\n", all), Text =/= <<>>],
    string:trim(unicode:characters_to_list(Answer)).

answer(Drv, Shell, Text) ->
    case string:prefix(string:reverse(Text), "\n.") of
        nomatch ->
            receive
                {alcove_stdout, Drv, Shell, More} -> answer(Drv, Shell, <<Text/binary, More/binary>>);
                {alcove_event, Drv, Shell, Event} -> fail("the shell ended early: ~0p", [Event])
            after ?WAIT ->
                fail("the shell does not answer", [])
            end;
        _ ->
            binary:part(Text, 0, byte_size(Text) - 2)
    end.

contains(Text, Part) ->
    case string:find(Text, Part) of
        nomatch -> {nomatch, Text};
        Found -> {match, Found}
    end.

%% One line a process. What has become a program does not answer calls.
tree(Drv, Pids, Name) ->
    told("~-24ts ~-8b ~b", [[indent(Pids), Name], alcove:getpid(Drv, Pids), alcove:getuid(Drv, Pids)]),
    [below(Drv, Pids ++ [Pid], Child) || #alcove_pid{pid = Pid} = Child <- alcove:cpid(Drv, Pids)],
    ok.

below(_Drv, Pids, #alcove_pid{pid = Pid, fdctl = -2}) ->
    told("~-24ts a program", [[indent(Pids), integer_to_list(Pid)]]);
below(Drv, Pids, #alcove_pid{pid = Pid}) ->
    tree(Drv, Pids, integer_to_list(Pid)).

indent(Pids) ->
    lists:duplicate(2 * length(Pids), $ ).

gone(Pids, Left) ->
    case [Pid || Pid <- Pids, filelib:is_dir("/proc/" ++ Pid), not zombie(Pid)] of
        [] -> true;
        _ when Left =< 0 -> false;
        Some ->
            timer:sleep(10),
            gone(Some, Left - 10)
    end.

zombie(Pid) ->
    case file:read_file("/proc/" ++ Pid ++ "/status") of
        {ok, Status} -> re:run(Status, "^State:\\s+Z", [multiline]) =/= nomatch;
        {error, _} -> true
    end.

step(Text) ->
    io:format("~n-- ~ts~n", [Text]).

told(Format, Args) ->
    io:format("   " ++ Format ++ "~n", Args).

expect(What, Expected, Got) ->
    case same(Expected, Got) of
        true -> ok;
        false -> fail("~ts: expected ~0tp, but got ~0tp", [What, Expected, Got])
    end.

same(Expected, Got) when is_list(Expected), is_list(Got) ->
    lists:flatten(Expected) =:= lists:flatten(Got);
same(Expected, Got) ->
    Expected =:= Got.

-spec fail(io:format(), [term()]) -> no_return().
fail(Format, Args) ->
    throw({demo, io_lib:format(Format, Args)}).

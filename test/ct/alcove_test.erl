%% SPDX-License-Identifier: ISC
%%
%% What the suites share: a driver with its usual options, trees of control
%% processes, bounded waiting, a look at the processes and descriptors of the
%% machine, and the list of what a case needs from it.
%%
%% Environment variables that direct a run:
%%
%%   ALCOVE_TEST_EXEC      words in front of the port program; default "sudo -n"
%%                         where the VM is not root's and sudo works
%%   ALCOVE_TEST_PROGNAME  another port program
%%   ALCOVE_TEST_CTLDIR    directory of the control fifo
%%   ALCOVE_TEST_USE_FORK  set to anything: the child of a case is forked, not
%%                         cloned, and what needs namespaces is skipped
-module(alcove_test).

-include_lib("kernel/include/file.hrl").

%% Drivers and process trees.
-export([options/0, start/0, start/1, stop/1, setup/2, setup/3, teardown/1]).
-export([fork/2, clone/3, chain/3, confined/1, exec/3, sh/3, exit/3]).
%% What a case needs.
-export([need/1]).
%% Bounded waiting.
-export([until/1, until/2, event/2, message/1, message/2, messages/0,
         output/3, output_until/3, silence/1]).
%% The machine.
-export([os_pid/1, descendants/1, alive/1, process_state/1, status_field/2,
         vm_fds/0, scratch/1, root_dir/0, word_size/0]).

-define(WAIT, 10000).
-define(NAMESPACES, [clone_newipc, clone_newnet, clone_newns, clone_newpid, clone_newuts]).

-type need() :: root | namespaces | user_namespace | cgroup | seccomp | tun
              | {program, string()}.
-export_type([need/0]).

%%--------------------------------------------------------------------
%% Drivers and process trees
%%--------------------------------------------------------------------

%% @doc The start options every driver of the suites gets.
options() ->
    [{exec, exec_words()} | option(progname, "ALCOVE_TEST_PROGNAME")]
        ++ option(ctldir, "ALCOVE_TEST_CTLDIR").

start() ->
    start([]).

%% @doc A driver linked to the caller, who owns it. Options given here come
%% first and so win.
start(Options) ->
    {ok, Drv} = alcove_drv:start_link(self(), Options ++ options()),
    Drv.

stop(Drv) ->
    true = unlink(Drv),
    alcove_drv:stop(Drv).

%% @doc For init_per_testcase: a driver and one child, or the reason to skip.
setup(Needs, Config) ->
    setup(Needs, [{maxchild, 8}], Config).

setup(Needs, Options, Config) ->
    case need(Needs) of
        ok ->
            Drv = start(Options),
            [{drv, Drv}, {os_pid, os_pid(Drv)}, {child, confined(Drv)} | Config];
        Skip ->
            Skip
    end.

%% @doc For end_per_testcase: stop the driver and insist that no process of
%% its tree survives. A survivor is killed and fails the case.
teardown(Config) ->
    case proplists:get_value(drv, Config) of
        undefined ->
            ok;
        Drv ->
            Port = proplists:get_value(os_pid, Config),
            Tree = [Port | descendants(Port)],
            stop(Drv),
            gone(Tree)
    end.

gone(Tree) ->
    try
        until(fun() -> not lists:any(fun alive/1, Tree) end)
    catch
        error:timeout ->
            Left = [{Pid, process_state(Pid), command(Pid)} || Pid <- Tree, alive(Pid)],
            [os:cmd("kill -9 " ++ integer_to_list(Pid)) || {Pid, _, _} <- Left],
            {fail, {processes_left, Left}}
    end.

fork(Drv, Pids) ->
    {ok, Pid} = alcove:fork(Drv, Pids, ?WAIT),
    Pids ++ [Pid].

clone(Drv, Pids, Flags) ->
    {ok, Pid} = alcove:clone(Drv, Pids, Flags, ?WAIT),
    Pids ++ [Pid].

%% @doc N forks below one another; the pipeline of the last.
chain(_Drv, Pids, 0) ->
    Pids;
chain(Drv, Pids, N) when N > 0 ->
    chain(Drv, fork(Drv, Pids), N - 1).

%% @doc A child of the port that can do no harm to the host: in namespaces of
%% its own, where mounts do not propagate. Forked where that cannot be or is not
%% wanted.
confined(Drv) ->
    case met(namespaces) of
        true ->
            Child = clone(Drv, [], ?NAMESPACES),
            ok = alcove:mount(Drv, Child, "none", "/", "", [ms_rec, ms_private], "", "", ?WAIT),
            Child;
        false ->
            fork(Drv, [])
    end.

exec(Drv, Pids, [Program | _] = Argv) ->
    ok = alcove:execvp(Drv, Pids, Program, Argv, ?WAIT).

%% @doc Run a line of shell in place of a control process.
sh(Drv, Pids, Line) ->
    exec(Drv, Pids, ["/bin/sh", "-c", Line]).

exit(Drv, Pids, Status) ->
    ok = alcove:exit(Drv, Pids, Status, ?WAIT).

exec_words() ->
    case os:getenv("ALCOVE_TEST_EXEC") of
        false -> remembered(exec, fun() -> case is_root() orelse not sudo() of
                                               true -> "";
                                               false -> "sudo -n"
                                           end
                                  end);
        Words -> Words
    end.

sudo() ->
    os:cmd("sudo -n id -u") =:= "0\n".

option(Name, Variable) ->
    case os:getenv(Variable) of
        false -> [];
        Value -> [{Name, Value}]
    end.

%%--------------------------------------------------------------------
%% What a case needs
%%--------------------------------------------------------------------

%% @doc ok, or the reason to skip that names the first need that is not met.
-spec need([need()]) -> ok | {skip, string()}.
need([]) ->
    ok;
need([Need | Needs]) ->
    case met(Need) of
        true -> need(Needs);
        false -> {skip, "needs " ++ describe(Need)}
    end.

met(root) ->
    remembered(root, fun() -> os:cmd(exec_words() ++ " id -u") =:= "0\n" end);
met(namespaces) ->
    os:getenv("ALCOVE_TEST_USE_FORK") =:= false andalso
        remembered(namespaces, fun() -> clones(?NAMESPACES) end);
met(user_namespace) ->
    remembered(user_namespace, fun() -> clones([clone_newuser]) end);
met(cgroup) ->
    {ok, Mounts} = file:read_file("/proc/mounts"),
    re:run(Mounts, "^\\S+ \\S+ cgroup", [multiline]) =/= nomatch andalso met(root);
met(seccomp) ->
    {ok, Status} = file:read_file("/proc/self/status"),
    re:run(Status, "^Seccomp:", [multiline]) =/= nomatch;
met(tun) ->
    element(1, file:read_file_info("/dev/net/tun")) =:= ok andalso met(root);
met({program, Name}) ->
    os:find_executable(Name) =/= false.

describe(root) -> "root, or an ALCOVE_TEST_EXEC that gives it";
describe(namespaces) -> "the right to make ipc, net, mount, pid and uts namespaces";
describe(user_namespace) -> "user namespaces";
describe(cgroup) -> "a mounted cgroup hierarchy and root";
describe(seccomp) -> "a kernel with seccomp filters";
describe(tun) -> "/dev/net/tun and root";
describe({program, Name}) -> "the program " ++ Name.

%% In a process of its own, which takes the messages with it.
clones(Flags) ->
    {Pid, Ref} = spawn_monitor(fun() ->
                                       {ok, Drv} = alcove_drv:start(options()),
                                       Answer = alcove:clone(Drv, [], Flags, ?WAIT),
                                       alcove_drv:stop(Drv),
                                       exit({clone, Answer})
                               end),
    receive {'DOWN', Ref, process, Pid, {clone, Answer}} -> element(1, Answer) =:= ok end.

%% The answer of the machine does not change during a run.
remembered(Key, Fun) ->
    case persistent_term:get({?MODULE, Key}, undefined) of
        undefined ->
            Answer = Fun(),
            persistent_term:put({?MODULE, Key}, Answer),
            Answer;
        Answer ->
            Answer
    end.

is_root() ->
    {ok, #file_info{uid = User}} = file:read_file_info("/proc/self"),
    User =:= 0.

%%--------------------------------------------------------------------
%% Bounded waiting
%%--------------------------------------------------------------------

%% @doc Ask every few milliseconds until the answer is true; error:timeout
%% after ten seconds or the time given.
until(Fun) ->
    until(Fun, ?WAIT).

until(Fun, Timeout) ->
    until_deadline(Fun, erlang:monotonic_time(millisecond) + Timeout).

until_deadline(Fun, Deadline) ->
    case Fun() of
        true ->
            ok;
        false ->
            erlang:monotonic_time(millisecond) < Deadline orelse erlang:error(timeout),
            timer:sleep(10),
            until_deadline(Fun, Deadline)
    end.

%% @doc The next event of a process, control messages skipped.
event(Drv, Pids) ->
    receive
        {alcove_event, Drv, Pids, Event} -> Event
    after ?WAIT ->
        erlang:error({no_event, Pids, messages()})
    end.

%% @doc The next message that equals the given one.
message(Message) ->
    message(Message, ?WAIT).

message(Message, Timeout) ->
    receive
        Message -> ok
    after Timeout ->
        erlang:error({missing, Message, messages()})
    end.

%% @doc Everything in the mailbox, oldest first; it is empty afterwards.
messages() ->
    receive
        Message -> [Message | messages()]
    after 0 ->
        []
    end.

%% @doc Exactly Size bytes of a program's stdout; more is an error.
output(Drv, Pids, Size) ->
    output(Drv, Pids, Size, []).

output(_Drv, _Pids, 0, Acc) ->
    iolist_to_binary(lists:reverse(Acc));
output(Drv, Pids, Size, Acc) ->
    receive
        {alcove_stdout, Drv, Pids, Data} when byte_size(Data) =< Size ->
            output(Drv, Pids, Size - byte_size(Data), [Data | Acc])
    after ?WAIT ->
        erlang:error({output, [{missing, Size}, {got, lists:reverse(Acc)}]})
    end.

%% @doc A program's stdout up to and including the first match of a regular
%% expression.
output_until(Drv, Pids, Pattern) ->
    output_until(Drv, Pids, Pattern, <<>>).

output_until(Drv, Pids, Pattern, Acc) ->
    case re:run(Acc, Pattern, [multiline]) of
        {match, _} ->
            Acc;
        nomatch ->
            receive
                {alcove_stdout, Drv, Pids, Data} ->
                    output_until(Drv, Pids, Pattern, <<Acc/binary, Data/binary>>)
            after ?WAIT ->
                erlang:error({output, [{no_match, Pattern}, {got, Acc}]})
            end
    end.

%% @doc No message for that many milliseconds.
silence(Timeout) ->
    receive
        Message -> erlang:error({unexpected, Message, messages()})
    after Timeout ->
        ok
    end.

%%--------------------------------------------------------------------
%% The machine
%%--------------------------------------------------------------------

%% @doc Process id of the port process, while it serves requests. The port of the
%% VM would say that of sudo, where sudo is in front.
os_pid(Drv) ->
    alcove:getpid(Drv, [], ?WAIT).

%% @doc Process ids of all processes below one, parents before children.
descendants(Pid) ->
    descendants([Pid], parents()).

descendants(Pids, Parents) ->
    case [Child || {Child, Parent} <- Parents, lists:member(Parent, Pids)] of
        [] -> [];
        Children -> Children ++ descendants(Children, Parents)
    end.

parents() ->
    {ok, Names} = file:list_dir("/proc"),
    [{list_to_integer(Name), Parent}
     || Name <- Names,
        lists:all(fun(C) -> C >= $0 andalso C =< $9 end, Name),
        {_, Parent} <- [stat(Name)]].

%% @doc A process that runs; one that waits for its parent to ask for its
%% status (a zombie) does not.
alive(Pid) ->
    not lists:member(process_state(Pid), ["Z", "X", none]).

%% @doc The one letter state of proc(5), or none.
process_state(Pid) ->
    case stat(integer_to_list(Pid)) of
        {State, _} -> State;
        none -> none
    end.

%% The name in parentheses may hold anything, spaces and parentheses too.
stat(Name) ->
    case read_proc("/proc/" ++ Name ++ "/stat") of
        {ok, Data} ->
            [State, Parent | _] =
                string:lexemes(lists:last(string:split(Data, ")", trailing)), " "),
            {binary_to_list(State), binary_to_integer(Parent)};
        {error, _} ->
            none
    end.

command(Pid) ->
    case read_proc("/proc/" ++ integer_to_list(Pid) ++ "/cmdline") of
        {ok, Data} -> binary:replace(Data, <<0>>, <<" ">>, [global]);
        {error, _} -> <<>>
    end.

%% @doc A line of /proc/PID/status as a string, for instance "SigIgn".
status_field(Pid, Field) ->
    {ok, Data} = read_proc("/proc/" ++ integer_to_list(Pid) ++ "/status"),
    {match, [Value]} =
        re:run(Data, "^" ++ Field ++ ":\\s*(.*)$", [multiline, {capture, all_but_first, list}]),
    Value.

read_proc(Path) ->
    case file:open(Path, [read, raw, binary]) of
        {ok, File} ->
            try file:read(File, 65536) of
                eof -> {error, eof};
                Answer -> Answer
            after
                file:close(File)
            end;
        Error ->
            Error
    end.

%% @doc Targets of the open descriptors of this VM, sorted: what a driver
%% must not leave behind.
vm_fds() ->
    {ok, Names} = file:list_dir("/proc/self/fd"),
    lists:sort([Target || Name <- Names, {ok, Target} <- [file:read_link("/proc/self/fd/" ++ Name)]]).

%% @doc An empty directory of this case's own, world writable.
scratch(Config) ->
    Name = "scratch." ++ integer_to_list(erlang:unique_integer([positive])),
    Dir = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = file:make_dir(Dir),
    ok = file:change_mode(Dir, 8#777),
    Dir.

%% @doc The top of the source tree: the directory above erlang/examples.
root_dir() ->
    Starts = [Dir || Dir <- [os:getenv("ALCOVE_ROOT"), real(code:lib_dir(alcove, src)),
                             filename:dirname(proplists:get_value(source, module_info(compile))),
                             element(2, file:get_cwd())],
                     is_list(Dir)],
    Candidates = lists:append([ancestors(Dir) || Dir <- Starts]),
    case [Dir || Dir <- Candidates, filelib:is_dir(filename:join([Dir, "erlang", "examples"]))] of
        [Root | _] -> Root;
        [] -> erlang:error({no_source_tree, Starts})
    end.

%% rebar3 links the sources into its build directory.
real(Dir) when is_list(Dir) ->
    case file:read_link_all(Dir) of
        {ok, Target} -> filename:absname(Target, filename:dirname(Dir));
        {error, _} -> Dir
    end;
real({error, _}) ->
    false.

ancestors(Dir) ->
    Parts = filename:split(Dir),
    [filename:join(lists:sublist(Parts, N)) || N <- lists:seq(length(Parts), 1, -1)].

%% @doc Size of a native pointer in bytes.
word_size() ->
    erlang:system_info({wordsize, external}).

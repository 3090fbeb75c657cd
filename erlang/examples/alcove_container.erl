%% @doc A container: a program that has processes, mounts, a network, a host name and a
%% share of the machine of its own.
%%
%% ```
%% 1> {ok, Drv} = alcove_container:start().
%% 2> {ok, Box} = alcove_container:run(Drv, <<"box">>, ["sh"]).
%% 3> alcove:stdin(Drv, alcove_container:program(Box), "echo $$; busybox hostname\n").
%% 4> iolist_to_binary(alcove:stdout(Drv, alcove_container:program(Box), 1000)).
%% <<"2\nbox\n">>
%% 5> alcove_container:stop(Drv, Box).
%% ok
%% '''
%%
%% The limits are those of a control group, `alcove/Name'. Where the controllers live, in
%% version 1 hierarchies or in that of version 2, does not matter.
-module(alcove_container).

-export([start/0, run/3, program/1, usage/3, stop/2]).
-export_type([container/0]).

-define(BUSYBOX, "/bin/busybox").

%% Bytes of memory and number of processes, the first of the container included.
-define(MEMORY, 16 * 1024 * 1024).
-define(PIDS, 10).

-record(container, {
    group :: [binary()],
    %% the first process of the namespaces, and the program, its child
    init :: [alcove:pid_t()],
    program :: [alcove:pid_t()]
}).

-opaque container() :: #container{}.

%% @doc A driver for {@link run/3}. `{error, enotsup}' if the machine has no control groups.
-spec start() -> {ok, alcove_drv:ref()} | {error, term()}.
start() ->
    case alcove_sandbox:start() of
        {ok, Drv} ->
            case alcove_cgroup:supported(Drv, []) of
                true ->
                    {ok, Drv};
                false ->
                    alcove_drv:stop(Drv),
                    {error, enotsup}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

%% @doc Runs an applet of busybox in a container. The name is that of its host and of its
%% control group.
-spec run(alcove_drv:ref(), binary(), [iodata(), ...]) -> {ok, container()} | {error, atom()}.
run(Drv, Name, Argv) ->
    Group = [<<"alcove">>, Name],
    case limited_group(Drv, Group) of
        ok -> {ok, container(Drv, Name, Group, Argv)};
        {error, Reason} -> {error, Reason}
    end.

%% The group is there, with its limits, before there is a process in it. Not every machine
%% has every controller: what has none is not limited.
limited_group(Drv, Group) ->
    case alcove_cgroup:create(Drv, [], Group) of
        ok ->
            Limits = [{<<"memory">>, <<"memory.limit_in_bytes">>, ?MEMORY},
                      {<<"pids">>, <<"pids.max">>, ?PIDS}],
            Results = [alcove_cgroup:set(Drv, [], Controller, Group, File, integer_to_binary(Value))
                       || {Controller, File, Value} <- Limits],
            hd([Error || Error <- Results, Error =/= ok, Error =/= {error, enoent}] ++ [ok]);
        {error, Reason} ->
            {error, Reason}
    end.

container(Drv, Name, Group, Argv) ->
    [First] = Init = alcove_sandbox:namespaces(Drv, []),
    %% The parent moves it: it knows the process by the number the group needs. Everything
    %% that the process starts from now on is born in the group.
    ok = alcove_cgroup:migrate(Drv, [], Group, First),
    ok = alcove:sethostname(Drv, Init, Name),
    ok = alcove_sandbox:private_mounts(Drv, Init),
    ok = alcove_sandbox:empty_root(Drv, Init),
    ok = alcove_sandbox:program(Drv, Init, ?BUSYBOX, "busybox"),
    ok = alcove_sandbox:null(Drv, Init),
    ok = alcove_sandbox:proc(Drv, Init),
    ok = alcove_sandbox:pivot_root(Drv, Init),
    {ok, Pid} = alcove:fork(Drv, Init),
    Program = Init ++ [Pid],
    _Id = alcove_sandbox:drop_privileges(Drv, Program),
    ok = alcove:execve(Drv, Program, "/busybox", Argv, ["HOME=/", "PATH=/"]),
    #container{group = Group, init = Init, program = Program}.

%% @doc The pipeline of the program in a container.
-spec program(container()) -> [alcove:pid_t()].
program(#container{program = Program}) ->
    Program.

%% @doc What a file of the container's group says, `<<"pids.current">>' of `<<"pids">>' for
%% instance.
usage(Drv, #container{group = Group}, {Controller, File}) ->
    case alcove_cgroup:get(Drv, [], Controller, Group, File) of
        {ok, Value} -> {ok, string:trim(Value)};
        [] -> {error, enoent};
        {error, Reason} -> {error, Reason}
    end.

%% @doc Ends everything in a container, and removes its group; the one above it too, with
%% the last container. The end of the first process is the end of all others.
-spec stop(alcove_drv:ref(), container()) -> ok | {error, atom()}.
stop(Drv, #container{group = Group, init = [First] = Init}) ->
    _ = alcove:kill(Drv, [], First, sigkill),
    {termsig, sigkill} = alcove:event(Drv, Init, 5000),
    Removed = remove(Drv, Group, 100),
    _ = alcove_cgroup:destroy(Drv, [], lists:droplast(Group)),
    Removed.

%% The kernel takes a moment until the group counts as empty.
remove(Drv, Group, Tries) ->
    case alcove_cgroup:destroy(Drv, [], Group) of
        {error, ebusy} when Tries > 0 ->
            timer:sleep(20),
            remove(Drv, Group, Tries - 1);
        Result ->
            Result
    end.

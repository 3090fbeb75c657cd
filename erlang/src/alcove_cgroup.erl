%% @doc Control groups of a Linux machine: version 1, version 2, or both at once.
%%
%% A machine has any number of version 1 hierarchies, each with some controllers, and at
%% most one of version 2, which has the controllers that are left. The functions of this
%% module work on all hierarchies or on those that have a given controller, so a caller
%% need not know where a controller lives.
%%
%% `NS' is the path of a group below the root of a hierarchy, as a list of components.
%% `Opt' names a controller (`<<"memory">>') or is `<<>>' for all hierarchies.
%%
%% Everything happens in the process `Pids', which has to see the hierarchies and may need
%% privileges. Functions without `Pids' work in the port process. Errors that alcove calls
%% raise are raised here as well.
%%
%% A few files have other names in version 2. A file that is not there is looked for under
%% the other name:
%%
%% ```
%% version 1                version 2
%% tasks                    cgroup.procs
%% memory.limit_in_bytes    memory.max        (-1: max)
%% memory.usage_in_bytes    memory.current
%% '''
-module(alcove_cgroup).

-export([supported/2, mounts/1, mounts/2, cgroup/1, cgroup/2, hierarchies/2]).
-export([create/2, create/3, destroy/2, destroy/3]).
-export([get/5, set/6, migrate/4]).
-export([fold/5, fold/6, fold_files/6, fold_files/7]).
-export([is_file/3, is_dir/3]).
-export([join/2, relpath/1, expand/1]).

-export_type([namespace/0, hierarchy/0]).

-type namespace() :: [file:name_all()].
%% Path of a group, without the mount point.

-type hierarchy() :: {v1 | v2, Dir :: binary(), Controllers :: [binary()]}.
%% A mounted hierarchy. Version 1 lists mount options as well.

-type error() :: {error, alcove:posix() | not_owner}.

-define(DEFAULT, [<<"alcove">>]).

%% Bytes a read: fits a frame at any depth.
-define(CHUNK, 32768).

%% @doc Whether the machine has control groups that the process can see: at least one
%% hierarchy, and every one that is listed is a directory.
-spec supported(alcove_drv:ref(), [alcove:pid_t()]) -> boolean().
supported(Drv, Pids) ->
    os:type() =:= {unix, linux} andalso
        is_file(Drv, Pids, <<"/proc/cgroups">>) andalso
        are_dirs(Drv, Pids, [Dir || {_, Dir, _} <- hierarchies(Drv, Pids)]).

are_dirs(_Drv, _Pids, []) ->
    false;
are_dirs(Drv, Pids, Dirs) ->
    lists:all(fun(Dir) -> is_dir(Drv, Pids, Dir) end, Dirs).

%% @doc As {@link mounts/2}, of the port process.
-spec mounts(alcove_drv:ref()) -> {ok, [tuple()]} | error().
mounts(Drv) ->
    mounts(Drv, []).

%% @doc The mounted file systems: a tuple for each line of `/proc/mounts', with the
%% fields as binaries. No line if the file cannot be opened.
-spec mounts(alcove_drv:ref(), [alcove:pid_t()]) -> {ok, [tuple()]} | error().
mounts(Drv, Pids) ->
    case open(Drv, Pids, <<"/proc/mounts">>, [o_rdonly, o_cloexec]) of
        {ok, FD} ->
            case read_close(Drv, Pids, FD) of
                {ok, Bytes} ->
                    Lines = binary:split(Bytes, <<"\n">>, [global, trim_all]),
                    {ok, [list_to_tuple(binary:split(Line, <<" ">>, [global])) || Line <- Lines]};
                {error, _} = Error ->
                    Error
            end;
        {error, _} ->
            {ok, []}
    end.

%% @doc As {@link cgroup/2}, in the port process.
-spec cgroup(alcove_drv:ref()) -> [{binary(), [binary()]}].
cgroup(Drv) ->
    cgroup(Drv, []).

%% @doc The version 1 hierarchies: mount points with their options, among which are the
%% names of the controllers.
-spec cgroup(alcove_drv:ref(), [alcove:pid_t()]) -> [{Dir :: binary(), Options :: [binary()]}].
cgroup(Drv, Pids) ->
    {ok, Mounts} = mounts(Drv, Pids),
    [{Dir, Options} || {v1, Dir, Options} <- lists:append([hierarchy(Mount) || Mount <- Mounts])].

%% @doc All hierarchies, in the order of `/proc/mounts'.
-spec hierarchies(alcove_drv:ref(), [alcove:pid_t()]) -> [hierarchy()].
hierarchies(Drv, Pids) ->
    {ok, Mounts} = mounts(Drv, Pids),
    [
        {Version, Dir, controllers(Drv, Pids, Version, Dir, Options)}
     || {Version, Dir, Options} <- lists:append([hierarchy(Mount) || Mount <- Mounts])
    ].

hierarchy({<<"cgroup">>, Dir, <<"cgroup">>, Options, _, _}) ->
    [{v1, Dir, binary:split(Options, <<",">>, [global])}];
hierarchy({_Device, Dir, <<"cgroup2">>, Options, _, _}) ->
    [{v2, Dir, binary:split(Options, <<",">>, [global])}];
hierarchy(_Mount) ->
    [].

controllers(_Drv, _Pids, v1, _Dir, Options) ->
    Options;
controllers(Drv, Pids, v2, Dir, _Options) ->
    case read_file(Drv, Pids, join(Dir, [<<"cgroup.controllers">>])) of
        {ok, Bytes} -> words(Bytes);
        {error, _} -> []
    end.

words(Bytes) ->
    binary:split(Bytes, [<<" ">>, <<"\n">>], [global, trim_all]).

%%--------------------------------------------------------------------
%% Groups

%% @doc Makes the group `alcove'.
-spec create(alcove_drv:ref(), [alcove:pid_t()]) -> ok | error().
create(Drv, Pids) ->
    create(Drv, Pids, ?DEFAULT).

%% @doc Makes a group, and those above it, in all hierarchies. It is no error if they are
%% there. All hierarchies are tried; the first error is returned, `{error, enoent}' if
%% there is no hierarchy.
%%
%% Version 2: each group above the new one hands its controllers down
%% (`cgroup.subtree_control'). The kernel allows that only in groups without processes,
%% `{error, ebusy}', except in the root.
%%
%% Version 1, `cpuset': a new group cannot take processes until it has processors and
%% memory nodes; it gets those of the group above it.
-spec create(alcove_drv:ref(), [alcove:pid_t()], namespace()) -> ok | error().
create(Drv, Pids, NS) ->
    Results = [
        create_in(Drv, Pids, Hierarchy, expand(relpath(NS)))
     || Hierarchy <- hierarchies(Drv, Pids)
    ],
    told(Results, {error, enoent}).

create_in(_Drv, _Pids, _Hierarchy, []) ->
    ok;
create_in(Drv, Pids, {_, Dir, _} = Hierarchy, [NS | Longer]) ->
    Path = join(Dir, NS),
    Parent = filename:dirname(Path),
    Delegated = delegate(Drv, Pids, Hierarchy, Parent),
    case alcove:mkdir(Drv, Pids, Path, 8#755) of
        ok ->
            Seeded = seed(Drv, Pids, Hierarchy, Parent, Path),
            told([Delegated, Seeded, create_in(Drv, Pids, Hierarchy, Longer)], ok);
        {error, eexist} ->
            told([Delegated, create_in(Drv, Pids, Hierarchy, Longer)], ok);
        {error, _} = Error ->
            Error
    end.

%% The group hands on what it has itself.
delegate(Drv, Pids, {v2, _, _}, Group) ->
    case read_file(Drv, Pids, join(Group, [<<"cgroup.controllers">>])) of
        {ok, Bytes} ->
            Control = join(Group, [<<"cgroup.subtree_control">>]),
            told([write_file(Drv, Pids, Control, [$+, Name]) || Name <- words(Bytes)], ok);
        {error, _} = Error ->
            Error
    end;
delegate(_Drv, _Pids, {v1, _, _}, _Group) ->
    ok.

seed(Drv, Pids, {v1, _, Options}, Parent, Group) ->
    case lists:member(<<"cpuset">>, Options) of
        true ->
            told([copy(Drv, Pids, Parent, Group, K) || K <- [<<"cpuset.cpus">>, <<"cpuset.mems">>]], ok);
        false ->
            ok
    end;
seed(_Drv, _Pids, {v2, _, _}, _Parent, _Group) ->
    ok.

copy(Drv, Pids, From, To, Key) ->
    case read_file(Drv, Pids, join(From, [Key])) of
        {ok, Value} -> write_file(Drv, Pids, join(To, [Key]), Value);
        {error, _} = Error -> Error
    end.

%% @doc Removes the group `alcove'.
-spec destroy(alcove_drv:ref(), [alcove:pid_t()]) -> [] | ok | error().
destroy(Drv, Pids) ->
    destroy(Drv, Pids, ?DEFAULT).

%% @doc Removes a group, not those above it, from all hierarchies. It is no error if it is
%% not there. All hierarchies are tried; the first error is returned, `[]' if there is no
%% hierarchy.
-spec destroy(alcove_drv:ref(), [alcove:pid_t()], namespace()) -> [] | ok | error().
destroy(Drv, Pids, NS) ->
    Results = [
        case alcove:rmdir(Drv, Pids, join(Dir, NS)) of
            {error, enoent} -> ok;
            Result -> Result
        end
     || {_, Dir, _} <- hierarchies(Drv, Pids)
    ],
    told(Results, []).

%%--------------------------------------------------------------------
%% Files of a group

%% @doc Writes a value to a file of the group in each hierarchy that has the controller
%% and the group. A hierarchy where the file does not exist does not count if it exists in
%% another; otherwise the first error is returned, `{error, enoent}' if there is no group.
-spec set(
    alcove_drv:ref(), [alcove:pid_t()], binary(), namespace(), string() | binary(), iodata()
) -> ok | error().
set(Drv, Pids, Opt, NS, Key, Value) ->
    Results = fold(
        Drv, Pids, Opt, NS, fun(Group, Acc) -> [set(Drv, Pids, Group, Key, Value) | Acc] end, []
    ),
    told([Result || Result <- Results, Result =/= {error, enoent}], {error, enoent}).

set(Drv, Pids, Group, Key, Value) ->
    case write_file(Drv, Pids, join(Group, [Key]), Value) of
        {error, enoent} = Error ->
            case other_name(Key) of
                {Other, _Read, Write} ->
                    write_file(Drv, Pids, join(Group, [Other]), Write(iolist_to_binary(Value)));
                none ->
                    Error
            end;
        Result ->
            Result
    end.

%% @doc Reads a file of the group. If several hierarchies have it, the first one of
%% `/proc/mounts' counts. `[]' if there is no group.
-spec get(alcove_drv:ref(), [alcove:pid_t()], binary(), namespace(), string() | binary()) ->
    {ok, binary()} | error() | [].
get(Drv, Pids, Opt, NS, Key) ->
    fold(Drv, Pids, Opt, NS, fun(Group, Acc) -> better(get(Drv, Pids, Group, Key), Acc) end, []).

better({ok, _} = Result, _Other) -> Result;
better(_Error, {ok, _} = Result) -> Result;
better(Error, _Other) -> Error.

get(Drv, Pids, Group, Key) ->
    case read_file(Drv, Pids, join(Group, [Key])) of
        {error, enoent} = Error ->
            case other_name(Key) of
                {Other, Read, _Write} -> converted(Read, read_file(Drv, Pids, join(Group, [Other])));
                none -> Error
            end;
        Result ->
            Result
    end.

converted(Read, {ok, Value}) -> {ok, Read(Value)};
converted(_Read, {error, _} = Error) -> Error.

%% Name of a file in the other version, and how values read from it or written to it are
%% converted.
other_name(Key) ->
    Same = fun(Value) -> Value end,
    case iolist_to_binary(Key) of
        <<"tasks">> ->
            {<<"cgroup.procs">>, Same, Same};
        <<"memory.limit_in_bytes">> ->
            {<<"memory.max">>, replace(<<"max\n">>, <<"-1\n">>), replace(<<"-1">>, <<"max">>)};
        <<"memory.max">> ->
            {<<"memory.limit_in_bytes">>, Same, replace(<<"max">>, <<"-1">>)};
        <<"memory.usage_in_bytes">> ->
            {<<"memory.current">>, Same, Same};
        <<"memory.current">> ->
            {<<"memory.usage_in_bytes">>, Same, Same};
        _ ->
            none
    end.

replace(From, To) ->
    fun
        (Value) when Value =:= From -> To;
        (Value) -> Value
    end.

%% @doc Moves a process to the group, in all hierarchies that have it. The process id is
%% one of the pid namespace of the process `Pids'.
-spec migrate(alcove_drv:ref(), [alcove:pid_t()], namespace(), alcove:pid_t()) -> ok | error().
migrate(Drv, Pids, NS, Pid) ->
    set(Drv, Pids, <<>>, NS, <<"cgroup.procs">>, integer_to_binary(Pid)).

%% @doc As {@link fold/6}, in the port process.
-spec fold(
    alcove_drv:ref(), binary(), namespace(), fun((file:filename_all(), Acc) -> Acc), Acc
) -> Acc.
fold(Drv, Opt, NS, Fun, Acc) ->
    fold(Drv, [], Opt, NS, Fun, Acc).

%% @doc Calls a function with the path of the group in each hierarchy that has the
%% controller and the group, the last one of `/proc/mounts' first.
-spec fold(
    alcove_drv:ref(),
    [alcove:pid_t()],
    binary(),
    namespace(),
    fun((file:filename_all(), Acc) -> Acc),
    Acc
) -> Acc.
fold(Drv, Pids, Opt, NS, Fun, Acc) ->
    Groups = [
        Group
     || {_, Dir, Controllers} <- hierarchies(Drv, Pids),
        Opt =:= <<>> orelse lists:member(Opt, Controllers),
        Group <- [join(Dir, NS)],
        is_dir(Drv, Pids, Group)
    ],
    lists:foldr(Fun, Acc, Groups).

%% @doc As {@link fold_files/7}, in the port process.
-spec fold_files(
    alcove_drv:ref(), binary(), namespace(), iodata(), fun((binary(), Acc) -> Acc), Acc
) -> Acc.
fold_files(Drv, Opt, NS, RegExp, Fun, Acc) ->
    fold_files(Drv, [], Opt, NS, RegExp, Fun, Acc).

%% @doc Calls a function with the name of each file of the group that matches a regular
%% expression. Names are without the path; there are `.' and `..' as well.
-spec fold_files(
    alcove_drv:ref(),
    [alcove:pid_t()],
    binary(),
    namespace(),
    iodata(),
    fun((binary(), Acc) -> Acc),
    Acc
) -> Acc.
fold_files(Drv, Pids, Opt, NS, RegExp, Fun, Acc0) ->
    {ok, Compiled} = re:compile(RegExp),
    Files = fun(Group, Acc) ->
        {ok, Names} = alcove:readdir(Drv, Pids, Group),
        lists:foldl(Fun, Acc, [Name || Name <- Names, re:run(Name, Compiled) =/= nomatch])
    end,
    fold(Drv, Pids, Opt, NS, Files, Acc0).

%%--------------------------------------------------------------------
%% Files and paths

%% @doc Whether a file can be opened for reading. Directories can.
-spec is_file(alcove_drv:ref(), [alcove:pid_t()], iodata()) -> boolean().
is_file(Drv, Pids, Path) ->
    opens(Drv, Pids, Path, [o_rdonly, o_nonblock, o_cloexec]).

%% @doc Whether there is such a directory.
-spec is_dir(alcove_drv:ref(), [alcove:pid_t()], iodata()) -> boolean().
is_dir(Drv, Pids, Path) ->
    opens(Drv, Pids, Path, [o_path, o_directory, o_cloexec]).

opens(Drv, Pids, Path, Flags) ->
    case open(Drv, Pids, Path, Flags) of
        {ok, FD} -> ok =:= alcove:close(Drv, Pids, FD);
        {error, _} -> false
    end.

%% @doc The path of a group below a directory.
-spec join(file:name_all(), namespace()) -> file:filename_all().
join(Dir, NS) ->
    filename:join([Dir | relpath(NS)]).

%% @doc The single components of a path, as binaries; a leading `/' of a component does
%% not count.
-spec relpath(namespace()) -> [binary()].
relpath(NS) ->
    lists:append([components(Component) || Component <- NS]).

components(Component) when is_list(Component) ->
    components(list_to_binary(Component));
components(Component) when is_binary(Component) ->
    case filename:split(Component) of
        [<<"/">> | Components] -> Components;
        Components -> Components
    end.

%% @doc All beginnings of a list, the shortest first.
-spec expand([Element]) -> [[Element]].
expand(List) ->
    [lists:sublist(List, Length) || Length <- lists:seq(1, length(List))].

open(Drv, Pids, Path, Flags) ->
    alcove:open(Drv, Pids, Path, Flags, 0).

read_file(Drv, Pids, Path) ->
    case open(Drv, Pids, Path, [o_rdonly, o_cloexec]) of
        {ok, FD} -> read_close(Drv, Pids, FD);
        {error, _} = Error -> Error
    end.

read_close(Drv, Pids, FD) ->
    Result = read(Drv, Pids, FD, []),
    _ = alcove:close(Drv, Pids, FD),
    Result.

read(Drv, Pids, FD, Chunks) ->
    case alcove:read(Drv, Pids, FD, ?CHUNK) of
        {ok, <<>>} -> {ok, iolist_to_binary(lists:reverse(Chunks))};
        {ok, Chunk} -> read(Drv, Pids, FD, [Chunk | Chunks]);
        {error, _} = Error -> Error
    end.

%% The kernel takes a value as one write.
write_file(Drv, Pids, Path, Value) ->
    case open(Drv, Pids, Path, [o_wronly, o_cloexec]) of
        {ok, FD} ->
            Result = alcove:write(Drv, Pids, FD, Value),
            Closed = alcove:close(Drv, Pids, FD),
            Size = iolist_size(Value),
            case Result of
                {ok, Size} -> Closed;
                {ok, _} -> {error, eio};
                {error, _} = Error -> Error
            end;
        {error, _} = Error ->
            Error
    end.

%% The first error of several results.
told([], None) ->
    None;
told(Results, _None) ->
    case [Result || Result <- Results, Result =/= ok] of
        [] -> ok;
        [Error | _] -> Error
    end.

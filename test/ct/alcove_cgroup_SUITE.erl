%% SPDX-License-Identifier: ISC
%%
%% Control groups, in whatever hierarchies the machine has mounted: version 1,
%% version 2, or both. Groups of a case have a name of its own and are gone
%% afterwards.
-module(alcove_cgroup_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([beginnings/1, relative_paths/1, joined_paths/1, files_and_directories/1,
         mounted_file_systems/1, mounts_of_the_process/1, version_one_hierarchies/1,
         all_hierarchies/1, supported_where_it_is_seen/1, create_and_destroy/1,
         create_in_the_process_named/1, errors_are_told/1, values_are_set/1,
         values_under_either_name/1, values_of_nothing/1, fold_visits_hierarchies/1,
         fold_visits_files/1, processes_are_moved/1, limit_of_processes/1,
         freezer_holds_a_program/1]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [beginnings, relative_paths, joined_paths, files_and_directories, mounted_file_systems,
     mounts_of_the_process, version_one_hierarchies, all_hierarchies, supported_where_it_is_seen,
     create_and_destroy, create_in_the_process_named, errors_are_told, values_are_set,
     values_under_either_name, values_of_nothing, fold_visits_hierarchies, fold_visits_files,
     processes_are_moved, limit_of_processes, freezer_holds_a_program].

init_per_testcase(Case, Config) when Case =:= beginnings; Case =:= relative_paths; Case =:= joined_paths ->
    Config;
init_per_testcase(Case, Config) ->
    case alcove_test:setup(needs(Case), Config) of
        {skip, _} = Skip -> Skip;
        Ready -> needs_controller(controller(Case), [{group, [unique()]} | Ready])
    end.

needs(files_and_directories) -> [];
needs(mounted_file_systems) -> [];
needs(mounts_of_the_process) -> [root, namespaces];
needs(supported_where_it_is_seen) -> [cgroup, namespaces];
needs(create_in_the_process_named) -> [cgroup, namespaces];
needs(_) -> [cgroup].

controller(Case) when Case =:= values_are_set; Case =:= limit_of_processes -> <<"pids">>;
controller(values_under_either_name) -> <<"memory">>;
controller(freezer_holds_a_program) -> <<"freezer">>;
controller(_) -> none.

%% A controller that no hierarchy has cannot be tested; version 2 has the
%% freezer in every group.
needs_controller(none, Config) ->
    Config;
needs_controller(Name, Config) ->
    Hierarchies = alcove_cgroup:hierarchies(?config(drv, Config), []),
    case [V || {V, _, Controllers} <- Hierarchies, lists:member(Name, Controllers) orelse
                                                   (V =:= v2 andalso Name =:= <<"freezer">>)] of
        [] ->
            alcove_test:teardown(Config),
            {skip, "needs the cgroup controller " ++ binary_to_list(Name)};
        _ ->
            Config
    end.

end_per_testcase(_Case, Config) ->
    Group = proplists:get_value(group, Config),
    Result = alcove_test:teardown(Config),
    case Group =:= undefined orelse directories(Group) of
        true -> Result;
        [] -> Result;
        Left ->
            [file:del_dir(Dir) || Dir <- lists:reverse(Left)],
            {fail, {groups_left, Left}}
    end.

unique() ->
    list_to_binary(["alcove-ct-", os:getpid(), "-", integer_to_list(erlang:unique_integer([positive]))]).

%% The directories of a group and those below it, as the VM sees them.
directories([Name]) ->
    [Dir || Base <- ["/sys/fs/cgroup", "/sys/fs/cgroup/*"], Below <- ["", "/*", "/*/*"],
            Dir <- filelib:wildcard(Base ++ "/" ++ binary_to_list(Name) ++ Below), filelib:is_dir(Dir)].

%%--------------------------------------------------------------------
%% Paths and mounts
%%--------------------------------------------------------------------

beginnings(_Config) ->
    ?assertEqual([[a], [a, b], [a, b, c]], alcove_cgroup:expand([a, b, c])),
    ?assertEqual([], alcove_cgroup:expand([])).

relative_paths(_Config) ->
    ?assertEqual([<<"a">>, <<"b">>, <<"c">>, <<"d">>], alcove_cgroup:relpath([<<"/a/b">>, "c", <<"/d">>])),
    ?assertEqual([], alcove_cgroup:relpath([])),
    ?assertError(function_clause, alcove_cgroup:relpath([a])).

joined_paths(_Config) ->
    ?assertEqual(<<"/sys/fs/cgroup/cpu/a/b">>,
                 alcove_cgroup:join(<<"/sys/fs/cgroup/cpu">>, [<<"a">>, "/b"])),
    ?assertEqual(<<"/x/a">>, iolist_to_binary(alcove_cgroup:join("/x", ["a"]))).

files_and_directories(Config) ->
    {Drv, Child} = processes(Config),
    Dir = alcove_test:scratch(Config),
    File = filename:join(Dir, "file"),
    ok = file:write_file(File, "text"),
    ?assert(alcove_cgroup:is_dir(Drv, Child, Dir)),
    ?assertNot(alcove_cgroup:is_dir(Drv, Child, File)),
    ?assertNot(alcove_cgroup:is_dir(Drv, Child, "/nonexistent")),
    ?assert(alcove_cgroup:is_file(Drv, Child, File)),
    ?assertNot(alcove_cgroup:is_file(Drv, Child, "/nonexistent")),
    %% A fifo that nobody reads must not hold the process up.
    Fifo = filename:join(Dir, "fifo"),
    ok = alcove:mkfifo(Drv, Child, Fifo, 8#600),
    ?assertNot(alcove_cgroup:is_dir(Drv, Child, Fifo)),
    ?assertEqual(ok, alcove:chdir(Drv, Child, "/", 5000)),
    {ok, <<"text">>} = file:read_file(File).

mounted_file_systems(Config) ->
    Drv = ?config(drv, Config),
    {ok, Mounts} = alcove_cgroup:mounts(Drv),
    ?assertEqual({ok, Mounts}, alcove_cgroup:mounts(Drv, [])),
    {ok, Lines} = file:read_file("/proc/self/mounts"),
    ?assertEqual([list_to_tuple(binary:split(Line, <<" ">>, [global]))
                  || Line <- binary:split(Lines, <<"\n">>, [global, trim])], Mounts).

mounts_of_the_process(Config) ->
    {Drv, Child} = processes(Config),
    Dir = alcove_test:scratch(Config),
    ok = alcove:mount(Drv, Child, "none", Dir, "tmpfs", [], "", ""),
    Mounted = fun(Pids) ->
                      {ok, Mounts} = alcove_cgroup:mounts(Drv, Pids),
                      lists:keymember(list_to_binary(Dir), 2, Mounts)
              end,
    ?assert(Mounted(Child)),
    ?assertNot(Mounted([])),
    ok = alcove:umount(Drv, Child, Dir).

version_one_hierarchies(Config) ->
    Drv = ?config(drv, Config),
    {ok, Mounts} = alcove_cgroup:mounts(Drv),
    Expected = [{Dir, binary:split(Options, <<",">>, [global])}
                || {<<"cgroup">>, Dir, <<"cgroup">>, Options, _, _} <- Mounts],
    ?assertEqual(Expected, alcove_cgroup:cgroup(Drv)),
    ?assertEqual(Expected, alcove_cgroup:cgroup(Drv, ?config(child, Config))).

all_hierarchies(Config) ->
    Drv = ?config(drv, Config),
    {ok, Mounts} = alcove_cgroup:mounts(Drv),
    Expected = [{case Type of <<"cgroup">> -> v1; <<"cgroup2">> -> v2 end, Dir}
                || {_, Dir, Type, _, _, _} <- Mounts, Type =:= <<"cgroup">> orelse Type =:= <<"cgroup2">>],
    Hierarchies = alcove_cgroup:hierarchies(Drv, []),
    ?assertEqual(Expected, [{Version, Dir} || {Version, Dir, _} <- Hierarchies]),
    [begin
         {ok, Text} = file:read_file(filename:join(Dir, "cgroup.controllers")),
         ?assertEqual(binary:split(Text, [<<" ">>, <<"\n">>], [global, trim_all]), Controllers)
     end || {v2, Dir, Controllers} <- Hierarchies],
    ok.

supported_where_it_is_seen(Config) ->
    {Drv, Child} = processes(Config),
    ?assert(alcove_cgroup:supported(Drv, [])),
    ?assert(alcove_cgroup:supported(Drv, Child)),
    ok = alcove:chroot(Drv, Child, alcove_test:scratch(Config)),
    ?assertNot(alcove_cgroup:supported(Drv, Child)),
    ?assert(alcove_cgroup:supported(Drv, [])).

%%--------------------------------------------------------------------
%% Groups
%%--------------------------------------------------------------------

create_and_destroy(Config) ->
    Drv = ?config(drv, Config),
    [Name] = Group = ?config(group, Config),
    Hierarchies = alcove_cgroup:hierarchies(Drv, []),
    Deep = [Name, "sub"],
    ?assertEqual(ok, alcove_cgroup:create(Drv, [], Deep)),
    ?assertEqual(2 * length(Hierarchies), length(directories(Group))),
    ?assertEqual(ok, alcove_cgroup:create(Drv, [], Deep)),
    ?assertEqual({error, ebusy}, alcove_cgroup:destroy(Drv, [], Group)),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, [], Deep)),
    ?assertEqual(length(Hierarchies), length(directories(Group))),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, [], Deep)),
    ?assertEqual(ok, alcove_cgroup:destroy(Drv, [], Group)).

%% Not in the port process: here the process named sees no hierarchies.
create_in_the_process_named(Config) ->
    {Drv, Child} = processes(Config),
    Group = ?config(group, Config),
    ok = alcove:mount(Drv, Child, "none", "/sys/fs/cgroup", "tmpfs", [], "", ""),
    [ok = alcove:umount2(Drv, Child, Dir, [mnt_detach])
     || {_, Dir, _} <- alcove_cgroup:hierarchies(Drv, Child), alcove_cgroup:is_dir(Drv, Child, Dir)],
    ?assertMatch({error, _}, alcove_cgroup:create(Drv, Child, Group)),
    ?assertEqual([], directories(Group)),
    ok = alcove_cgroup:create(Drv, [], Group),
    ?assertNotEqual([], directories(Group)),
    ?assertEqual([], alcove_cgroup:get(Drv, Child, <<>>, Group, <<"cgroup.procs">>)),
    ?assertMatch({error, _}, alcove_cgroup:set(Drv, Child, <<>>, Group, <<"cgroup.procs">>, <<"1">>)),
    ok = alcove_cgroup:destroy(Drv, [], Group).

errors_are_told(Config) ->
    Drv = ?config(drv, Config),
    Group = ?config(group, Config),
    Nobody = alcove_test:fork(Drv, []),
    ok = alcove:setresgid(Drv, Nobody, 65534, 65534, 65534),
    ok = alcove:setresuid(Drv, Nobody, 65534, 65534, 65534),
    ?assertEqual({error, eacces}, alcove_cgroup:create(Drv, Nobody, Group)),
    ?assertEqual([], directories(Group)),
    ok = alcove_cgroup:create(Drv, [], Group),
    ?assertEqual({error, eacces}, alcove_cgroup:migrate(Drv, Nobody, Group, lists:last(Nobody))),
    ?assertEqual({error, esrch}, alcove_cgroup:migrate(Drv, [], Group, 1 bsl 30)),
    {error, _} = alcove_cgroup:set(Drv, [], <<>>, Group, <<"no.such.file">>, <<"1">>),
    {error, _} = alcove_cgroup:get(Drv, [], <<>>, Group, <<"no.such.file">>),
    ok = alcove_cgroup:migrate(Drv, [], Group, lists:last(Nobody)),
    ?assertEqual({error, ebusy}, alcove_cgroup:destroy(Drv, [], Group)),
    alcove_test:exit(Drv, Nobody, 0),
    {exit_status, 0} = alcove_test:event(Drv, Nobody),
    alcove_test:until(fun() -> alcove_cgroup:destroy(Drv, [], Group) =:= ok end).

values_are_set(Config) ->
    Drv = ?config(drv, Config),
    Group = ?config(group, Config),
    ok = alcove_cgroup:create(Drv, [], Group),
    ?assertEqual({ok, <<"max\n">>}, alcove_cgroup:get(Drv, [], <<"pids">>, Group, <<"pids.max">>)),
    ?assertEqual(ok, alcove_cgroup:set(Drv, [], <<"pids">>, Group, "pids.max", "17")),
    ?assertEqual({ok, <<"17\n">>}, alcove_cgroup:get(Drv, [], <<"pids">>, Group, "pids.max")),
    ?assertEqual({error, einval},
                 alcove_cgroup:set(Drv, [], <<"pids">>, Group, <<"pids.max">>, <<"many">>)),
    ok = alcove_cgroup:destroy(Drv, [], Group).

values_under_either_name(Config) ->
    Drv = ?config(drv, Config),
    Group = ?config(group, Config),
    Memory = fun(Key) -> alcove_cgroup:get(Drv, [], <<"memory">>, Group, Key) end,
    ok = alcove_cgroup:create(Drv, [], Group),
    [begin
         Bytes = integer_to_binary(Size),
         ?assertEqual(ok, alcove_cgroup:set(Drv, [], <<"memory">>, Group, Key, Bytes)),
         [?assertEqual({ok, <<Bytes/binary, "\n">>}, Memory(Name))
          || Name <- [<<"memory.limit_in_bytes">>, <<"memory.max">>]]
     end || {Key, Size} <- [{<<"memory.limit_in_bytes">>, 16#1000000}, {<<"memory.max">>, 16#2000000}]],
    [?assertMatch({ok, _}, Memory(Name)) || Name <- [<<"memory.usage_in_bytes">>, <<"memory.current">>]],
    ok = alcove_cgroup:destroy(Drv, [], Group).

values_of_nothing(Config) ->
    Drv = ?config(drv, Config),
    Group = ?config(group, Config),
    ?assertEqual([], alcove_cgroup:get(Drv, [], <<>>, Group, <<"cgroup.procs">>)),
    ?assertEqual({error, enoent}, alcove_cgroup:set(Drv, [], <<>>, Group, <<"cgroup.procs">>, <<"1">>)),
    ?assertEqual({error, enoent}, alcove_cgroup:migrate(Drv, [], Group, 1)),
    ?assertEqual([], alcove_cgroup:get(Drv, [], <<"no controller">>, [], <<"cgroup.procs">>)).

%% In the reverse order of the mounts.
fold_visits_hierarchies(Config) ->
    {Drv, Child} = processes(Config),
    [Name] = Group = ?config(group, Config),
    ok = alcove_cgroup:create(Drv, [], Group),
    Collect = fun(Dir, Acc) -> [Dir | Acc] end,
    Visited = fun(Controller) -> alcove_cgroup:fold(Drv, Controller, Group, Collect, []) end,
    Expected = [<<Dir/binary, "/", Name/binary>> || {_, Dir, _} <- alcove_cgroup:hierarchies(Drv, [])],
    ?assertEqual(Expected, Visited(<<>>)),
    ?assertEqual(Expected, alcove_cgroup:fold(Drv, Child, <<>>, Group, Collect, [])),
    [?assertEqual({Controller, [<<Dir/binary, "/", Name/binary>>]}, {Controller, Visited(Controller)})
     || {_, Dir, Controllers} <- alcove_cgroup:hierarchies(Drv, []),
        Controller <- [<<"pids">>, <<"memory">>], lists:member(Controller, Controllers)],
    ?assertEqual([], Visited(<<"no controller">>)),
    ok = alcove_cgroup:destroy(Drv, [], Group),
    ?assertEqual([], Visited(<<>>)).

fold_visits_files(Config) ->
    {Drv, Child} = processes(Config),
    Group = ?config(group, Config),
    ok = alcove_cgroup:create(Drv, [], Group),
    Names = alcove_cgroup:fold_files(Drv, Child, <<>>, Group, <<"^cgroup\\.procs$">>,
                                     fun(Name, Acc) -> [Name | Acc] end, []),
    ?assertEqual([<<"cgroup.procs">> || _ <- alcove_cgroup:hierarchies(Drv, [])], Names),
    Count = fun(Pattern) ->
                    alcove_cgroup:fold_files(Drv, <<>>, Group, Pattern, fun(_, N) -> N + 1 end, 0)
            end,
    ?assert(Count(".") > Count("^cgroup")),
    ?assertEqual(length(Names), Count("^\\.$")),
    ?assertError({badmatch, _}, Count("(")),
    ok = alcove_cgroup:destroy(Drv, [], Group).

processes_are_moved(Config) ->
    Drv = ?config(drv, Config),
    [Name] = Group = ?config(group, Config),
    [Pid] = Process = alcove_test:fork(Drv, []),
    ok = alcove_cgroup:create(Drv, [], Group),
    ?assertEqual(ok, alcove_cgroup:migrate(Drv, [], Group, Pid)),
    Member = integer_to_binary(Pid),
    {ok, Own} = file:read_file("/proc/" ++ binary_to_list(Member) ++ "/cgroup"),
    ?assertEqual(length(alcove_cgroup:hierarchies(Drv, [])),
                 length(binary:matches(Own, <<":/", Name/binary, "\n">>))),
    [?assertEqual({ok, <<Member/binary, "\n">>}, alcove_cgroup:get(Drv, [], <<>>, Group, File))
     || File <- [<<"cgroup.procs">>, <<"tasks">>]],
    %% Born into the group.
    Below = integer_to_list(lists:last(alcove_test:fork(Drv, Process))),
    {ok, Inherited} = file:read_file("/proc/" ++ Below ++ "/cgroup"),
    ?assertEqual(Own, Inherited),
    alcove_test:exit(Drv, Process, 0),
    alcove_test:until(fun() -> alcove_cgroup:destroy(Drv, [], Group) =:= ok end).

limit_of_processes(Config) ->
    Drv = ?config(drv, Config),
    Group = ?config(group, Config),
    [Pid] = Process = alcove_test:fork(Drv, []),
    ok = alcove_cgroup:create(Drv, [], Group),
    ok = alcove_cgroup:set(Drv, [], <<"pids">>, Group, <<"pids.max">>, <<"3">>),
    ok = alcove_cgroup:migrate(Drv, [], Group, Pid),
    _ = alcove_test:chain(Drv, Process, 2),
    ?assertEqual({error, eagain}, alcove:fork(Drv, Process)),
    ?assertEqual({ok, <<"3\n">>}, alcove_cgroup:get(Drv, [], <<"pids">>, Group, <<"pids.current">>)),
    ?assertEqual(Pid, alcove:getpid(Drv, Process)),
    alcove_test:exit(Drv, Process, 0),
    alcove_test:until(fun() -> alcove_cgroup:destroy(Drv, [], Group) =:= ok end).

freezer_holds_a_program(Config) ->
    Drv = ?config(drv, Config),
    Group = ?config(group, Config),
    [Pid] = Program = alcove_test:fork(Drv, []),
    ok = alcove_cgroup:create(Drv, [], Group),
    ok = alcove_cgroup:migrate(Drv, [], Group, Pid),
    alcove_test:exec(Drv, Program, ["cat"]),
    ok = freeze(Drv, Group, true),
    ok = alcove:stdin(Drv, Program, "frozen\n"),
    ?assertEqual([], alcove:stdout(Drv, Program, 300)),
    ok = freeze(Drv, Group, false),
    ?assertEqual(<<"frozen\n">>, alcove_test:output(Drv, Program, 7)),
    ok = alcove:eof(Drv, Program),
    {exit_status, 0} = alcove_test:event(Drv, Program),
    alcove_test:until(fun() -> alcove_cgroup:destroy(Drv, [], Group) =:= ok end).

%% The two versions have different files for it.
freeze(Drv, Group, Frozen) ->
    First = alcove_cgroup:set(Drv, [], <<"freezer">>, Group, <<"freezer.state">>,
                              case Frozen of true -> <<"FROZEN">>; false -> <<"THAWED">> end),
    case First of
        ok -> ok;
        {error, enoent} ->
            alcove_cgroup:set(Drv, [], <<>>, Group, <<"cgroup.freeze">>,
                              case Frozen of true -> <<"1">>; false -> <<"0">> end)
    end.

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

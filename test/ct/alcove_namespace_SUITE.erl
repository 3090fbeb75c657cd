%% SPDX-License-Identifier: ISC
%%
%% Namespaces, mounts and roots. Whatever is changed is changed inside
%% namespaces made for the case; the host is looked at, never touched.
-module(alcove_namespace_SUITE).

-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([each_namespace_is_new/1, first_process_is_one/1, pids_are_the_parents/1,
         end_of_the_first_ends_all/1, host_name_is_private/1, host_name_limits/1,
         network_is_private/1, user_namespace_maps_nobody/1]).
-export([unshared_host_name/1, unshare_refuses/1, joined_namespace/1, setns_refuses/1]).
-export([bind_mount/1, tmpfs_is_private/1, mount_flags_in_every_form/1, mount_refuses/1,
         proc_shows_the_namespace/1]).
-export([changed_root/1, chroot_leaves_the_directory/1, pivoted_root/1, chrooted_program/1]).

-define(NAMESPACES, [{clone_newipc, "ipc"}, {clone_newnet, "net"}, {clone_newns, "mnt"},
                     {clone_newpid, "pid"}, {clone_newuts, "uts"}, {clone_newcgroup, "cgroup"}]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, clone}, {group, join}, {group, mounts}, {group, roots}].

groups() ->
    [{clone, [], [each_namespace_is_new, first_process_is_one, pids_are_the_parents,
                  end_of_the_first_ends_all, host_name_is_private, host_name_limits,
                  network_is_private, user_namespace_maps_nobody]},
     {join, [], [unshared_host_name, unshare_refuses, joined_namespace, setns_refuses]},
     {mounts, [], [bind_mount, tmpfs_is_private, mount_flags_in_every_form, mount_refuses,
                   proc_shows_the_namespace]},
     {roots, [], [changed_root, chroot_leaves_the_directory, pivoted_root, chrooted_program]}].

%% Besides what the case itself leaves behind, nothing on the host may differ
%% afterwards.
init_per_testcase(Case, Config) ->
    case alcove_test:setup(needs(Case), Config) of
        {skip, _} = Skip -> Skip;
        Ready -> [{host, host()} | Ready]
    end.

end_per_testcase(_Case, Config) ->
    Result = alcove_test:teardown(Config),
    case {?config(host, Config), host()} of
        {Host, Host} -> Result;
        {Before, After} -> {fail, {host_changed, Before, After}}
    end.

needs(user_namespace_maps_nobody) -> [root, user_namespace];
needs(chrooted_program) -> [root, namespaces, {program, "/bin/busybox"}];
needs(_) -> [root, namespaces].

host() ->
    {ok, Mounts} = file:read_file("/proc/self/mountinfo"),
    {inet:gethostname(), Mounts}.

%%--------------------------------------------------------------------
%% clone
%%--------------------------------------------------------------------

each_namespace_is_new(Config) ->
    Drv = ?config(drv, Config),
    Own = fun(Pid, Name) ->
                  {ok, Link} = file:read_link(["/proc/", integer_to_list(Pid), "/ns/", Name]),
                  Link
          end,
    Port = ?config(os_pid, Config),
    Kinds = [Kind || {_, Name} = Kind <- ?NAMESPACES, filelib:is_file("/proc/self/ns/" ++ Name)
                                                      orelse has_link("/proc/self/ns/" ++ Name)],
    [begin
         [Pid] = alcove_test:clone(Drv, [], [Flag]),
         Differing = [N || {_, N} <- Kinds, Own(Pid, N) =/= Own(Port, N)],
         ?assertEqual({Flag, [Name]}, {Flag, Differing}),
         alcove_test:exit(Drv, [Pid], 0),
         {exit_status, 0} = alcove_test:event(Drv, [Pid])
     end || {Flag, Name} <- Kinds],
    ok.

has_link(Path) ->
    element(1, file:read_link(Path)) =:= ok.

first_process_is_one(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(1, alcove:getpid(Drv, Child)),
    ?assertEqual(2, alcove:getpid(Drv, alcove_test:fork(Drv, Child))).

%% A pipeline holds what each parent calls its child.
pids_are_the_parents(Config) ->
    {Drv, Child} = processes(Config),
    Second = alcove_test:fork(Drv, Child),
    ?assertEqual(2, lists:last(Second)),
    Inner = alcove_test:clone(Drv, Second, [clone_newpid]),
    ?assertEqual(3, lists:last(Inner)),
    ?assertEqual(1, alcove:getpid(Drv, Inner)),
    [Outer] = Child,
    ?assert(Outer > 3).

end_of_the_first_ends_all(Config) ->
    {Drv, [Pid] = Child} = processes(Config),
    Below = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Below, ["sleep", "600"]),
    Tree = [Pid | alcove_test:descendants(Pid)],
    ?assertEqual(2, length(Tree)),
    ok = alcove:kill(Drv, [], Pid, sigkill),
    ?assertEqual({termsig, sigkill}, alcove_test:event(Drv, Child)),
    alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, Tree) end).

host_name_is_private(Config) ->
    {Drv, Child} = processes(Config),
    Host = alcove:gethostname(Drv, []),
    ?assertEqual(ok, alcove:sethostname(Drv, Child, "alcove-test")),
    ?assertEqual({ok, <<"alcove-test">>}, alcove:gethostname(Drv, Child)),
    ?assertEqual({ok, <<"alcove-test">>}, alcove:gethostname(Drv, alcove_test:fork(Drv, Child))),
    ?assertEqual(Host, alcove:gethostname(Drv, [])).

host_name_limits(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:sethostname(Drv, Child, binary:copy(<<"a">>, 62))),
    ?assertEqual({ok, binary:copy(<<"a">>, 62)}, alcove:gethostname(Drv, Child)),
    [?assertError(badarg, alcove:sethostname(Drv, Child, Name))
     || Name <- ["", foo, lists:duplicate(63, $a), binary:copy(<<"a">>, 64)]],
    ok = alcove:setuid(Drv, Child, 65534),
    ?assertEqual({error, eperm}, alcove:sethostname(Drv, Child, "x")).

network_is_private(Config) ->
    {Drv, Child} = processes(Config),
    Program = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Program, ["cat", "/proc/net/dev"]),
    {exit_status, 0} = alcove_test:event(Drv, Program),
    [_, _ | Devices] = string:lexemes(iolist_to_binary(alcove:stdout(Drv, Program)), "\n"),
    Names = [string:trim(hd(string:split(Line, ":"))) || Line <- Devices],
    ?assertNot(lists:any(fun(Name) -> re:run(Name, "^(eth|en|wl)") =/= nomatch end, Names)).

%% The kernel refuses a user namespace to a process with several threads.
user_namespace_maps_nobody(Config) ->
    Drv = ?config(drv, Config),
    [Pid] = Child = alcove_test:clone(Drv, [], [clone_newuser]),
    ?assertEqual(65534, alcove:getuid(Drv, Child)),
    ?assertEqual({error, eperm}, alcove:setgroups(Drv, Child, [])),
    Write = fun(File, Text) ->
                    Path = ["/proc/", integer_to_list(Pid), "/", File],
                    {ok, Fd} = alcove:open(Drv, [], Path, [o_wronly], 0),
                    {ok, _} = alcove:write(Drv, [], Fd, Text),
                    ok = alcove:close(Drv, [], Fd)
            end,
    Write("uid_map", "0 0 1\n"),
    ?assertEqual(0, alcove:getuid(Drv, Child)),
    Unshared = alcove_test:fork(Drv, []),
    ?assertEqual(ok, alcove:unshare(Drv, Unshared, [clone_newuser])),
    ?assertEqual(65534, alcove:getuid(Drv, Unshared)).

%%--------------------------------------------------------------------
%% unshare and setns
%%--------------------------------------------------------------------

unshared_host_name(Config) ->
    Drv = ?config(drv, Config),
    Child = alcove_test:fork(Drv, []),
    Host = alcove:gethostname(Drv, []),
    ?assertEqual(ok, alcove:unshare(Drv, Child, [clone_newuts])),
    ?assertEqual(ok, alcove:sethostname(Drv, Child, "unshared")),
    ?assertEqual({ok, <<"unshared">>}, alcove:gethostname(Drv, Child)),
    ?assertEqual(Host, alcove:gethostname(Drv, [])),
    ?assertEqual(ok, alcove:unshare(Drv, Child, [clone_newpid])),
    ?assertEqual(1, alcove:getpid(Drv, alcove_test:fork(Drv, Child))).

unshare_refuses(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:unshare(Drv, Child, [])),
    ?assertEqual({error, enotsup}, alcove:unshare(Drv, Child, [clone_none])),
    ?assertEqual({error, einval}, alcove:unshare(Drv, Child, -1)),
    ?assertError(badarg, alcove:unshare(Drv, Child, clone_newuts)),
    ok = alcove:setuid(Drv, Child, 65534),
    ?assertEqual({error, eperm}, alcove:unshare(Drv, Child, [clone_newuts])).

joined_namespace(Config) ->
    {Drv, [Pid] = Child} = processes(Config),
    Guest = alcove_test:fork(Drv, []),
    ok = alcove:sethostname(Drv, Child, "joined"),
    {ok, Fd} = alcove:open(Drv, Guest, ["/proc/", integer_to_list(Pid), "/ns/uts"], [o_rdonly], 0),
    ?assertEqual({error, einval}, alcove:setns(Drv, Guest, Fd, clone_newns)),
    ?assertEqual(ok, alcove:setns(Drv, Guest, Fd, 0)),
    ?assertEqual(ok, alcove:close(Drv, Guest, Fd)),
    ?assertEqual({ok, <<"joined">>}, alcove:gethostname(Drv, Guest)),
    Second = alcove_test:fork(Drv, []),
    {ok, Mounts} = alcove:open(Drv, Second, ["/proc/", integer_to_list(Pid), "/ns/mnt"], [o_rdonly], 0),
    ?assertEqual(ok, alcove:setns(Drv, Second, Mounts, clone_newns)).

setns_refuses(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual({error, ebadf}, alcove:setns(Drv, Child, 999, 0)),
    ?assertEqual({error, einval}, alcove:setns(Drv, Child, 0, 0)),
    ?assertEqual({error, enotsup}, alcove:setns(Drv, Child, 0, clone_none)),
    ?assertError(badarg, alcove:setns(Drv, Child, 0, [clone_newuts])).

%%--------------------------------------------------------------------
%% Mounts
%%--------------------------------------------------------------------

bind_mount(Config) ->
    {Drv, Child} = processes(Config),
    Source = alcove_test:scratch(Config),
    Target = alcove_test:scratch(Config),
    ok = file:write_file(filename:join(Source, "file"), "bound"),
    Mount = fun() -> alcove:mount(Drv, Child, Source, Target, "", [ms_bind], "", "") end,
    Names = fun(Pids) -> element(2, alcove:readdir(Drv, Pids, Target)) -- [<<".">>, <<"..">>] end,
    ?assertEqual(ok, Mount()),
    ?assertEqual([<<"file">>], Names(Child)),
    ?assertEqual([], Names([])),
    ?assertEqual(ok, alcove:umount(Drv, Child, Target)),
    ?assertEqual([], Names(Child)),
    ?assertEqual(ok, Mount()),
    ?assertEqual(ok, alcove:umount2(Drv, Child, Target, [mnt_detach])),
    ?assertEqual({error, einval}, alcove:umount(Drv, Child, Target)).

tmpfs_is_private(Config) ->
    {Drv, Child} = processes(Config),
    Target = alcove_test:scratch(Config),
    ?assertEqual(ok, alcove:mount(Drv, Child, "tmpfs", Target, "tmpfs", [ms_noexec, nosuid],
                                  <<"size=1M", 0>>, <<>>)),
    {ok, Fd} = alcove:open(Drv, Child, [Target, "/file"], [o_wronly, o_creat], 8#600),
    ?assertEqual({error, enoent}, alcove:open(Drv, [], [Target, "/file"], [o_rdonly], 0)),
    Written = written(Drv, Child, Fd, binary:copy(<<0>>, 60000), 0),
    ?assert(Written =< 1024 * 1024, Written),
    ok = alcove:close(Drv, Child, Fd),
    ?assertEqual(ok, alcove:umount(Drv, Child, Target)).

written(Drv, Pids, Fd, Data, Sum) ->
    case alcove:write(Drv, Pids, Fd, Data) of
        {ok, N} -> written(Drv, Pids, Fd, Data, Sum + N);
        {error, enospc} -> Sum
    end.

mount_flags_in_every_form(Config) ->
    {Drv, Child} = processes(Config),
    Target = alcove_test:scratch(Config),
    Rdonly = alcove:mount_constant(Drv, Child, rdonly),
    [begin
         ?assertEqual(ok, alcove:mount(Drv, Child, "tmpfs", Target, "tmpfs", Flags, [], [])),
         ?assertEqual({error, erofs}, alcove:mkdir(Drv, Child, [Target, "/d"], 8#755)),
         ?assertEqual(ok, alcove:umount2(Drv, Child, Target, 0))
     end || Flags <- [[ms_rdonly], [rdonly, noexec, noatime, nosuid], Rdonly, ['MS_RDONLY', 2],
                      alcove:define(Drv, Child, [rdonly, nosuid, noexec])]],
    ok.

mount_refuses(Config) ->
    {Drv, Child} = processes(Config),
    Target = alcove_test:scratch(Config),
    Mount = fun(Type, Flags, Data) -> alcove:mount(Drv, Child, "none", Target, Type, Flags, Data, "") end,
    ?assertEqual({error, enodev}, Mount("nofs", [], "")),
    ?assertEqual({error, einval}, Mount("tmpfs", [], "bogus=1")),
    ?assertEqual({error, enotsup}, Mount("tmpfs", [ms_none], "")),
    [?assertError(badarg, Mount("tmpfs", Flags, "")) || Flags <- [ms_bind, -1, [ms_nouser]]],
    ?assertError(badarg, alcove:mount(Drv, Child, "none", "", "tmpfs", [], "", "")),
    ?assertError(badarg, alcove:umount2(Drv, Child, Target, mnt_detach)),
    Unprivileged = alcove_test:fork(Drv, Child),
    ok = alcove:setuid(Drv, Unprivileged, 65534),
    ?assertEqual({error, eperm}, alcove:mount(Drv, Unprivileged, "none", Target, "tmpfs", [], "", "")).

proc_shows_the_namespace(Config) ->
    {Drv, Child} = processes(Config),
    Second = alcove_test:fork(Drv, Child),
    Target = alcove_test:scratch(Config),
    ?assertEqual(ok, alcove:mount(Drv, Child, "proc", Target, "proc",
                                  [ms_noexec, ms_nosuid, ms_nodev], "", "")),
    {ok, Names} = alcove:readdir(Drv, Second, Target),
    Pids = lists:sort([Name || <<C, _/binary>> = Name <- Names, C >= $0, C =< $9]),
    ?assertEqual([<<"1">>, <<"2">>], Pids).

%%--------------------------------------------------------------------
%% Roots
%%--------------------------------------------------------------------

changed_root(Config) ->
    {Drv, Child} = processes(Config),
    Root = alcove_test:scratch(Config),
    ok = file:write_file(filename:join(Root, "only"), ""),
    ?assertEqual({error, enoent}, alcove:chroot(Drv, Child, [Root, "/none"])),
    ?assertEqual({error, enotdir}, alcove:chroot(Drv, Child, [Root, "/only"])),
    ?assertEqual(ok, alcove:chroot(Drv, Child, Root)),
    ?assertEqual(ok, alcove:chdir(Drv, Child, "/")),
    ?assertEqual({ok, <<"/">>}, alcove:getcwd(Drv, Child)),
    {ok, Names} = alcove:readdir(Drv, Child, "/"),
    ?assertEqual([<<".">>, <<"..">>, <<"only">>], lists:sort(Names)),
    ?assertEqual({error, enoent}, alcove:execvp(Drv, Child, "/bin/sh", ["sh"])),
    ok = alcove:setuid(Drv, Child, 65534),
    ?assertEqual({error, eperm}, alcove:chroot(Drv, Child, "/")).

chroot_leaves_the_directory(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:chdir(Drv, Child, "/proc"),
    ok = alcove:chroot(Drv, Child, alcove_test:scratch(Config)),
    ?assertEqual({error, enoent}, alcove:getcwd(Drv, Child)),
    ?assertMatch({ok, _}, alcove:open(Drv, Child, "version", [o_rdonly], 0)).

pivoted_root(Config) ->
    {Drv, Child} = processes(Config),
    Root = alcove_test:scratch(Config),
    ok = file:write_file(filename:join(Root, "only"), ""),
    ?assertEqual({error, ebusy}, alcove:pivot_root(Drv, Child, "/", "/")),
    ok = alcove:mount(Drv, Child, "none", "/", [], [ms_rec, ms_private], [], []),
    ok = alcove:mount(Drv, Child, Root, Root, [], [ms_bind], [], []),
    ok = alcove:chdir(Drv, Child, Root),
    ?assertEqual(ok, alcove:pivot_root(Drv, Child, ".", ".")),
    ?assertEqual(ok, alcove:umount2(Drv, Child, ".", [mnt_detach])),
    ?assertEqual({ok, <<"/">>}, alcove:getcwd(Drv, Child)),
    {ok, Names} = alcove:readdir(Drv, Child, "/"),
    ?assertEqual([<<".">>, <<"..">>, <<"only">>], lists:sort(Names)),
    ?assertMatch({ok, [_ | _]}, alcove:readdir(Drv, [], "/proc")).

chrooted_program(Config) ->
    {Drv, Child} = processes(Config),
    Root = alcove_test:scratch(Config),
    {ok, _} = file:copy("/bin/busybox", filename:join(Root, "busybox")),
    ok = file:change_mode(filename:join(Root, "busybox"), 8#755),
    ok = alcove:chroot(Drv, Child, Root),
    ok = alcove:chdir(Drv, Child, "/"),
    ok = alcove:execve(Drv, Child, "/busybox", ["sh"], ["HOME=/"]),
    ok = alcove:stdin(Drv, Child, "pwd; /busybox ls /; echo $HOME; exit 4\n"),
    ?assertEqual(<<"/\nbusybox\n/\n">>, alcove_test:output(Drv, Child, 12)),
    ?assertEqual({exit_status, 4}, alcove_test:event(Drv, Child)).

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

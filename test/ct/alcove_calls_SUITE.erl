%% SPDX-License-Identifier: ISC
%%
%% What the calls do and answer, by subject, in the port and in a child.
%% Calls that make or move processes and namespaces have suites of their own.
-module(alcove_calls_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([version_is_a_binary/1, iodata_is_flattened/1, iodata_depth_is_bounded/1,
         path_length_is_bounded/1, errno_names/1, structures_are_echoed/1,
         null_pointers/1, structure_limits/1, absent_calls_are_undef/1]).
-export([constants_agree/1, unknown_constants/1, constant_names_ignore_case/1,
         define_adds_flags/1, define_names_the_unknown_symbol/1, define_looks_in_all_tables/1,
         define_costs_one_call_a_symbol/1]).
-export([groups_are_replaced/1, small_group_numbers_are_unsigned/1, user_and_group/1,
         three_ids_at_once/1, process_groups_and_sessions/1, priorities/1]).
-export([variables/1, environment_order/1, environment_refuses/1]).
-export([open_flags_in_every_form/1, write_seek_read/1, read_at_the_reply_limit/1,
         fcntl_flags/1, directories/1, working_directory/1, permission_bits_hold/1,
         links/1, fifo_between_processes/1, select_readiness/1, select_bad_sets/1,
         sockets/1, connect_to_a_listener/1, ioctl_forms/1]).
-export([limits_are_records/1, descriptor_limit_lowers_maxchild/1]).
-export([prctl_echoes_arguments/1, prctl_after_structure/1, process_title/1,
         trace_a_program/1, memory_stays_flat/1]).
-export([filter_blocks_one_process/1, filter_of_future_children/1, filter_adds_only/1,
         filter_forms/1, filter_sizes/1]).

%% A process id above the kernel's largest.
-define(MISSING, 99999999).
-define(AF_UNIX, 1).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, terms}, {group, constants}, {group, identity}, {group, environment},
     {group, files}, {group, limits}, {group, process}, {group, filter}].

groups() ->
    [{terms, [], [version_is_a_binary, iodata_is_flattened, iodata_depth_is_bounded,
                  path_length_is_bounded, errno_names, structures_are_echoed, null_pointers,
                  structure_limits, absent_calls_are_undef]},
     {constants, [], [constants_agree, unknown_constants, constant_names_ignore_case,
                      define_adds_flags, define_names_the_unknown_symbol,
                      define_looks_in_all_tables, define_costs_one_call_a_symbol]},
     {identity, [], [groups_are_replaced, small_group_numbers_are_unsigned, user_and_group,
                     three_ids_at_once, process_groups_and_sessions, priorities]},
     {environment, [], [variables, environment_order, environment_refuses]},
     {files, [], [open_flags_in_every_form, write_seek_read, read_at_the_reply_limit,
                  fcntl_flags, directories, working_directory, permission_bits_hold, links,
                  fifo_between_processes, select_readiness, select_bad_sets, sockets,
                  connect_to_a_listener, ioctl_forms]},
     {limits, [], [limits_are_records, descriptor_limit_lowers_maxchild]},
     {process, [], [prctl_echoes_arguments, prctl_after_structure, process_title,
                    trace_a_program, memory_stays_flat]},
     {filter, [], [filter_blocks_one_process, filter_of_future_children, filter_adds_only,
                   filter_forms, filter_sizes]}].

init_per_testcase(Case, Config) ->
    alcove_test:setup(needs(Case), Config).

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

needs(Case) when Case =:= groups_are_replaced; Case =:= small_group_numbers_are_unsigned;
                 Case =:= user_and_group; Case =:= three_ids_at_once; Case =:= priorities;
                 Case =:= permission_bits_hold ->
    [root];
needs(connect_to_a_listener) -> [{program, "nc"}];
needs(ioctl_forms) -> [tun, namespaces];
needs(_) -> [].

%%--------------------------------------------------------------------
%% Terms
%%--------------------------------------------------------------------

version_is_a_binary(Config) ->
    {Drv, Child} = processes(Config),
    Version = alcove:version(Drv, []),
    ?assertMatch({match, _}, re:run(Version, "^[0-9]+\\.[0-9]+\\.[0-9]+$")),
    ?assertEqual(Version, alcove:version(Drv, Child)),
    ?assertEqual(Version, alcove:version(Drv, Child, 5000)).

iodata_is_flattened(Config) ->
    {Drv, Child} = processes(Config),
    [?assertEqual(iolist_to_binary(Data), alcove:iolist_to_bin(Drv, Child, Data))
     || Data <- [[], "", <<>>, <<0, 1, 0>>, "a string", <<"a binary">>, [<<>>, [], ""],
                 ["0", 1, [2, [<<3>>, "four", [5 | [6]]]], 255],
                 [lists:duplicate(1000, <<"x">>), lists:duplicate(1000, $y)]]],
    [?assertError(badarg, alcove:iolist_to_bin(Drv, Child, Data), Data)
     || Data <- [10, [256], [-1], [123456], atom, {}, [atom], <<1:3>>, 1.0, ["a" | <<"b">>]]],
    ok.

iodata_depth_is_bounded(Config) ->
    {Drv, Child} = processes(Config),
    Wrapped = fun(N) -> lists:foldl(fun(_, Data) -> [Data] end, "ok", lists:seq(1, N)) end,
    ?assertEqual(<<"ok">>, alcove:iolist_to_bin(Drv, Child, Wrapped(16))),
    ?assertError(badarg, alcove:iolist_to_bin(Drv, Child, Wrapped(17))),
    ?assertEqual(<<"alive">>, alcove:iolist_to_bin(Drv, Child, <<"alive">>)).

path_length_is_bounded(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:chdir(Drv, Child, binary:copy(<<"/">>, 4095))),
    ?assertError(badarg, alcove:chdir(Drv, Child, binary:copy(<<"/">>, 4096))),
    ?assertEqual(ok, alcove:chdir(Drv, Child, lists:duplicate(4094, $/))),
    [?assertError(badarg, alcove:chdir(Drv, Child, Path)) || Path <- ["", <<>>, [[]], tmp, 1]],
    %% The system sees a string that ends at the first zero byte.
    ?assertEqual({error, enoent}, alcove:chdir(Drv, Child, <<0>>)),
    ?assertEqual(ok, alcove:chdir(Drv, Child, <<"/proc", 0, "/none">>)),
    ?assertEqual({ok, <<"/proc">>}, alcove:getcwd(Drv, Child)).

errno_names(Config) ->
    {Drv, _} = processes(Config),
    [?assertEqual({N, Name}, {N, alcove:errno_id(Drv, [], N)})
     || {N, Name} <- [{1, eperm}, {2, enoent}, {11, eagain}, {35, edeadlk}, {38, enosys},
                      {95, enotsup}, {131, enotrecoverable}, {0, unknown}, {-1, unknown},
                      {41, unknown}, {84, unknown}, {132, unknown}, {9999, unknown}]],
    ?assertError(badarg, alcove:errno_id(Drv, [], enoent)).

structures_are_echoed(Config) ->
    {Drv, Child} = processes(Config),
    Word = alcove_test:word_size(),
    Struct = [<<"head">>, <<1, 2, 3>>, {ptr, 11}, {ptr, <<"text", 0, "more">>}, <<-1:32/native>>],
    {ok, Raw, Echo} = alcove:alloc(Drv, Child, Struct),
    ?assertEqual(4 + 3 + Word + Word + 4, byte_size(Raw)),
    ?assertEqual([<<"head">>, <<1, 2, 3>>, {ptr, <<0:88>>}, {ptr, <<"text", 0, "more">>},
                  <<255, 255, 255, 255>>], Echo),
    <<"head", 1, 2, 3, First:Word/binary, Second:Word/binary, 255, 255, 255, 255>> = Raw,
    Null = binary:copy(<<0>>, Word),
    ?assertNotEqual(Null, First),
    ?assertNotEqual(Null, Second),
    ?assertNotEqual(First, Second),
    ?assertEqual({ok, <<>>, [<<>>, <<>>]}, alcove:alloc(Drv, Child, [<<>>, <<>>])).

null_pointers(Config) ->
    {Drv, Child} = processes(Config),
    Null = binary:copy(<<0>>, alcove_test:word_size()),
    ?assertEqual({ok, <<Null/binary, Null/binary, 7>>, [Null, Null, <<7>>]},
                 alcove:alloc(Drv, Child, [{ptr, 0}, {ptr, <<>>}, <<7>>])).

structure_limits(Config) ->
    {Drv, Child} = processes(Config),
    Elements = fun(N) -> lists:duplicate(N, <<"x">>) end,
    ?assertMatch({ok, <<"xxx", _/binary>>, [_ | _]}, alcove:alloc(Drv, Child, Elements(1023))),
    [?assertError(badarg, alcove:alloc(Drv, Child, Struct))
     || Struct <- [[], Elements(1024), "abc", <<1>>, [{ptr, -1}], [{ptr, 1, 2}], [{foo, 1}],
                   [{'PTR', 1}], [{ptr, "text"}], [{ptr, 65536}], [{ptr, 40000}, {ptr, 30000}],
                   [atom], [<<1>>, 2]]],
    ?assertEqual({ok, <<1>>, [<<1>>]}, alcove:alloc(Drv, Child, [<<1>>])).

absent_calls_are_undef(Config) ->
    {Drv, Child} = processes(Config),
    Absent = [{cap_constant, [cap_read]}, {cap_enter, []}, {cap_fcntls_get, [0]},
              {cap_fcntls_limit, [0, []]}, {cap_getmode, []}, {cap_ioctls_limit, [0, []]},
              {cap_rights_limit, [0, []]}, {jail, [[<<0>>]]}, {jail_attach, [1]},
              {jail_remove, [1]}, {pledge, ["stdio", []]}, {procctl, [0, 1, 2, []]},
              {unveil, ["/", "r"]}],
    [begin
         ?assertError(undef, apply(alcove, Call, [Drv, Pids | Argv]), {Call, Pids}),
         ?assertEqual({alcove_error, undef}, alcove_drv:call(Drv, Pids, Call, Argv, 5000))
     end || {Call, Argv} <- Absent, Pids <- [[], Child]],
    ok.

%%--------------------------------------------------------------------
%% Constants
%%--------------------------------------------------------------------

%% Numbers that are the same on every architecture.
constants_agree(Config) ->
    {Drv, Child} = processes(Config),
    Constants = [{clone_constant, clone_newns, 16#20000}, {fcntl_constant, fd_cloexec, 1},
                 {file_constant, o_rdonly, 0}, {file_constant, o_creat, 64},
                 {ioctl_constant, siocgifaddr, 16#8915}, {mount_constant, rdonly, 1},
                 {mount_constant, mnt_detach, 2}, {prctl_constant, pr_set_name, 15},
                 {prctl_constant, seccomp_mode_filter, 2}, {ptrace_constant, ptrace_traceme, 0},
                 {rlimit_constant, rlimit_nofile, 7},
                 {seccomp_constant, seccomp_set_mode_filter, 1}, {signal_constant, sighup, 1},
                 {signal_constant, sigpoll, 29}],
    [?assertEqual({Call, Name, N}, {Call, Name, alcove:Call(Drv, Pids, Name)})
     || {Call, Name, N} <- Constants, Pids <- [[], Child]],
    Exit = alcove:syscall_constant(Drv, [], sys_exit),
    ?assert(is_integer(Exit)),
    ?assertEqual(Exit, alcove:syscall_constant(Drv, Child, sys_exit)).

unknown_constants(Config) ->
    {Drv, Child} = processes(Config),
    Calls = [clone_constant, fcntl_constant, file_constant, ioctl_constant, mount_constant,
             prctl_constant, ptrace_constant, rlimit_constant, seccomp_constant,
             signal_constant, syscall_constant],
    [begin
         ?assertEqual(unknown, alcove:Call(Drv, Child, no_such_name)),
         ?assertError(badarg, alcove:Call(Drv, Child, "o_rdonly")),
         ?assertError(badarg, alcove:Call(Drv, Child, 1))
     end || Call <- Calls],
    ok.

constant_names_ignore_case(Config) ->
    {Drv, Child} = processes(Config),
    [?assertEqual(64, alcove:file_constant(Drv, Child, Name)) || Name <- [o_creat, 'O_CREAT', 'O_Creat']],
    ?assertEqual(ok, alcove:kill(Drv, Child, alcove:getpid(Drv, Child), 'SIGCONT')),
    ?assertEqual({signal, sigcont, 18}, signal(alcove_test:event(Drv, Child))).

%% Flags combine like flags: twice the same is once.
define_adds_flags(Config) ->
    {Drv, Child} = processes(Config),
    Flag = fun(Name) -> alcove:file_constant(Drv, Child, Name) end,
    ?assertEqual(0, alcove:define(Drv, Child, [])),
    ?assertEqual(Flag(o_creat), alcove:define(Drv, Child, o_creat)),
    ?assertEqual(Flag(o_creat), alcove:define(Drv, Child, [o_creat, o_creat])),
    ?assertEqual(Flag(o_sync), alcove:define(Drv, Child, [o_sync, o_dsync])),
    ?assertEqual(Flag(o_creat) bor 1 bor 1024, alcove:define(Drv, Child, [o_creat, o_wronly, 1024, 1])),
    ?assert(is_integer(alcove:define(Drv, Child, [rdonly, nosuid, noexec, noatime]))).

define_names_the_unknown_symbol(Config) ->
    {Drv, Child} = processes(Config),
    ?assertError({unknown, no_such_name}, alcove:define(Drv, Child, no_such_name)),
    ?assertError({unknown, no_such_name}, alcove:define(Drv, Child, [o_creat, no_such_name])),
    ?assertError(function_clause, alcove:define(Drv, Child, 1)).

define_looks_in_all_tables(Config) ->
    {Drv, Child} = processes(Config),
    [?assertEqual({Name, N}, {Name, alcove:define(Drv, Child, Name)})
     || {Name, N} <- [{clone_newns, 16#20000}, {f_getfd, 1}, {o_creat, 64}, {siocgifaddr, 16#8915},
                      {mnt_detach, 2}, {pr_set_name, 15}, {rlimit_nofile, 7}, {sigterm, 15},
                      {ptrace_cont, 7}, {seccomp_set_mode_filter, 1}, {af_inet, 2},
                      {sock_stream, 1}, {wnohang, 1}, {prio_user, 2}]],
    ?assertEqual(alcove:syscall_constant(Drv, Child, sys_write), alcove:define(Drv, Child, sys_write)).

%% Not one call to every table until one knows the symbol. Counted in bytes
%% sent to the port.
define_costs_one_call_a_symbol(Config) ->
    {Drv, Child} = processes(Config),
    Symbols = [{sys_write, syscall_constant}, {o_creat, file_constant}, {sigterm, signal_constant}],
    Sent = fun() -> {output, Bytes} = erlang:port_info(alcove_drv:port(Drv), output), Bytes end,
    Before = Sent(),
    _ = alcove:define(Drv, Child, [Symbol || {Symbol, _} <- Symbols]),
    Needed = [iolist_size(alcove_codec:call(Call, Child, [Symbol])) || {Symbol, Call} <- Symbols],
    ?assert(Sent() - Before =< lists:sum(Needed)).

%%--------------------------------------------------------------------
%% Identity
%%--------------------------------------------------------------------

groups_are_replaced(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:setgroups(Drv, Child, [10000, 10001, 10002])),
    {ok, Groups} = alcove:getgroups(Drv, Child),
    ?assertEqual([10000, 10001, 10002], lists:sort(Groups)),
    ?assertEqual(ok, alcove:setgroups(Drv, Child, [])),
    ?assertEqual({ok, []}, alcove:getgroups(Drv, Child)).

%% The VM sends lists of numbers below 256 as strings. Read as signed bytes
%% they would name other groups.
small_group_numbers_are_unsigned(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:setgroups(Drv, Child, [1, 127, 128, 200, 255])),
    {ok, Groups} = alcove:getgroups(Drv, Child),
    ?assertEqual([1, 127, 128, 200, 255], lists:sort(Groups)).

user_and_group(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:setgid(Drv, Child, 65534)),
    ?assertEqual(65534, alcove:getgid(Drv, Child)),
    ?assertEqual(ok, alcove:setuid(Drv, Child, 65534)),
    ?assertEqual(65534, alcove:getuid(Drv, Child)),
    ?assertEqual({error, eperm}, alcove:setuid(Drv, Child, 0)),
    ?assertEqual({error, eperm}, alcove:setgid(Drv, Child, 0)),
    ?assertError(badarg, alcove:setuid(Drv, Child, -1)),
    ?assertEqual(0, alcove:getuid(Drv, [])),
    Large = alcove_test:fork(Drv, []),
    ?assertEqual(ok, alcove:setuid(Drv, Large, 16#f0001234)),
    ?assertEqual(16#f0001234, alcove:getuid(Drv, Large)).

three_ids_at_once(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:setresgid(Drv, Child, 1, 2, 3)),
    ?assertEqual({ok, 1, 2, 3}, alcove:getresgid(Drv, Child)),
    ?assertEqual(ok, alcove:setresuid(Drv, Child, 65534, 65534, 0)),
    ?assertEqual({ok, 65534, 65534, 0}, alcove:getresuid(Drv, Child)),
    ?assertEqual(ok, alcove:setresuid(Drv, Child, 16#ffffffff, 0, 16#ffffffff)),
    ?assertEqual({ok, 65534, 0, 0}, alcove:getresuid(Drv, Child)).

process_groups_and_sessions(Config) ->
    {Drv, Child} = processes(Config),
    Own = alcove:getpid(Drv, Child),
    ?assertNotEqual(Own, alcove:getpgrp(Drv, Child)),
    ?assertEqual(ok, alcove:setpgid(Drv, Child, 0, 0)),
    ?assertEqual(Own, alcove:getpgrp(Drv, Child)),
    ?assertEqual({error, eperm}, alcove:setsid(Drv, Child)),
    Leader = alcove_test:fork(Drv, Child),
    {ok, Session} = alcove:setsid(Drv, Leader),
    ?assertEqual(alcove:getpid(Drv, Leader), Session),
    ?assertEqual({ok, Session}, alcove:getsid(Drv, Leader, 0)),
    ?assertEqual({error, esrch}, alcove:getsid(Drv, Leader, ?MISSING)).

priorities(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Nice} = alcove:getpriority(Drv, Child, prio_process, 0),
    ?assertEqual(ok, alcove:setpriority(Drv, Child, prio_process, 0, Nice + 5)),
    ?assertEqual({ok, Nice + 5}, alcove:getpriority(Drv, Child, prio_process, 0)),
    ?assertEqual({ok, Nice}, alcove:getpriority(Drv, [], prio_process, 0)),
    {ok, _} = alcove:setsid(Drv, Child),
    ?assertEqual(ok, alcove:setpriority(Drv, Child, prio_pgrp, 0, 10)),
    ?assertEqual({ok, 10}, alcove:getpriority(Drv, Child, prio_pgrp, 0)),
    ?assertEqual({error, esrch}, alcove:getpriority(Drv, Child, prio_process, ?MISSING)),
    ?assertEqual({error, enotsup}, alcove:getpriority(Drv, Child, prio_none, 0)),
    Limit = #alcove_rlimit{cur = 0, max = 0},
    ?assertEqual(ok, alcove:setrlimit(Drv, Child, rlimit_nice, Limit)),
    ?assertEqual(ok, alcove:setresuid(Drv, Child, 65534, 65534, 65534)),
    ?assertEqual({error, eacces}, alcove:setpriority(Drv, Child, prio_process, 0, 0)).

%%--------------------------------------------------------------------
%% Environment
%%--------------------------------------------------------------------

variables(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(false, alcove:getenv(Drv, Child, "ALCOVE_NONE")),
    ?assertNotEqual([], alcove:environ(Drv, Child)),
    ?assertEqual(ok, alcove:setenv(Drv, Child, "ALCOVE_V", "one", 0)),
    ?assertEqual(ok, alcove:setenv(Drv, Child, "ALCOVE_V", "two", 0)),
    ?assertEqual(<<"one">>, alcove:getenv(Drv, Child, "ALCOVE_V")),
    ?assertEqual(ok, alcove:setenv(Drv, Child, <<"ALCOVE_V">>, ["tw", <<"o">>], 1)),
    ?assertEqual(<<"two">>, alcove:getenv(Drv, Child, ["ALCOVE", $_, "V"])),
    ?assert(lists:member(<<"ALCOVE_V=two">>, alcove:environ(Drv, Child))),
    ?assertEqual(false, alcove:getenv(Drv, [], "ALCOVE_V")),
    ?assertEqual(ok, alcove:unsetenv(Drv, Child, "ALCOVE_V")),
    ?assertEqual(false, alcove:getenv(Drv, Child, "ALCOVE_V")),
    ?assertEqual(ok, alcove:clearenv(Drv, Child)),
    ?assertEqual([], alcove:environ(Drv, Child)).

environment_order(Config) ->
    {Drv, Child} = processes(Config),
    Set = fun(Name, Value) -> ok = alcove:setenv(Drv, Child, Name, Value, 1) end,
    ok = alcove:clearenv(Drv, Child),
    Set("Z", "1"), Set("A", "2"), Set("M", "3"), Set("A", "22"),
    ?assertEqual([<<"Z=1">>, <<"A=22">>, <<"M=3">>], alcove:environ(Drv, Child)),
    ok = alcove:unsetenv(Drv, Child, "Z"),
    Set("Z", ""),
    ?assertEqual([<<"A=22">>, <<"M=3">>, <<"Z=">>], alcove:environ(Drv, Child)),
    Inherited = alcove_test:fork(Drv, Child),
    ?assertEqual([<<"A=22">>, <<"M=3">>, <<"Z=">>], alcove:environ(Drv, Inherited)).

environment_refuses(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual({error, einval}, alcove:setenv(Drv, Child, "A=B", "x", 0)),
    ?assertEqual({error, einval}, alcove:unsetenv(Drv, Child, "A=B")),
    ?assertError(badarg, alcove:setenv(Drv, Child, "", "x", 1)),
    ?assertError(badarg, alcove:getenv(Drv, Child, "")),
    ?assertError(badarg, alcove:setenv(Drv, Child, "A", "x", true)).

%%--------------------------------------------------------------------
%% Files and descriptors
%%--------------------------------------------------------------------

open_flags_in_every_form(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         {ok, Fd} = alcove:open(Drv, Child, "/dev/null", Flags, 0),
         ?assert(Fd > 5),
         ?assertEqual(ok, alcove:close(Drv, Child, Fd)),
         ?assertEqual({error, ebadf}, alcove:close(Drv, Child, Fd)),
         ?assertEqual({error, enoent}, alcove:open(Drv, Child, "/nonexistent", Flags, 0))
     end || Flags <- [0, [], [0], [o_rdonly], ['O_RDONLY'], [o_rdonly, o_cloexec], [1, 128]]],
    ?assertError(badarg, alcove:open(Drv, Child, "/dev/null", o_rdonly, 0)),
    ?assertError(badarg, alcove:open(Drv, Child, "/dev/null", [[o_rdonly]], 0)),
    ?assertError(badarg, alcove:open(Drv, Child, "/dev/null", [o_rdonly], -1)),
    ?assertEqual({error, enotsup}, alcove:open(Drv, Child, "/dev/null", [o_none], 0)).

write_seek_read(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:chdir(Drv, Child, alcove_test:scratch(Config)),
    {ok, Fd} = alcove:open(Drv, Child, "file", [o_rdwr, o_creat], 8#600),
    ?assertEqual({ok, 10}, alcove:write(Drv, Child, Fd, ["hello", <<0, 255>>, [$a, "bc"]])),
    ?assertEqual(ok, alcove:lseek(Drv, Child, Fd, 0, 0)),
    ?assertEqual({ok, <<"hel">>}, alcove:read(Drv, Child, Fd, 3)),
    ?assertEqual({ok, <<"lo", 0, 255, "abc">>}, alcove:read(Drv, Child, Fd, 100)),
    ?assertEqual({ok, <<>>}, alcove:read(Drv, Child, Fd, 100)),
    ?assertEqual(ok, alcove:lseek(Drv, Child, Fd, -3, 2)),
    ?assertEqual({ok, <<"abc">>}, alcove:read(Drv, Child, Fd, 100)),
    ?assertEqual({error, einval}, alcove:lseek(Drv, Child, Fd, -1, 0)),
    ?assertEqual({error, espipe}, alcove:lseek(Drv, Child, 0, 0, 0)),
    ?assertEqual({error, ebadf}, alcove:read(Drv, Child, 999, 1)),
    ?assertEqual({error, ebadf}, alcove:write(Drv, Child, 999, "x")),
    ?assertError(badarg, alcove:read(Drv, Child, Fd, -1)),
    ?assertError(badarg, alcove:write(Drv, Child, Fd, [300])).

%% A count that is too large for one frame is cut, it does not end the
%% process: 65535 less eight bytes a level and twelve for {ok, Binary}.
read_at_the_reply_limit(Config) ->
    {Drv, Child} = processes(Config),
    [begin
         {ok, Fd} = alcove:open(Drv, Pids, "/dev/zero", [o_rdonly], 0),
         Limit = 65535 - 8 * (length(Pids) + 1) - 12,
         {ok, Data} = alcove:read(Drv, Pids, Fd, 1 bsl 40),
         ?assertEqual(Limit, byte_size(Data)),
         ?assert(is_integer(alcove:getpid(Drv, Pids)))
     end || Pids <- [[], Child]],
    ok.

fcntl_flags(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Old} = alcove:fcntl(Drv, Child, 5, f_getfd, 0),
    Cloexec = alcove:fcntl_constant(Drv, Child, fd_cloexec),
    ?assertEqual(Cloexec, Old band Cloexec),
    ?assertEqual({ok, 0}, alcove:fcntl(Drv, Child, 5, f_setfd, Old band bnot Cloexec)),
    ?assertEqual({ok, 0}, alcove:fcntl(Drv, Child, 5, f_getfd, 0)),
    ?assertEqual({ok, 0}, alcove:fcntl(Drv, Child, 5, f_setfd, Old)),
    ?assertEqual({ok, Old}, alcove:fcntl(Drv, Child, 5, f_getfd, 0)),
    ?assertEqual({error, ebadf}, alcove:fcntl(Drv, Child, 999, f_getfd, 0)),
    ?assertEqual({error, enotsup}, alcove:fcntl(Drv, Child, 0, f_none, 0)),
    ?assertError(badarg, alcove:fcntl(Drv, Child, 0, f_setfd, fd_cloexec)).

directories(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:chdir(Drv, Child, alcove_test:scratch(Config)),
    ?assertEqual(ok, alcove:mkdir(Drv, Child, "d", 8#700)),
    ?assertEqual({error, eexist}, alcove:mkdir(Drv, Child, "d", 8#700)),
    {ok, Fd} = alcove:open(Drv, Child, "d/f", [o_wronly, o_creat], 8#600),
    ok = alcove:close(Drv, Child, Fd),
    {ok, Names} = alcove:readdir(Drv, Child, "d"),
    ?assertEqual([<<".">>, <<"..">>, <<"f">>], lists:sort(Names)),
    ?assertEqual({error, enotdir}, alcove:readdir(Drv, Child, "d/f")),
    ?assertEqual({error, enotempty}, alcove:rmdir(Drv, Child, "d")),
    ?assertEqual(ok, alcove:unlink(Drv, Child, "d/f")),
    ?assertEqual({error, enoent}, alcove:unlink(Drv, Child, "d/f")),
    ?assertEqual(ok, alcove:rmdir(Drv, Child, "d")),
    ?assertEqual({error, enoent}, alcove:readdir(Drv, Child, "d")).

working_directory(Config) ->
    {Drv, Child} = processes(Config),
    Dir = alcove_test:scratch(Config),
    ?assertEqual(ok, alcove:chdir(Drv, Child, Dir)),
    ?assertEqual({ok, list_to_binary(Dir)}, alcove:getcwd(Drv, Child)),
    ?assertEqual(ok, alcove:chdir(Drv, Child, "/")),
    ?assertEqual({ok, <<"/">>}, alcove:getcwd(Drv, Child)),
    ?assertEqual({error, enotdir}, alcove:chdir(Drv, Child, "/etc/passwd")),
    ?assertNotEqual({ok, <<"/">>}, alcove:getcwd(Drv, [])).

%% An unprivileged process stopped by modes and owners. It works in its
%% directory by relative names: the way there may be closed to it.
permission_bits_hold(Config) ->
    {Drv, Child} = processes(Config),
    Dir = alcove_test:scratch(Config),
    ok = alcove:chmod(Drv, [], Dir, 8#1777),
    ok = alcove:chdir(Drv, Child, Dir),
    ok = alcove:chdir(Drv, [], Dir),
    ok = alcove:setgid(Drv, Child, 65534),
    ok = alcove:setuid(Drv, Child, 65534),
    ?assertEqual(ok, alcove:mkdir(Drv, Child, "d", 8#700)),
    ?assertMatch({ok, _}, alcove:readdir(Drv, Child, "d")),
    ?assertEqual(ok, alcove:chmod(Drv, Child, "d", 0)),
    ?assertEqual({error, eacces}, alcove:readdir(Drv, Child, "d")),
    ?assertEqual(ok, alcove:chown(Drv, [], "d", 0, 0)),
    ?assertEqual({error, eperm}, alcove:rmdir(Drv, Child, "d")),
    ?assertEqual({error, eperm}, alcove:chown(Drv, Child, "d", 65534, 65534)),
    ?assertEqual(ok, alcove:chown(Drv, [], "d", 65534, 16#ffffffff)),
    ?assertEqual(ok, alcove:rmdir(Drv, Child, "d")).

links(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:chdir(Drv, Child, alcove_test:scratch(Config)),
    {ok, Fd} = alcove:open(Drv, Child, "f", [o_wronly, o_creat], 8#600),
    {ok, 4} = alcove:write(Drv, Child, Fd, "text"),
    ?assertEqual(ok, alcove:symlink(Drv, Child, "f", "soft")),
    ?assertEqual({error, eexist}, alcove:symlink(Drv, Child, "f", "soft")),
    ?assertEqual(ok, alcove:link(Drv, Child, "f", "hard")),
    ?assertEqual(ok, alcove:unlink(Drv, Child, "f")),
    ?assertEqual({error, enoent}, alcove:open(Drv, Child, "soft", [o_rdonly], 0)),
    {ok, Hard} = alcove:open(Drv, Child, "hard", [o_rdonly], 0),
    ?assertEqual({ok, <<"text">>}, alcove:read(Drv, Child, Hard, 10)),
    ?assertEqual({error, enoent}, alcove:link(Drv, Child, "none", "other")),
    [?assertEqual(ok, alcove:unlink(Drv, Child, Name)) || Name <- ["soft", "hard"]],
    ok.

fifo_between_processes(Config) ->
    {Drv, Child} = processes(Config),
    Fifo = filename:join(alcove_test:scratch(Config), "fifo"),
    ?assertEqual(ok, alcove:mkfifo(Drv, Child, Fifo, 8#600)),
    ?assertEqual({error, eexist}, alcove:mkfifo(Drv, Child, Fifo, 8#600)),
    ?assertEqual({error, enxio}, alcove:open(Drv, [], Fifo, [o_wronly, o_nonblock], 0)),
    {ok, Reader} = alcove:open(Drv, Child, Fifo, [o_rdonly, o_nonblock], 0),
    {ok, Writer} = alcove:open(Drv, [], Fifo, [o_wronly, o_nonblock], 0),
    ?assertEqual({error, eagain}, alcove:read(Drv, Child, Reader, 10)),
    ?assertEqual({ok, 5}, alcove:write(Drv, [], Writer, <<"bytes">>)),
    ?assertEqual({ok, <<"bytes">>}, alcove:read(Drv, Child, Reader, 10)),
    ?assertEqual(ok, alcove:close(Drv, Child, Reader)),
    ?assertEqual({error, epipe}, alcove:write(Drv, [], Writer, <<"x">>)),
    ?assertEqual({signal, sigpipe, 13}, signal(alcove_test:event(Drv, []))),
    ?assertEqual(ok, alcove:unlink(Drv, Child, Fifo)).

select_readiness(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Fd} = alcove:open(Drv, Child, "/dev/null", [o_rdwr], 0),
    Limit = #alcove_timeval{sec = 10},
    [?assertEqual({ok, [Fd], [Fd], []}, alcove:select(Drv, Child, [Fd], [Fd], [Fd], Time))
     || Time <- [[], Limit]],
    ?assertEqual({ok, [Fd], [], []}, alcove:select(Drv, Child, [Fd, Fd], [], [], Limit)),
    %% Nothing comes in while the process works on this very call.
    ?assertEqual({ok, [], [], []}, alcove:select(Drv, Child, [0], [], [], #alcove_timeval{usec = 1000})).

select_bad_sets(Config) ->
    {Drv, Child} = processes(Config),
    Limit = #alcove_timeval{},
    [?assertEqual({error, ebadf}, alcove:select(Drv, Child, Set, [], [], Limit))
     || Set <- [[999], [-1], [1024], [atom], atom, <<6>>]],
    [?assertError(badarg, alcove:select(Drv, Child, [], [], [], Time))
     || Time <- [0, infinity, {timeval, 0, 0}, {alcove_timeval, 0}, {alcove_timeval, a, 0}]],
    %% A set of numbers below 256 travels as a string; 128 and above are
    %% descriptors like others.
    {ok, High} = alcove:fcntl(Drv, Child, 2, 0, 200),
    ?assertEqual({ok, [], [High], []}, alcove:select(Drv, Child, [], [High], [], Limit)).

sockets(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Fd} = alcove:socket(Drv, Child, af_inet, sock_stream, 0),
    ?assertEqual(ok, alcove:close(Drv, Child, Fd)),
    ?assertMatch({ok, _}, alcove:socket(Drv, Child, 'AF_UNIX', 1, 0)),
    ?assertEqual({error, eprotonosupport}, alcove:socket(Drv, Child, af_inet, sock_stream, 99)),
    ?assertEqual({error, enotsup}, alcove:socket(Drv, Child, af_none, sock_stream, 0)),
    ?assertError(badarg, alcove:socket(Drv, Child, af_inet, [sock_stream], 0)).

%% Two programs' worth of unix socket: netcat listens in one child, another
%% connects with an address it lays out itself.
connect_to_a_listener(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:chdir(Drv, Child, alcove_test:scratch(Config)),
    Client = alcove_test:fork(Drv, Child),
    Server = alcove_test:fork(Drv, Child),
    alcove_test:exec(Drv, Server, ["nc", "-l", "-U", "sock"]),
    Address = [<<?AF_UNIX:16/native>>, <<"sock">>, <<0:((108 - 4) * 8)>>],
    {ok, Fd} = alcove:socket(Drv, Client, af_unix, sock_stream, 0),
    alcove_test:until(fun() -> alcove:connect(Drv, Client, Fd, Address) =:= ok end),
    ?assertEqual({error, eisconn}, alcove:connect(Drv, Client, Fd, Address)),
    ?assertEqual({ok, 6}, alcove:write(Drv, Client, Fd, <<"hello\n">>)),
    ?assertEqual(<<"hello\n">>, alcove_test:output(Drv, Server, 6)),
    ok = alcove:stdin(Drv, Server, <<"answer\n">>),
    ?assertEqual({ok, [Fd], [], []}, alcove:select(Drv, Client, [Fd], [], [], #alcove_timeval{sec = 10})),
    ?assertEqual({ok, <<"answer\n">>}, alcove:read(Drv, Client, Fd, 100)),
    ?assertEqual(ok, alcove:close(Drv, Client, Fd)),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Server)).

ioctl_forms(Config) ->
    {Drv, Child} = processes(Config),
    {ok, Tun} = alcove:open(Drv, Child, "/dev/net/tun", [o_rdwr], 0),
    Tap = 16#1002,
    Request = <<0:(16 * 8), Tap:16/native, 0:(14 * 8)>>,
    {ok, 0, Answer} = alcove:ioctl(Drv, Child, Tun, tunsetiff, Request),
    ?assertEqual(32, byte_size(Answer)),
    ?assertMatch(<<"tap", _/binary>>, Answer),
    ?assertEqual({ok, 0, <<>>}, alcove:ioctl(Drv, Child, Tun, tunsetpersist, 0)),
    {ok, 0, [Name, _]} = alcove:ioctl(Drv, Child, Tun, tungetiff, [<<0:(16 * 8)>>, <<0:(24 * 8)>>]),
    ?assertMatch(<<"tap", _/binary>>, Name),
    ?assertEqual({error, ebadf}, alcove:ioctl(Drv, Child, 999, tunsetiff, Request)),
    ?assertEqual({error, enotsup}, alcove:ioctl(Drv, Child, Tun, tunnone, 0)),
    [?assertError(badarg, alcove:ioctl(Drv, Child, Tun, tunsetpersist, Bad)) || Bad <- [[], "ab", x, {1}]],
    ok.

%%--------------------------------------------------------------------
%% Limits
%%--------------------------------------------------------------------

limits_are_records(Config) ->
    {Drv, Child} = processes(Config),
    Limit = #alcove_rlimit{cur = 64, max = 64},
    ?assertEqual(ok, alcove:setrlimit(Drv, Child, rlimit_nofile, Limit)),
    ?assertEqual({ok, Limit}, alcove:getrlimit(Drv, Child, rlimit_nofile)),
    ?assertEqual({ok, Limit}, alcove:getrlimit(Drv, Child, 7)),
    {ok, Port} = alcove:getrlimit(Drv, [], rlimit_nofile),
    ?assertNotEqual(Limit, Port),
    ?assertEqual({error, einval},
                 alcove:setrlimit(Drv, Child, rlimit_core, #alcove_rlimit{cur = 2, max = 1})),
    ?assertEqual({error, enotsup}, alcove:getrlimit(Drv, Child, rlimit_none)),
    ?assertError(badarg, alcove:setrlimit(Drv, Child, rlimit_core, {rlimit, 1, 1})).

%% Each child takes six descriptors at most; a lower limit leaves room for
%% fewer children and a higher one brings them not back.
descriptor_limit_lowers_maxchild(Config) ->
    {Drv, Child} = processes(Config),
    Soft = fun(N) ->
                   {ok, Limit} = alcove:getrlimit(Drv, Child, rlimit_nofile),
                   alcove:setrlimit(Drv, Child, rlimit_nofile, Limit#alcove_rlimit{cur = N})
           end,
    ?assertEqual(8, alcove:getopt(Drv, Child, maxchild)),
    ?assertEqual(ok, Soft(64)),
    ?assertEqual(8, alcove:getopt(Drv, Child, maxchild)),
    ?assertEqual(ok, Soft(32)),
    ?assertEqual(4, alcove:getopt(Drv, Child, maxchild)),
    ?assertEqual(ok, Soft(64)),
    ?assertEqual(4, alcove:getopt(Drv, Child, maxchild)),
    Children = [alcove_test:fork(Drv, Child) || _ <- lists:seq(1, 4)],
    ?assertEqual({error, eagain}, alcove:fork(Drv, Child)),
    ?assertEqual({error, einval}, Soft(20)),
    [?assert(is_integer(alcove:getpid(Drv, Pids))) || Pids <- [Child | Children]],
    ok.

%%--------------------------------------------------------------------
%% The process as a whole
%%--------------------------------------------------------------------

prctl_echoes_arguments(Config) ->
    {Drv, Child} = processes(Config),
    ?assertMatch({ok, _, 0, 0, 0, 0}, alcove:prctl(Drv, Child, pr_capbset_read, 0, 0, 0, 0)),
    ?assertEqual({ok, 0, <<"alcove-ct", 0>>, 0, 0, 0},
                 alcove:prctl(Drv, Child, pr_set_name, <<"alcove-ct", 0>>, 0, 0, 0)),
    ?assertEqual({ok, 0, <<"alcove-ct", 0:(8 * 8)>>, 0, 0, 0},
                 alcove:prctl(Drv, Child, pr_get_name, <<0:(17 * 8)>>, 0, 0, 0)),
    ?assertEqual({ok, 0, 9, 0, 0, 0}, alcove:prctl(Drv, Child, pr_set_pdeathsig, 9, 0, 0, 0)),
    ?assertEqual({ok, 0, <<9:32/native>>, 0, 0, 0},
                 alcove:prctl(Drv, Child, pr_get_pdeathsig, <<0:32>>, 0, 0, 0)),
    ?assertMatch({ok, _, 15, 0, 0, 0}, alcove:prctl(Drv, Child, pr_get_dumpable, pr_set_name, [], [], [])),
    ?assertEqual({error, enotsup}, alcove:prctl(Drv, Child, pr_none, 0, 0, 0, 0)),
    ?assertEqual({error, einval}, alcove:prctl(Drv, Child, 9999, 0, 0, 0, 0)),
    [?assertError(badarg, alcove:prctl(Drv, Child, pr_get_dumpable, 0, Bad, 0, 0))
     || Bad <- [-1, "abc", {x}]],
    ok.

%% The arguments behind a structure stay where they are.
prctl_after_structure(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual({ok, 0, [<<"x", 0>>], 5, 6, 7},
                 alcove:prctl(Drv, Child, pr_set_name, [<<"x", 0>>], 5, 6, 7)),
    ?assertEqual({ok, 0, [<<"x", 0:(15 * 8)>>], 0, 0, 0},
                 alcove:prctl(Drv, Child, pr_get_name, [<<0:(16 * 8)>>], 0, 0, 0)).

process_title(Config) ->
    {Drv, [Pid] = Child} = processes(Config),
    Title = fun() ->
                    {ok, Cmdline} = file:read_file("/proc/" ++ integer_to_list(Pid) ++ "/cmdline"),
                    hd(binary:split(Cmdline, <<0>>))
            end,
    Before = Title(),
    ?assertEqual(ok, alcove:setproctitle(Drv, Child, "alcove title")),
    ?assertEqual(<<"alcove title">>, Title()),
    ?assertEqual(ok, alcove:setproctitle(Drv, Child, [])),
    ?assertEqual(Before, string:trim(Title(), trailing)).

%% Stops are the caller's business once SIGCHLD is reported: the program is
%% caught at exec, let go, and its signals are replaced by others.
trace_a_program(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual({ok, sig_dfl}, alcove:sigaction(Drv, Child, sigchld, sig_info)),
    {ok, Pid} = alcove:fork(Drv, Child),
    Cat = Child ++ [Pid],
    ?assertEqual({ok, 0, <<>>, <<>>}, alcove:ptrace(Drv, Cat, ptrace_traceme, 0, 0, 0)),
    alcove_test:exec(Drv, Cat, ["cat"]),
    ?assertEqual({signal, sigchld, 17}, signal(alcove_test:event(Drv, Child))),
    ?assertMatch({ok, Pid, _, [{stopsig, sigtrap}]}, alcove:waitpid(Drv, Child, -1, [wnohang])),
    ?assertEqual({ok, 0, 0, []}, alcove:waitpid(Drv, Child, -1, [wnohang])),
    Continue = fun(Signal) ->
                       ?assertEqual({ok, 0, <<>>, <<>>},
                                    alcove:ptrace(Drv, Child, ptrace_cont, Pid, 0, Signal))
               end,
    Continue(0),
    ok = alcove:stdin(Drv, Cat, "traced\n"),
    ?assertEqual(<<"traced\n">>, alcove_test:output(Drv, Cat, 7)),
    ?assertEqual(ok, alcove:kill(Drv, Child, Pid, sigterm)),
    ?assertEqual({signal, sigchld, 17}, signal(alcove_test:event(Drv, Child))),
    ?assertMatch({ok, Pid, _, [{stopsig, sigterm}]}, alcove:waitpid(Drv, Child, Pid, [wnohang])),
    Continue(28),
    ?assertEqual(ok, alcove:kill(Drv, Child, Pid, sigwinch)),
    ?assertEqual({signal, sigchld, 17}, signal(alcove_test:event(Drv, Child))),
    ?assertMatch({ok, Pid, _, [{stopsig, sigwinch}]}, alcove:waitpid(Drv, Child, Pid, [wnohang])),
    Continue(15),
    ?assertMatch({ok, Pid, 15, [{termsig, sigterm}]}, alcove:waitpid(Drv, Child, Pid, [])).

%% Resident memory does not grow with the number of calls.
memory_stays_flat(Config) ->
    {Drv, [Pid] = Child} = processes(Config),
    Calls = fun(N) ->
                    [begin
                         {ok, _, _} = alcove:alloc(Drv, Child, [<<"x">>, {ptr, 4096}]),
                         _ = alcove:environ(Drv, Child),
                         _ = alcove:iolist_to_bin(Drv, Child, <<"text">>)
                     end || _ <- lists:seq(1, N)],
                    resident(Pid)
            end,
    Warm = Calls(1000),
    After = Calls(4000),
    ?assert(After =< Warm + 256, {kilobytes, Warm, After}).

resident(Pid) ->
    [Number, "kB"] = string:lexemes(alcove_test:status_field(Pid, "VmRSS"), " "),
    list_to_integer(Number).

%%--------------------------------------------------------------------
%% Filters
%%--------------------------------------------------------------------

filter_blocks_one_process(Config) ->
    {Drv, Child} = processes(Config),
    Fork = alcove:filter([fork]),
    Getpid = alcove:filter([getpid]),
    ?assertEqual(ok, alcove:filter(Drv, [], Fork)),
    ?assertError(undef, alcove:fork(Drv, [])),
    ?assertEqual(ok, alcove:filter(Drv, Child, Getpid, Getpid)),
    ?assertError(undef, alcove:getpid(Drv, Child)),
    ?assert(is_integer(alcove:getpid(Drv, []))),
    ?assertMatch({ok, _}, alcove:fork(Drv, Child)),
    %% Before any look at the arguments.
    ?assertEqual({alcove_error, undef}, alcove_drv:call(Drv, Child, getpid, [nonsense], 5000)).

filter_of_future_children(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:filter(Drv, Child, alcove:filter([getpid]), alcove:filter([getuid]))),
    ?assertError(undef, alcove:getpid(Drv, Child)),
    ?assert(is_integer(alcove:getuid(Drv, Child))),
    Grandchild = alcove_test:fork(Drv, Child),
    Below = alcove_test:fork(Drv, Grandchild),
    [begin
         ?assert(is_integer(alcove:getpid(Drv, Pids))),
         ?assertError(undef, alcove:getuid(Drv, Pids))
     end || Pids <- [Grandchild, Below]],
    ok = alcove:filter(Drv, Grandchild, <<>>, alcove:filter([getgid])),
    Later = alcove_test:fork(Drv, Grandchild),
    ?assertError(undef, alcove:getgid(Drv, Later)),
    ?assertError(undef, alcove:getuid(Drv, Later)),
    ?assert(is_integer(alcove:getgid(Drv, Grandchild))).

filter_adds_only(Config) ->
    {Drv, Child} = processes(Config),
    ok = alcove:filter(Drv, Child, alcove:filter([getpid])),
    ?assertEqual(ok, alcove:filter(Drv, Child, <<>>, <<>>)),
    ?assertEqual(ok, alcove:filter(Drv, Child, <<0>>, <<0:128>>)),
    ?assertError(undef, alcove:getpid(Drv, Child)),
    Inherited = alcove_test:fork(Drv, Child),
    ?assertError(undef, alcove:getpid(Drv, Inherited)),
    ok = alcove:filter(Drv, Inherited, alcove:filter({allow, []})),
    [?assertError(undef, alcove:Call(Drv, Inherited)) || Call <- [version, fork, getuid, cpid]],
    ?assertError(undef, alcove:filter(Drv, Inherited, <<>>)).

filter_forms(_Config) ->
    ?assertEqual(<<>>, alcove:filter([])),
    ?assertEqual(<<>>, alcove:filter({deny, []})),
    ?assertEqual(<<1>>, alcove:filter([alloc])),
    ?assertEqual(<<0:96, 8>>, alcove:filter([write])),
    ?assertEqual(<<0, 0, 0, 16>>, alcove:filter([fork])),
    ?assertEqual(alcove:filter([fork, clone]), alcove:filter({deny, [clone, fork, fork]})),
    All = alcove_proto:calls(),
    ?assertEqual(<<0>>, alcove:filter({allow, All})),
    ?assertEqual(<<(binary:copy(<<255>>, 12))/binary, 15>>, alcove:filter({allow, []})),
    ?assertEqual(alcove:filter(All -- [getpid, exit]), alcove:filter({allow, [exit, getpid, getpid]})),
    ?assertEqual(alcove:filter({allow, [getpid]}), alcove:filter({allow, [getpid, not_a_call]})),
    [?assertError(function_clause, alcove:filter(Bad))
     || Bad <- [[not_a_call], {deny, [not_a_call]}, fork, {refuse, []}, <<1>>]],
    ok.

filter_sizes(Config) ->
    {Drv, Child} = processes(Config),
    ?assertEqual(ok, alcove:filter(Drv, Child, <<0:128>>, <<0:128>>)),
    [?assertError(badarg, alcove:filter(Drv, Child, Own, Future))
     || {Own, Future} <- [{<<0:136>>, <<>>}, {<<>>, <<0:136>>}, {[], <<>>}, {"ab", <<>>},
                          {alcove:filter([getpid]), foo}]],
    %% Both are looked at before either is applied.
    ?assert(is_integer(alcove:getpid(Drv, Child))).

%%--------------------------------------------------------------------

processes(Config) ->
    {?config(drv, Config), ?config(child, Config)}.

signal({signal, Name, <<Number:32/native, _/binary>> = Info}) ->
    128 = byte_size(Info),
    {signal, Name, Number}.

%% SPDX-License-Identifier: ISC
%%
%% Seccomp: filters put together by alcove_seccomp, put in place by prctl and
%% by seccomp, and a control process that goes on serving under them.
-module(alcove_seccomp_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, groups/0, suite/0, init_per_group/2, end_per_group/2,
         init_per_testcase/2, end_per_testcase/2]).
-export([instructions_have_eight_bytes/1, instructions_are_read_back/1, offsets/1,
         macros_make_programs/1]).
-export([killed_by_a_refused_call/1, others_are_allowed/1, trapped_call_is_told/1,
         refused_with_errno/1, serving_needs_few_system_calls/1, end_of_input_under_a_filter/1]).
-export([filter_holds_for_programs/1, strict_mode/1, refused_programs/1]).

%% What a control process may do and go on serving calls.
-define(SERVING, [sys_exit, sys_exit_group, sys_getpid, sys_getrlimit, sys_poll, sys_ppoll, sys_read,
                  sys_restart_syscall, sys_rt_sigreturn, sys_setrlimit, sys_sigreturn,
                  sys_ugetrlimit, sys_write, sys_writev]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, assembler}, {group, prctl}, {group, seccomp}, {group, more}].

groups() ->
    Filters = [killed_by_a_refused_call, others_are_allowed, trapped_call_is_told,
               refused_with_errno, serving_needs_few_system_calls, end_of_input_under_a_filter],
    [{assembler, [], [instructions_have_eight_bytes, instructions_are_read_back, offsets,
                      macros_make_programs]},
     {prctl, [], Filters},
     {seccomp, [], Filters},
     {more, [], [filter_holds_for_programs, strict_mode, refused_programs]}].

init_per_group(Install, Config) when Install =:= prctl; Install =:= seccomp ->
    [{install, Install} | Config];
init_per_group(_, Config) ->
    Config.

end_per_group(_, _Config) ->
    ok.

%% The process of a case is forked: the first process of a pid namespace is
%% treated differently by signals.
init_per_testcase(_Case, Config) ->
    case alcove_test:setup([seccomp], Config) of
        {skip, _} = Skip -> Skip;
        Ready -> [{target, alcove_test:fork(?config(drv, Ready), [])} | Ready]
    end.

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

%%--------------------------------------------------------------------
%% The assembler
%%--------------------------------------------------------------------

instructions_have_eight_bytes(_Config) ->
    ?assertEqual(<<16#1234:16/native, 5, 6, 16#789abcde:32/native>>,
                 alcove_seccomp:insn(#alcove_insn{code = 16#1234, jt = 5, jf = 6, k = 16#789abcde})),
    ?assertEqual(<<16#20:16/native, 0, 0, 4:32/native>>, alcove_seccomp:stmt(16#20, 4)),
    ?assertEqual(<<16#15:16/native, 1, 2, 60:32/native>>, alcove_seccomp:jump(16#15, 60, 1, 2)),
    ?assertEqual(<<0:64>>, alcove_seccomp:insn(#alcove_insn{})),
    ?assertError(function_clause, alcove_seccomp:stmt(a, 4)),
    ?assertError(function_clause, alcove_seccomp:jump(16#15, 60, 1, x)).

instructions_are_read_back(_Config) ->
    Insn = #alcove_insn{code = 16#1234, jt = 5, jf = 6, k = 16#789abcde},
    ?assertEqual(Insn, alcove_seccomp:insn(alcove_seccomp:insn(Insn))),
    ?assertError(function_clause, alcove_seccomp:insn(<<0:56>>)).

offsets(_Config) ->
    [begin
         ?assertEqual(Number, alcove_seccomp:offset(Name)),
         ?assertEqual(Name, alcove_seccomp:offset(Number))
     end || {Name, Number} <- [{word, 0}, {halfword, 8}, {byte, 16}]],
    ?assertError(function_clause, alcove_seccomp:offset(24)).

macros_make_programs(_Config) ->
    ?assertEqual(<<16#20:16/native, 0, 0, 0:32/native>>, ?EXAMINE_SYSCALL),
    ?assertEqual(<<16#20:16/native, 0, 0, 4:32/native,
                   16#15:16/native, 1, 0, 16#c000003e:32/native,
                   16#06:16/native, 0, 0, 0:32/native>>,
                 iolist_to_binary(?VALIDATE_ARCHITECTURE(16#c000003e))),
    ?assertEqual(<<16#15:16/native, 0, 1, 60:32/native,
                   16#06:16/native, 0, 0, 16#7fff0000:32/native>>,
                 iolist_to_binary(?ALLOW_SYSCALL(60))).

%%--------------------------------------------------------------------
%% Filters, put in place one way and the other
%%--------------------------------------------------------------------

killed_by_a_refused_call(Config) ->
    {Drv, [Pid] = Target} = target(Config),
    install(Config, filter(Drv, ?SERVING, ?SECCOMP_RET_KILL)),
    ?assertEqual(Pid, alcove:getpid(Drv, Target)),
    ?assertError({termsig, sigsys}, alcove:getcwd(Drv, Target, 10000)),
    ?assertEqual({error, esrch}, alcove:kill(Drv, [], Pid, 0)).

others_are_allowed(Config) ->
    {Drv, [Pid] = Target} = target(Config),
    install(Config, filter(Drv, ?SERVING, ?SECCOMP_RET_ALLOW)),
    ?assertEqual(Pid, alcove:getpid(Drv, Target)),
    ?assertMatch({ok, <<"/", _/binary>>}, alcove:getcwd(Drv, Target)),
    ?assertEqual(ok, alcove:kill(Drv, [], Pid, 0)),
    alcove_test:exit(Drv, Target, 0),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Target)).

trapped_call_is_told(Config) ->
    {Drv, [Pid] = Target} = target(Config),
    ?assertMatch({ok, _}, alcove:sigaction(Drv, Target, sigsys, sig_info)),
    ok = alcove:chdir(Drv, Target, "/"),
    install(Config, filter(Drv, ?SERVING, ?SECCOMP_RET_TRAP)),
    ?assertEqual(Pid, alcove:getpid(Drv, Target)),
    Answer = alcove:getcwd(Drv, Target, 10000),
    ?assert(lists:member(element(1, Answer), [ok, error]), Answer),
    {signal, sigsys, Info} = alcove_test:event(Drv, Target),
    ?assertMatch(<<31:32/native, _:(124 * 8)>>, Info),
    ?assertEqual(ok, alcove:kill(Drv, [], Pid, 0)),
    alcove_test:exit(Drv, Target, 0).

refused_with_errno(Config) ->
    {Drv, [Pid] = Target} = target(Config),
    Eperm = 1,
    install(Config, filter(Drv, ?SERVING, ?SECCOMP_RET_ERRNO + Eperm)),
    ?assertEqual({error, eperm}, alcove:getcwd(Drv, Target)),
    ?assertEqual({error, eperm}, alcove:mkdir(Drv, Target, "/never", 8#755)),
    ?assertEqual(Pid, alcove:getpid(Drv, Target)).

%% No memory, no timer, no lock: thousands of calls of every kind that needs
%% no system call of its own, and signals in between.
serving_needs_few_system_calls(Config) ->
    {Drv, [Pid] = Target} = target(Config),
    install(Config, filter(Drv, ?SERVING, ?SECCOMP_RET_KILL)),
    [begin
         ?assertEqual(<<"flat">>, alcove:iolist_to_bin(Drv, Target, ["fl", [<<"at">>]], 10000)),
         ?assertEqual(Pid, alcove:getpid(Drv, Target, 10000)),
         ?assertEqual([], alcove:cpid(Drv, Target, 10000)),
         ?assertEqual(1, alcove:getopt(Drv, Target, exit_status, 10000)),
         ?assertEqual(15, alcove:signal_constant(Drv, Target, sigterm, 10000)),
         ?assertError(badpid, alcove:getpid(Drv, Target ++ [1 bsl 30], 10000)),
         ?assertError(badarg, alcove:open(Drv, Target, [], [], -1, 10000))
     end || _ <- lists:seq(1, 1500)],
    Large = binary:copy(<<"x">>, 60000),
    ?assertEqual(Large, alcove:iolist_to_bin(Drv, Target, Large, 10000)),
    [begin
         ok = alcove:kill(Drv, [], Pid, sigusr1),
         ?assertMatch({signal, sigusr1, _}, alcove_test:event(Drv, Target))
     end || _ <- lists:seq(1, 100)],
    alcove_test:exit(Drv, Target, 3),
    ?assertEqual({exit_status, 3}, alcove_test:event(Drv, Target)).

end_of_input_under_a_filter(Config) ->
    {Drv, Target} = target(Config),
    install(Config, filter(Drv, ?SERVING, ?SECCOMP_RET_KILL)),
    ok = alcove:eof(Drv, Target),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Target)).

%%--------------------------------------------------------------------
%% More
%%--------------------------------------------------------------------

filter_holds_for_programs(Config) ->
    {Drv, Target} = target(Config),
    Eacces = 13,
    Refused = [?VALIDATE_ARCHITECTURE(alcove:define(Drv, [], alcove:audit_arch())), ?EXAMINE_SYSCALL,
               [[?BPF_JUMP(?BPF_JMP + ?BPF_JEQ + ?BPF_K, Number, 0, 1),
                 ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO + Eacces)]
                || Number <- numbers(Drv, [sys_mkdir, sys_mkdirat])],
               ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ALLOW)],
    install([{install, seccomp} | Config], Refused),
    Dir = alcove_test:scratch(Config),
    ok = alcove:chdir(Drv, Target, Dir),
    alcove_test:sh(Drv, Target, "mkdir d 2>/dev/null || echo refused; echo text > f && cat f"),
    ?assertEqual(<<"refused\ntext\n">>, alcove_test:output(Drv, Target, 13)),
    ?assertEqual({exit_status, 0}, alcove_test:event(Drv, Target)),
    ?assertEqual({ok, ["f"]}, file:list_dir(Dir)).

%% Strict mode leaves read, write, exit and sigreturn; an answer needs more.
strict_mode(Config) ->
    {Drv, Target} = target(Config),
    ?assertError({termsig, sigkill}, alcove:seccomp(Drv, Target, seccomp_set_mode_strict, 0, [], 10000)).

refused_programs(Config) ->
    {Drv, Target} = target(Config),
    ?assertEqual({error, efault}, alcove:seccomp(Drv, Target, seccomp_set_mode_filter, 0, [])),
    ?assertEqual({error, einval}, alcove:seccomp(Drv, Target, 99, 0, [])),
    ?assertEqual({error, enotsup}, alcove:seccomp(Drv, Target, seccomp_none, 0, [])),
    [?assertError(badarg, alcove:seccomp(Drv, Target, 0, 0, Bad)) || Bad <- [<<>>, 0, "ab"]],
    {ok, 0, 1, 0, 0, 0} = alcove:prctl(Drv, Target, pr_set_no_new_privs, 1, 0, 0, 0),
    NoReturn = ?BPF_STMT(?BPF_LD + ?BPF_W + ?BPF_ABS, ?OFFSET_SYSCALL_NR),
    ?assertEqual({error, einval},
                 alcove:seccomp(Drv, Target, seccomp_set_mode_filter, 0, program([NoReturn]))),
    ?assert(is_integer(alcove:getpid(Drv, Target))).

%%--------------------------------------------------------------------

target(Config) ->
    {?config(drv, Config), ?config(target, Config)}.

%% Allow the calls named, those that the platform has; the rest gets the
%% action.
filter(Drv, Allowed, Action) ->
    [?VALIDATE_ARCHITECTURE(alcove:define(Drv, [], alcove:audit_arch())),
     ?EXAMINE_SYSCALL,
     [?ALLOW_SYSCALL(Number) || Number <- numbers(Drv, Allowed)],
     ?BPF_STMT(?BPF_RET + ?BPF_K, Action)].

numbers(Drv, Names) ->
    [Number || Name <- Names, Number <- [alcove:syscall_constant(Drv, [], Name)], is_integer(Number)].

install(Config, Filter) ->
    {Drv, Target} = target(Config),
    {ok, 0, 1, 0, 0, 0} = alcove:prctl(Drv, Target, pr_set_no_new_privs, 1, 0, 0, 0),
    Program = program(Filter),
    case ?config(install, Config) of
        prctl ->
            ?assertMatch({ok, 0, 2, [_ | _], 0, 0},
                         alcove:prctl(Drv, Target, pr_set_seccomp, seccomp_mode_filter, Program, 0, 0));
        seccomp ->
            ?assertEqual(ok, alcove:seccomp(Drv, Target, seccomp_set_mode_filter, 0, Program))
    end.

%% struct sock_fprog: the number of instructions and a pointer to them.
program(Filter) ->
    Instructions = iolist_to_binary(Filter),
    Padding = (alcove_test:word_size() - 2) * 8,
    [<<(byte_size(Instructions) div 8):16/native>>, <<0:Padding>>, {ptr, Instructions}].

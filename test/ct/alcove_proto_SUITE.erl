%% SPDX-License-Identifier: ISC
%%
%% The call list: names, numbers, and which calls do not return.
-module(alcove_proto_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0]).
-export([hundred_calls_in_wire_order/1, number_is_position/1, known_numbers/1,
         unknown_name_is_refused/1, four_calls_do_not_return/1, last_call_costs_as_first/1]).

suite() ->
    [{timetrap, {seconds, 30}}].

all() ->
    [hundred_calls_in_wire_order, number_is_position, known_numbers,
     unknown_name_is_refused, four_calls_do_not_return, last_call_costs_as_first].

hundred_calls_in_wire_order(_Config) ->
    Calls = alcove_proto:calls(),
    ?assertEqual(100, length(Calls)),
    ?assertEqual(lists:usort(Calls), Calls).

number_is_position(_Config) ->
    Calls = alcove_proto:calls(),
    ?assertEqual(lists:seq(0, 99), [alcove_proto:call(Call) || Call <- Calls]).

%% Fixed by the wire: filters are bit sets over these numbers.
known_numbers(_Config) ->
    Numbers = [{alloc, 0}, {chdir, 8}, {clone, 13}, {environ, 18}, {execvp, 21}, {filter, 27},
               {fork, 28}, {getpid, 36}, {kill, 49}, {mount, 54}, {open, 56}, {prctl, 59},
               {ptrace, 62}, {seccomp, 68}, {select, 70}, {setuid, 85}, {unlink, 93},
               {version, 97}, {waitpid, 98}, {write, 99}],
    [?assertEqual({Call, N}, {Call, alcove_proto:call(Call)}) || {Call, N} <- Numbers],
    ok.

unknown_name_is_refused(_Config) ->
    [?assertError(function_clause, alcove_proto:call(Name))
     || Name <- [nocall, 'GETPID', "getpid", <<"getpid">>, 36, []]],
    ok.

four_calls_do_not_return(_Config) ->
    ?assertEqual([execve, execvp, exit, fexecve],
                 lists:filter(fun alcove_proto:noreturn/1, alcove_proto:calls())),
    [?assertNot(alcove_proto:noreturn(Term)) || Term <- [nocall, "exit", 22, {exit, 1}, []]],
    ok.

%% A look-up must not walk a list of names. Reductions do not depend on the
%% load of the machine.
last_call_costs_as_first(_Config) ->
    First = reductions(alloc),
    Last = reductions(write),
    ?assert(Last < 2 * First, {First, Last}).

reductions(Call) ->
    Self = self(),
    {_, Before} = process_info(Self, reductions),
    [alcove_proto:call(Call) || _ <- lists:seq(1, 1000)],
    {_, After} = process_info(Self, reductions),
    After - Before.

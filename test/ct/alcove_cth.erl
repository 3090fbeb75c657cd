%% SPDX-License-Identifier: ISC
%%
%% Common Test hook: prints one line at the end of a run,
%%
%%   N passed, N failed, N skipped
%%
%% alone on its line, and before it the reason of every skip, so that a run
%% that could not test something says so. A case that was not run because
%% something it builds on broke counts as failed: only a case that asked to be
%% skipped is skipped.
-module(alcove_cth).

-export([id/1, init/2, terminate/1]).
-export([post_end_per_testcase/5, on_tc_fail/4, on_tc_skip/4]).

%% A case inside a group is {Case, Group}, as in the calls of the hook.
-type name() :: atom() | {atom(), atom()}.

-record(state, {passed = [] :: [{module(), name()}],
                failed = [] :: [{module(), name()}],
                skipped = [] :: [{module(), name(), term()}]}).

id(_Options) ->
    ?MODULE.

init(_Id, _Options) ->
    {ok, #state{}}.

%% A case has passed until on_tc_fail/4 or on_tc_skip/4 says otherwise, which
%% both come later.
post_end_per_testcase(Suite, Case, Config, Return, #state{passed = Passed} = State) ->
    {Return, State#state{passed = [{Suite, name(Case, Config)} | Passed]}}.

on_tc_fail(Suite, Case, _Reason, State) ->
    failed(Suite, Case, State).

on_tc_skip(_Suite, {Function, _Group}, _Reason, State)
  when Function =:= init_per_group; Function =:= end_per_group ->
    State;
on_tc_skip(_Suite, Function, _Reason, State)
  when Function =:= init_per_suite; Function =:= end_per_suite ->
    State;
on_tc_skip(Suite, Case, {tc_user_skip, Reason}, #state{skipped = Skipped} = State) ->
    #state{passed = Passed} = State,
    State#state{passed = Passed -- [{Suite, Case}], skipped = [{Suite, Case, Reason} | Skipped]};
on_tc_skip(Suite, Case, _Reason, State) ->
    failed(Suite, Case, State).

failed(Suite, Case, #state{passed = Passed, failed = Failed} = State) ->
    State#state{passed = Passed -- [{Suite, Case}], failed = [{Suite, Case} | Failed]}.

name(Case, Config) ->
    Properties = proplists:get_value(tc_group_properties, Config, []),
    case proplists:get_value(name, Properties) of
        undefined -> Case;
        Group -> {Case, Group}
    end.

terminate(#state{passed = Passed, failed = Failed, skipped = Skipped}) ->
    [io:format(user, "skipped ~s:~s: ~s~n", [Suite, text(Case), reason(Reason)])
     || {Suite, Case, Reason} <- lists:reverse(Skipped)],
    [io:format(user, "failed ~s:~s~n", [Suite, text(Case)])
     || {Suite, Case} <- lists:reverse(Failed)],
    io:format(user, "~n~b passed, ~b failed, ~b skipped~n",
              [length(Passed), length(Failed), length(Skipped)]).

text({Case, _Group}) -> atom_to_list(Case);
text(Case) -> atom_to_list(Case).

reason(Reason) ->
    case io_lib:printable_unicode_list(Reason) of
        true -> Reason;
        false -> io_lib:format("~0p", [Reason])
    end.

%% SPDX-License-Identifier: ISC
%%
%% Storms: random work for a bounded time, judged by a model or by what must
%% hold whatever happens. Every case prints its seed.
%%
%%   ALCOVE_STORM_SECONDS   time of each case, default 5
%%   ALCOVE_STORM_SEED      a number, to see a storm again; default random
-module(alcove_storm_SUITE).

-include_lib("alcove/include/alcove.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([tree/1, short_timeouts/1, data/1, signals/1, hostile_children/1, drivers/1]).

suite() ->
    [{timetrap, {seconds, 120 + 2 * seconds()}}].

all() ->
    [tree, short_timeouts, data, signals, hostile_children, drivers].

init_per_testcase(_Case, Config) ->
    Seed = case os:getenv("ALCOVE_STORM_SEED") of
               false -> erlang:unique_integer([positive]) bxor erlang:system_time();
               Text -> list_to_integer(Text)
           end,
    _ = rand:seed(exsss, Seed),
    ct:pal("ALCOVE_STORM_SEED=~b", [Seed]),
    alcove_test:setup([], Config).

end_per_testcase(_Case, Config) ->
    alcove_test:teardown(Config).

%%--------------------------------------------------------------------
%% The tree
%%--------------------------------------------------------------------

%% Forks, programs, ends and signals in random places. The model is a map from
%% pipeline to what runs there; in the end every table agrees with it.
tree(Config) ->
    Drv = ?config(drv, Config),
    Model = storm(fun(Model) -> step(Drv, Model) end, #{[] => control, ?config(child, Config) => control}),
    [alcove_test:until(fun() -> children(Drv, Pids) =:= below(Pids, Model) end)
     || {Pids, control} <- maps:to_list(Model)],
    ct:pal("~b processes at the end", [maps:size(Model)]).

step(Drv, Model) ->
    {Pids, Kind} = pick(maps:to_list(Model)),
    case {Kind, rand:uniform(12)} of
        {control, N} when N =< 4 -> fork(Drv, Pids, Model);
        {control, N} when N =< 6 -> call(Drv, Pids, Model);
        {control, 7} -> execute(Drv, Pids, Model);
        {control, 8} -> finish(Drv, Pids, exit, Model);
        {control, 9} -> finish(Drv, Pids, kill, Model);
        {control, 10} -> stopped(Drv, Pids, Model);
        {control, _} -> call(Drv, Pids, Model);
        {program, N} when N =< 8 -> talk(Drv, Pids, Model);
        {program, 9} -> finish(Drv, Pids, kill, Model);
        {program, _} -> finish(Drv, Pids, eof, Model)
    end.

fork(Drv, Pids, Model) ->
    Full = length(below(Pids, Model)) >= 8 orelse length(Pids) >= 16,
    case alcove:fork(Drv, Pids, 20000) of
        {ok, Pid} when not Full -> Model#{Pids ++ [Pid] => control};
        {error, eagain} when Full -> Model
    end.

call(Drv, Pids, Model) ->
    N = rand:uniform(100),
    ?assertEqual(alcove:errno_id(Drv, [], N, 20000), alcove:errno_id(Drv, Pids, N, 20000)),
    ?assertEqual(below(Pids, Model), children(Drv, Pids)),
    Model.

%% Whatever was below a control process that becomes a program goes.
execute(_Drv, Pids, Model) when length(Pids) < 2 ->
    Model;
execute(Drv, Pids, Model) ->
    alcove_test:exec(Drv, Pids, ["cat"]),
    maps:put(Pids, program, prune(Pids, Model)).

talk(Drv, Pids, Model) ->
    Data = rand:bytes(rand:uniform(3000)),
    ok = alcove:stdin(Drv, Pids, Data),
    ?assertEqual(Data, alcove_test:output(Drv, Pids, byte_size(Data))),
    Model.

finish(_Drv, Pids, _How, Model) when length(Pids) < 2 ->
    Model;
finish(Drv, Pids, How, Model) ->
    Expected = finish(Drv, Pids, How),
    ?assertEqual(Expected, alcove_test:event(Drv, Pids)),
    Parent = lists:droplast(Pids),
    Left = maps:remove(Pids, prune(Pids, Model)),
    alcove_test:until(fun() -> children(Drv, Parent) =:= below(Parent, Left) end),
    Left.

finish(Drv, Pids, exit) ->
    Status = rand:uniform(256) - 1,
    alcove_test:exit(Drv, Pids, Status),
    {exit_status, Status};
finish(Drv, Pids, kill) ->
    ok = alcove:kill(Drv, lists:droplast(Pids), lists:last(Pids), sigkill, 20000),
    {termsig, sigkill};
finish(Drv, Pids, eof) ->
    ok = alcove:eof(Drv, Pids),
    {exit_status, 0}.

%% A process that stands still for a moment answers afterwards.
stopped(_Drv, Pids, Model) when length(Pids) < 2 ->
    Model;
stopped(Drv, Pids, Model) ->
    {Parent, Pid} = {lists:droplast(Pids), lists:last(Pids)},
    ok = alcove:kill(Drv, Parent, Pid, sigstop, 20000),
    ok = alcove:kill(Drv, Parent, Pid, sigcont, 20000),
    ?assertMatch({signal, sigcont, _}, alcove_test:event(Drv, Pids)),
    call(Drv, Pids, Model).

children(Drv, Pids) ->
    lists:sort([Pid || #alcove_pid{pid = Pid} <- alcove:cpid(Drv, Pids, 20000)]).

below(Pids, Model) ->
    Length = length(Pids) + 1,
    lists:sort([lists:last(P) || P <- maps:keys(Model), length(P) =:= Length, lists:prefix(Pids, P)]).

prune(Pids, Model) ->
    maps:filter(fun(P, _) -> P =:= Pids orelse not lists:prefix(Pids, P) end, Model).

%%--------------------------------------------------------------------
%% Calls
%%--------------------------------------------------------------------

%% A call answers its own question or times out, however short its time.
short_timeouts(Config) ->
    {Drv, Child} = {?config(drv, Config), ?config(child, Config)},
    Pipelines = [[], Child, alcove_test:chain(Drv, Child, 4)],
    Names = maps:from_list([{N, alcove:errno_id(Drv, [], N)} || N <- lists:seq(1, 131)]),
    {Good, Late} =
        storm(fun({Good, Late}) ->
                      N = rand:uniform(131),
                      Frame = binary:copy(<<"x">>, rand:uniform(20000)),
                      Pids = pick(Pipelines),
                      case alcove_drv:call(Drv, Pids, errno_id, [N], rand:uniform(4) - 1) of
                          {alcove_error, timeout} ->
                              ?assertEqual(Frame, alcove:iolist_to_bin(Drv, Pids, Frame, 20000)),
                              {Good, Late + 1};
                          Name ->
                              ?assertEqual({N, maps:get(N, Names)}, {N, Name}),
                              {Good + 1, Late}
                      end
              end, {0, 0}),
    ct:pal("~b answers, ~b timeouts", [Good, Late]),
    ?assert(Good > 0).

%%--------------------------------------------------------------------
%% Data
%%--------------------------------------------------------------------

%% Programs at different depths echo random pieces; every byte comes back to
%% the pipeline it was sent to. Calls to control processes go on.
data(Config) ->
    {Drv, Child} = {?config(drv, Config), ?config(child, Config)},
    Programs = [begin
                    Program = alcove_test:fork(Drv, alcove_test:chain(Drv, Child, Depth)),
                    alcove_test:exec(Drv, Program, ["cat"]),
                    Program
                end || Depth <- [0, 0, 1, 2, 3]],
    Total = storm(fun(Sum) ->
                          Round = [{Program, rand:bytes(rand:uniform(6000))}
                                   || Program <- Programs, rand:uniform(3) > 1],
                          [ok = alcove:stdin(Drv, Program, Data) || {Program, Data} <- Round],
                          ?assert(is_integer(alcove:getpid(Drv, Child, 20000))),
                          [?assertEqual(Data, alcove_test:output(Drv, Program, byte_size(Data)))
                           || {Program, Data} <- Round],
                          Sum + lists:sum([byte_size(Data) || {_, Data} <- Round])
                  end, 0),
    ct:pal("~b bytes", [Total]),
    alcove_test:silence(0).

%%--------------------------------------------------------------------
%% Signals
%%--------------------------------------------------------------------

%% Signals hit processes in the middle of calls. Every call answers; a system
%% call that a signal interrupts says so.
signals(Config) ->
    Drv = ?config(drv, Config),
    Tree = alcove_test:chain(Drv, [], 3),
    Sent = storm(fun(Sum) ->
                         Count = rand:uniform(20),
                         Kills = [alcove_codec:call(kill, [], [pick(Tree), pick([10, 12, 1, 15, 40])])
                                  || _ <- lists:seq(1, Count)],
                         [gen_server:cast(Drv, {send, Kill}) || Kill <- Kills],
                         [?assertEqual(lists:last(Pids), alcove:getpid(Drv, Pids, 20000))
                          || N <- [1, 2, 3], Pids <- [lists:sublist(Tree, N)]],
                         Forked = alcove_test:fork(Drv, Tree),
                         alcove_test:exit(Drv, Forked, 0),
                         Sum + Count
                 end, 0),
    _ = alcove:getpid(Drv, Tree, 20000),
    Seen = length([S || {alcove_event, _, _, {signal, S, _}} <- alcove_test:messages()]),
    ct:pal("~b signals sent, ~b told", [Sent, Seen]),
    ?assert(Seen > 0 andalso Seen =< Sent).

%%--------------------------------------------------------------------
%% Hostile children
%%--------------------------------------------------------------------

%% Control processes write random bytes to any of their descriptors. Their
%% parent, a bystander and the driver do not mind.
hostile_children(Config) ->
    {Drv, Child} = {?config(drv, Config), ?config(child, Config)},
    Bystander = alcove_test:fork(Drv, Child),
    Count = storm(fun(Sum) ->
                          Hostile = alcove_test:fork(Drv, Child),
                          _ = alcove_drv:call(Drv, Hostile, write, [pick([1, 1, 1, 2, 5]), noise()], 100),
                          {Call, Argv} = pick([{close, [1]}, {close, [5]}, {fork, []}, {fork, [1]}]),
                          _ = alcove_drv:call(Drv, Hostile, Call, Argv, 100),
                          ?assert(is_integer(alcove:getpid(Drv, Child, 20000))),
                          ?assert(is_integer(alcove:getpid(Drv, Bystander, 20000))),
                          _ = alcove:kill(Drv, Child, lists:last(Hostile), sigkill, 20000),
                          alcove_test:until(fun() -> children(Drv, Child) =:= [lists:last(Bystander)] end),
                          _ = alcove_test:messages(),
                          Sum + 1
                  end, 0),
    ct:pal("~b hostile children", [Count]).

%% Bytes that look like the beginning of a frame, mostly.
noise() ->
    Bytes = rand:bytes(rand:uniform(400)),
    case rand:uniform(4) of
        1 -> Bytes;
        2 -> <<(byte_size(Bytes)):16, Bytes/binary>>;
        3 -> <<(2 + byte_size(Bytes)):16, (rand:uniform(9) - 1):16, Bytes/binary>>;
        4 ->
            Pid = rand:uniform(1 bsl 32) - 1,
            <<(6 + byte_size(Bytes)):16, ?ALCOVE_MSG_PROXY:16, Pid:32, Bytes/binary>>
    end.

%%--------------------------------------------------------------------
%% Drivers
%%--------------------------------------------------------------------

%% Drivers come and go in every way there is, several at a time. Nothing is
%% left of any of them.
drivers(_Config) ->
    Fds = alcove_test:vm_fds(),
    Ports = erlang:ports(),
    Count = storm(fun(Sum) ->
                          Seeds = [rand:uniform(1 bsl 40) || _ <- lists:seq(1, 8)],
                          Self = self(),
                          Workers = [spawn_link(fun() -> worker(Self, Seed) end) || Seed <- Seeds],
                          Trees = [receive {done, Worker, Tree} -> Tree
                                   after 60000 -> erlang:error(timeout) end || Worker <- Workers],
                          All = lists:append(Trees),
                          alcove_test:until(fun() -> not lists:any(fun alcove_test:alive/1, All) end),
                          Sum + length(Workers)
                  end, 0),
    alcove_test:until(fun() -> alcove_test:vm_fds() =:= Fds end),
    alcove_test:until(fun() -> erlang:ports() -- Ports =:= [] end),
    ct:pal("~b drivers", [Count]).

worker(Parent, Seed) ->
    _ = rand:seed(exsss, Seed),
    process_flag(trap_exit, true),
    Drv = alcove_test:start(),
    Port = alcove_test:os_pid(Drv),
    Pids = alcove_test:chain(Drv, [], rand:uniform(4) - 1),
    Pids =/= [] andalso rand:uniform(2) =:= 1 andalso alcove_test:exec(Drv, Pids, ["cat"]),
    Tree = [Port | alcove_test:descendants(Port)],
    case rand:uniform(6) of
        1 -> ok = alcove_drv:stop(Drv);
        2 -> exit(Drv, kill);
        3 -> ok = alcove:exit(Drv, [], 7, 20000);
        4 -> _ = os:cmd("kill -9 " ++ integer_to_list(Port));
        5 -> ok = alcove:execvp(Drv, [], "true", ["true"], 20000);
        6 -> ok
    end,
    Parent ! {done, self(), Tree},
    true = unlink(Parent),
    exit(shutdown).

%%--------------------------------------------------------------------

seconds() ->
    list_to_integer(os:getenv("ALCOVE_STORM_SECONDS", "5")).

storm(Fun, Acc) ->
    storm(Fun, Acc, erlang:monotonic_time(second) + seconds()).

storm(Fun, Acc, End) ->
    case erlang:monotonic_time(second) < End of
        true -> storm(Fun, Fun(Acc), End);
        false -> Acc
    end.

pick(List) ->
    lists:nth(rand:uniform(length(List)), List).

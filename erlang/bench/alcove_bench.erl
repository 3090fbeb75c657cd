%% @doc Latency of calls: these modules against others of the same interface, with the
%% same port program.
%%
%% ```
%% REFERENCE=/path/to/other/ebin escript erlang/bench/alcove_bench.erl
%% '''
%%
%% Each side runs in a VM of its own. They take turns, so that what else the machine does
%% hits both. Environment:
%% <ul>
%% <li>`REFERENCE': ebin directory of the other modules; without it only these are
%%   measured.</li>
%% <li>`EBIN': ebin directory of these modules, default
%%   `_build/default/lib/alcove/ebin' beside this file.</li>
%% <li>`PORT': port program of both, default that of these modules.</li>
%% <li>`CALLS', `ROUNDS': calls a round, rounds a row; default 2000 and 15.</li>
%% </ul>
-module(alcove_bench).

-export([main/1, measure/4]).

-mode(compile).

-define(ROWS, [
    %% name, depth of the process that is called, messages in the mailbox
    {"port", 0, 0},
    {"child", 1, 0},
    {"depth 4", 4, 0},
    {"port", 0, 100000},
    {"child", 1, 100000}
]).

%% @doc Prints a table of median latencies in microseconds.
-spec main([string()]) -> ok.
main(_Arguments) ->
    Ebin = os:getenv("EBIN", default_ebin()),
    true = code:add_patha(Ebin),
    Progname = os:getenv("PORT", alcove_drv:progname()),
    Sides = [{ours, Ebin} | [{reference, Path} || Path <- [os:getenv("REFERENCE")], is_list(Path)]],
    Peers = [{Name, start(Path)} || {Name, Path} <- Sides],
    io:format("~-10s ~8s ~12s ~12s ~8s~n", ["target", "queued", "ours us", "reference us", "ratio"]),
    lists:foreach(fun(Row) -> row(Row, Progname, Peers) end, ?ROWS),
    lists:foreach(fun({_, Peer}) -> peer:stop(Peer) end, Peers).

default_ebin() ->
    Root = filename:dirname(filename:dirname(filename:absname(escript:script_name()))),
    filename:join([Root, "_build", "default", "lib", "alcove", "ebin"]).

start(Ebin) ->
    {ok, Peer, _Node} = peer:start(#{connection => standard_io, args => ["-pa", Ebin]}),
    {module, _} = peer:call(Peer, code, load_binary, [?MODULE, "alcove_bench", self_binary()]),
    Peer.

%% The escript is compiled in memory; the peers need the same code.
self_binary() ->
    {ok, ?MODULE, Binary} = compile:file(escript:script_name(), [binary, nowarn_unused_record]),
    Binary.

row({Name, Depth, Queued}, Progname, Peers) ->
    Rounds = integer("ROUNDS", 15),
    Calls = integer("CALLS", 2000),
    Arguments = [Progname, Depth, Queued, Calls],
    Samples = [
        {Side, peer:call(Peer, ?MODULE, measure, Arguments, infinity)}
     || _ <- lists:seq(1, Rounds), {Side, Peer} <- Peers
    ],
    Ours = median([Time || {ours, Time} <- Samples]),
    case [Time || {reference, Time} <- Samples] of
        [] ->
            io:format("~-10s ~8w ~12.1f~n", [Name, Queued, Ours]);
        Others ->
            Reference = median(Others),
            io:format("~-10s ~8w ~12.1f ~12.1f ~8.2f~n", [
                Name, Queued, Ours, Reference, Ours / Reference
            ])
    end.

integer(Name, Default) ->
    list_to_integer(os:getenv(Name, integer_to_list(Default))).

%% @doc Median time of a call, in microseconds.
-spec measure(file:filename(), non_neg_integer(), non_neg_integer(), pos_integer()) -> float().
measure(Progname, Depth, Queued, Calls0) ->
    {ok, Drv} = alcove_drv:start_link([{progname, Progname}]),
    Pids = pipeline(Drv, Depth, []),
    lists:foreach(fun(N) -> self() ! {unrelated, N} end, lists:seq(1, Queued)),
    Calls =
        case Queued of
            0 -> Calls0;
            _ -> max(1, Calls0 div 10)
        end,
    Times = [call(Drv, Pids) || _ <- lists:seq(1, Calls)],
    ok = alcove_drv:stop(Drv),
    median(Times).

call(Drv, Pids) ->
    Start = erlang:monotonic_time(nanosecond),
    Pid = alcove_drv:call(Drv, Pids, getpid, [], infinity),
    true = is_integer(Pid),
    (erlang:monotonic_time(nanosecond) - Start) / 1000.

pipeline(_Drv, 0, Pids) ->
    Pids;
pipeline(Drv, Depth, Pids) ->
    {ok, Pid} = alcove_drv:call(Drv, Pids, fork, [], infinity),
    pipeline(Drv, Depth - 1, Pids ++ [Pid]).

median(List) ->
    lists:nth((length(List) + 1) div 2, lists:sort(List)).

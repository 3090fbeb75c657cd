%% @doc Latency of calls: these modules against others of the same interface, with the
%% same port program.
%%
%% ```
%% REFERENCE=/path/to/other/ebin escript erlang/bench/alcove_bench.erl
%% '''
%%
%% Each side runs in a VM of its own. They take turns, so that what else the machine does
%% hits both. A third column is what no driver can do without: a request written to the
%% port and the bytes of the answer received, by one process. Environment:
%% <ul>
%% <li>`REFERENCE': ebin directory of the other modules; without it only these are
%%   measured.</li>
%% <li>`EBIN': ebin directory of these modules, default
%%   `_build/default/lib/alcove/ebin' beside this file.</li>
%% <li>`PORT': port program of both, default that of these modules.</li>
%% <li>`CALLS', `ROUNDS': calls a round, rounds a row; default 2000 and 15.</li>
%% </ul>
-module(alcove_bench).

-export([main/1, calls/4, bare/4]).

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
    Port = os:getenv("PORT", alcove_drv:progname()),
    Ours = start(Ebin),
    Sides =
        [{ours, Ours, calls}] ++
            [{reference, start(Path), calls} || Path <- [os:getenv("REFERENCE")], is_list(Path)] ++
            [{bare, Ours, bare}],
    print(["target", "queued", "ours us", "reference us", "ratio", "bare us"]),
    lists:foreach(fun(Row) -> row(Row, Port, Sides) end, ?ROWS),
    lists:foreach(fun peer:stop/1, lists:usort([Peer || {_, Peer, _} <- Sides])).

default_ebin() ->
    Root = filename:dirname(filename:dirname(filename:absname(escript:script_name()))),
    filename:join([Root, "_build", "default", "lib", "alcove", "ebin"]).

start(Ebin) ->
    {ok, Peer, _Node} = peer:start(#{connection => standard_io, args => ["-pa", Ebin]}),
    %% the escript is compiled in memory; the peers need the code as well
    {ok, ?MODULE, Binary} = compile:file(escript:script_name(), [binary]),
    {module, _} = peer:call(Peer, code, load_binary, [?MODULE, "alcove_bench", Binary]),
    Peer.

row({Name, Depth, Queued}, Port, Sides) ->
    Calls = integer("CALLS", 2000),
    Samples = [
        {Side, peer:call(Peer, ?MODULE, Function, [Port, Depth, Queued, Calls], infinity)}
     || _ <- lists:seq(1, integer("ROUNDS", 15)), {Side, Peer, Function} <- Sides
    ],
    [Ours, Reference, Bare] = [
        median([Time || {S, Time} <- Samples, S =:= Side])
     || Side <- [ours, reference, bare]
    ],
    print([
        Name, integer_to_list(Queued), time(Ours), time(Reference), ratio(Ours, Reference), time(Bare)
    ]).

print(Columns) ->
    io:format("~-10s ~8s ~10s ~14s ~8s ~10s~n", Columns).

time(none) -> "-";
time(Time) -> io_lib:format("~.1f", [Time]).

ratio(_Ours, none) -> "-";
ratio(Ours, Reference) -> io_lib:format("~.2f", [Ours / Reference]).

integer(Name, Default) ->
    list_to_integer(os:getenv(Name, integer_to_list(Default))).

%% @doc Median time of a call, in microseconds.
-spec calls(file:filename(), non_neg_integer(), non_neg_integer(), pos_integer()) -> float().
calls(Program, Depth, Queued, Calls) ->
    {ok, Drv} = alcove_drv:start_link([{progname, Program}]),
    Pids = pipeline(Drv, Depth, []),
    lists:foreach(fun(N) -> self() ! {unrelated, N} end, lists:seq(1, Queued)),
    Call = fun() ->
        Pid = alcove_drv:call(Drv, Pids, getpid, [], infinity),
        true = is_integer(Pid)
    end,
    Time = timed(Call, Queued, Calls),
    ok = alcove_drv:stop(Drv),
    Time.

%% @doc Median time of a request and its answer without a driver, in microseconds. The
%% mailbox is empty.
-spec bare(file:filename(), non_neg_integer(), non_neg_integer(), pos_integer()) -> float().
bare(Program, Depth, Queued, Calls) ->
    {ok, Drv} = alcove_drv:start_link([{progname, Program}]),
    Pids = pipeline(Drv, Depth, []),
    Port = alcove_drv:port(Drv),
    true = erlang:port_connect(Port, self()),
    Frame = iolist_to_binary(alcove_codec:call(getpid, Pids, [])),
    Call = fun() ->
        true = port_command(Port, Frame),
        receive
            {Port, {data, _}} -> true
        end
    end,
    Time = timed(Call, Queued, Calls),
    ok = alcove_drv:stop(Drv),
    Time.

%% Each call with a full mailbox may take long: there are fewer.
timed(Call, 0, Calls) ->
    median([time_of(Call) || _ <- lists:seq(1, Calls)]);
timed(Call, _Queued, Calls) ->
    timed(Call, 0, max(1, Calls div 10)).

time_of(Call) ->
    Start = erlang:monotonic_time(nanosecond),
    true = Call(),
    (erlang:monotonic_time(nanosecond) - Start) / 1000.

pipeline(_Drv, 0, Pids) ->
    Pids;
pipeline(Drv, Depth, Pids) ->
    {ok, Pid} = alcove_drv:call(Drv, Pids, fork, [], infinity),
    pipeline(Drv, Depth - 1, Pids ++ [Pid]).

median([]) -> none;
median(List) -> lists:nth((length(List) + 1) div 2, lists:sort(List)).

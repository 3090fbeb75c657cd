%% @private
%% @doc Which answers are due, and who waits for one.
%%
%% Frames carry no serial numbers. What tells an answer from another is order: the
%% replies of one process come in the order of its calls. So the ledger keeps a queue
%% of outstanding calls for each pipeline, and the head of the queue owns the reply
%% that comes in. Only one call is ever waited for, because the owner of the driver
%% makes the calls and waits in each.
%%
%% A call that was sent may never be answered, because a process on its way ended, was
%% replaced, or does not read. Each of these is announced by the process above it; the
%% queues of that process and of all below it are forgotten then. Where it cannot be
%% told which call was lost, too much is forgotten rather than too little: a reply that
%% nobody is known to be owed goes to the call that waits for that process.
-module(alcove_ledger).

-export([new/0, wait/4, sent/4, cancel/2, received/2]).
-export([exec_due/1, before_exec/1]).

-export_type([ledger/0, wake/0, delivery/0]).

-type pids() :: [non_neg_integer()].
-type kind() :: exec | exit | fork | other.

-record(waiter, {
    ref :: reference(),
    pids :: pids(),
    kind :: kind()
}).

-record(ledger, {
    %% Outstanding calls, oldest first, for each pipeline that has any.
    due = #{} :: #{pids() => queue:queue({kind(), reference() | none})},
    waiter = none :: #waiter{} | none,
    %% How many of the port process's are calls to exec.
    execs = 0 :: non_neg_integer(),
    %% The last answer that was handed to a waiter. It may have stopped waiting.
    answered = none :: {reference(), alcove_codec:message()} | none,
    %% Pipelines that the owner was sent notices about, which end a call.
    noticed = #{} :: #{pids() => []},
    kinds :: #{0..65535 => kind()}
}).

-opaque ledger() :: #ledger{}.

-type wake() :: {reply, term()} | {notice, pids()}.
%% What a waiter is told: the answer, or that there will be none. Then a message to the
%% owner about this process says why; if there is none about the process that was called,
%% a process above it is gone.

-type delivery() :: {reference(), wake()} | none.

%% Depth of a tree is limited to 255 by the port; a pipeline longer than that was made
%% up. Notices are remembered for this many pipelines, then forgotten: a call that
%% finds none remembered does not look for old notices in the owner's mailbox.
-define(MAX_DEPTH, 256).
-define(MAX_NOTICED, 4096).

-spec new() -> ledger().
new() ->
    #ledger{
        kinds = #{
            alcove_proto:call(execve) => exec,
            alcove_proto:call(execvp) => exec,
            alcove_proto:call(fexecve) => exec,
            alcove_proto:call(exit) => exit,
            alcove_proto:call(fork) => fork,
            alcove_proto:call(clone) => fork
        }
    }.

%% @doc Ref waits for the call Number of a process. `check' says that the owner may
%% have notices about the process in its mailbox, sent before the call.
-spec wait(reference(), [alcove:pid_t()], 0..65535, ledger()) ->
    {ok | {check, pids()}, ledger()}.
wait(Ref, Pids0, Number, #ledger{noticed = Noticed, kinds = Kinds} = Ledger0) ->
    Pids = key(Pids0),
    Ledger = Ledger0#ledger{
        waiter = #waiter{ref = Ref, pids = Pids, kind = maps:get(Number, Kinds, other)},
        answered = none
    },
    case is_map_key(Pids, Noticed) of
        true -> {{check, Pids}, Ledger#ledger{noticed = maps:remove(Pids, Noticed)}};
        false -> {ok, Ledger}
    end.

%% @doc The call Number of a process was sent, for Ref or for nobody who waits.
-spec sent(reference() | none, [alcove:pid_t()], 0..65535, ledger()) -> ledger().
sent(Ref, Pids0, Number, #ledger{due = Due, execs = Execs, kinds = Kinds} = Ledger) ->
    Pids = key(Pids0),
    Call = {maps:get(Number, Kinds, other), Ref},
    Queue = queue:in(Call, maps:get(Pids, Due, queue:new())),
    Ledger#ledger{due = Due#{Pids => Queue}, execs = Execs + execs(Pids, Call)}.

%% @doc Ref does not wait any more. If its answer was given in the meantime nobody got
%% it: it is returned.
-spec cancel(reference(), ledger()) -> {none | {late, alcove_codec:message()}, ledger()}.
cancel(Ref, #ledger{waiter = #waiter{ref = Ref, pids = Pids}} = Ledger) ->
    {none, note(Pids, Ledger#ledger{waiter = none})};
cancel(Ref, #ledger{answered = {Ref, {_, Pids, _} = Message}} = Ledger) ->
    {{late, Message}, note(Pids, Ledger#ledger{answered = none})};
cancel(_Ref, Ledger) ->
    {none, Ledger}.

%% @doc Books a message. A reply for a waiter is handed to it instead of to the owner;
%% anything else goes to the owner, and the waiter may have to be told.
-spec received(alcove_codec:message() | {bad, alcove_call | other, pids()}, ledger()) ->
    {owner | waiter, delivery(), ledger()}.
received({alcove_call, Pids, Term} = Message, #ledger{waiter = Waiter} = Ledger0) ->
    {Call, Ledger1} = take(Pids, Ledger0),
    Ledger = forked(Call, Message, Ledger1),
    case answers(Call, Pids, Waiter) of
        true ->
            Ref = Waiter#waiter.ref,
            {waiter, {Ref, {reply, Term}}, Ledger#ledger{
                waiter = none, answered = {Ref, Message}
            }};
        false ->
            {owner, none, Ledger}
    end;
received({alcove_ctl, Pids, fdctl_closed}, Ledger) ->
    closed(Pids, note(Pids, void(Pids, Ledger)));
received({alcove_ctl, Pids, badpid}, Ledger) ->
    stop_below(Pids, note(Pids, void(Pids, Ledger)));
received({alcove_ctl, Pids, _Reason}, Ledger) ->
    stop_at(Pids, note(Pids, Ledger));
received({alcove_pipe, Pids, _Written}, Ledger) ->
    stop_below(Pids, note(Pids, refused(Pids, Ledger)));
received({alcove_event, Pids, {Reason, _}}, Ledger) when
    Reason =:= exit_status; Reason =:= termsig
->
    gone_below(Pids, note(Pids, void(Pids, Ledger)));
received({bad, alcove_call, Pids}, Ledger0) ->
    {_Call, Ledger} = take(Pids, Ledger0),
    stop_at(Pids, note(Pids, Ledger));
received({bad, other, Pids}, Ledger) ->
    stop_at(Pids, note(Pids, Ledger));
received({_Type, _Pids, _Term}, Ledger) ->
    {owner, none, Ledger}.

%% @doc Whether the port process was told to exec and may do so at any time.
-spec exec_due(ledger()) -> boolean().
exec_due(#ledger{execs = Execs}) ->
    Execs > 0.

%% @doc Number of replies that the port process owes for calls made before it was told to
%% exec.
-spec before_exec(ledger()) -> non_neg_integer().
before_exec(#ledger{due = Due}) ->
    Calls = queue:to_list(maps:get([], Due, queue:new())),
    length(lists:takewhile(fun(Call) -> execs([], Call) =:= 0 end, Calls)).

execs([], {exec, _Ref}) -> 1;
execs(_Pids, _Call) -> 0.

%%--------------------------------------------------------------------
%% Whom a message ends a call for

%% The reply belongs to the call at the head of the queue. If the queue is empty, to
%% whoever waits.
answers(_Call, _Pids, none) -> false;
answers(none, Pids, #waiter{pids = Waiting}) -> Pids =:= Waiting;
answers({_Kind, Ref}, _Pids, #waiter{ref = Waiting}) -> Ref =:= Waiting.

%% A call that does not return is complete. Any other has to wait for the event that
%% tells how the process ended, unless a process above it is gone.
closed(Pids, #ledger{waiter = #waiter{pids = Pids, kind = Kind}} = Ledger) when
    Kind =:= exec; Kind =:= exit
->
    wake({notice, Pids}, Ledger);
closed([_ | _] = Pids, #ledger{waiter = #waiter{pids = Waiting}} = Ledger) when
    Pids =/= Waiting
->
    gone_below(Pids, Ledger);
closed(_Pids, Ledger) ->
    {owner, none, Ledger}.

gone_below(Pids, #ledger{waiter = Waiter} = Ledger) ->
    case is_below(Pids, Waiter) of
        true -> wake({notice, Waiter#waiter.pids}, Ledger);
        false -> {owner, none, Ledger}
    end.

stop_below(Pids, #ledger{waiter = Waiter} = Ledger) ->
    case is_below(Pids, Waiter) of
        true -> wake({notice, Pids}, Ledger);
        false -> {owner, none, Ledger}
    end.

stop_at(Pids, #ledger{waiter = #waiter{pids = Pids}} = Ledger) ->
    wake({notice, Pids}, Ledger);
stop_at(_Pids, Ledger) ->
    {owner, none, Ledger}.

wake(Wake, #ledger{waiter = #waiter{ref = Ref}} = Ledger) ->
    {owner, {Ref, Wake}, Ledger#ledger{waiter = none}}.

%% The process itself counts as below.
is_below(_Pids, none) -> false;
is_below(Pids, #waiter{pids = Waiting}) -> lists:prefix(Pids, Waiting).

%%--------------------------------------------------------------------
%% Queues and notices

take(Pids, #ledger{due = Due, execs = Execs} = Ledger) ->
    case Due of
        #{Pids := Queue} ->
            {{value, Call}, Rest} = queue:out(Queue),
            {Call, Ledger#ledger{due = store(Pids, Rest, Due), execs = Execs - execs(Pids, Call)}};
        #{} ->
            {none, Ledger}
    end.

store(Pids, Queue, Due) ->
    case queue:is_empty(Queue) of
        true -> maps:remove(Pids, Due);
        false -> Due#{Pids => Queue}
    end.

%% The newest call did not get through to the process, which is a child. Neither may have calls for
%% processes below it: which of them is not known.
refused(Pids, #ledger{due = Due} = Ledger) ->
    case Due of
        #{Pids := Queue} ->
            {{value, _Call}, Rest} = queue:out_r(Queue),
            Ledger#ledger{due = store(Pids, Rest, Due)};
        #{} ->
            void(Pids, Ledger)
    end.

%% Nothing is to be expected from a process and those below it.
void(_Pids, #ledger{due = Due} = Ledger) when map_size(Due) =:= 0 ->
    Ledger;
void([], Ledger) ->
    Ledger#ledger{due = #{}, execs = 0};
void(Pids, #ledger{due = Due} = Ledger) ->
    Ledger#ledger{due = maps:filter(fun(Key, _) -> not lists:prefix(Pids, Key) end, Due)}.

%% A new process may have the id of one that is gone.
forked({fork, _Ref}, {alcove_call, Parent, {ok, Pid}}, Ledger0) when is_integer(Pid) ->
    Pids = Parent ++ [Pid],
    #ledger{noticed = Noticed} = Ledger = void(Pids, Ledger0),
    Ledger#ledger{noticed = maps:remove(Pids, Noticed)};
forked(_Call, _Message, Ledger) ->
    Ledger.

note(Pids, Ledger) when length(Pids) > ?MAX_DEPTH ->
    Ledger;
note(Pids, #ledger{noticed = Noticed} = Ledger) when map_size(Noticed) < ?MAX_NOTICED ->
    Ledger#ledger{noticed = Noticed#{Pids => []}};
note(Pids, Ledger) ->
    Ledger#ledger{noticed = #{Pids => []}}.

%% Process ids are unsigned on their way back.
key(Pids) ->
    [Pid band 16#ffffffff || Pid <- Pids].

%% @doc The driver: an Erlang process that owns a port program and with it a tree of
%% Unix processes.
%%
%% <h3>Owner</h3>
%% A driver has one owner, fixed when it starts. The owner gets all messages and is the
%% only process that can make calls. A driver ends when its owner ends, linked or not.
%%
%% <h3>Messages</h3>
%% The owner gets `{Tag, Drv, Pids, Term}', where `Pids' is the process that the message
%% is about:
%% <ul>
%% <li>`alcove_stdout', `alcove_stderr': bytes that a process wrote. With `[]' they are
%%   output of a program that has replaced the port process.</li>
%% <li>`alcove_event': `{exit_status, Status}', `{termsig, Signal}',
%%   `{signal, Signal, Info}'.</li>
%% <li>`alcove_ctl': `fdctl_closed' (the process called exec, or ended), `badpid' (there
%%   is no such process), `stdin_closed', `stdout_closed', `stderr_closed' (if asked for
%%   with {@link alcove:setopt/4}), `badframe' (the process wrote bytes that are no
%%   frame; they are dropped).</li>
%% <li>`alcove_pipe': the process does not read; so many bytes of the data were taken.</li>
%% <li>`alcove_call': a reply that no {@link call/5} waits for: to a request sent with
%%   `gen_server:call(Drv, {send, Frame})', to a call whose time was over, or the greeting
%%   of a process that has executed the port program again.</li>
%% </ul>
%%
%% <h3>What a call waits for</h3>
%% A call returns the reply to its own request. Replies of a process come in the order of
%% the requests, so an earlier request, whose call has timed out, cannot be answered in
%% place of a later one: the late reply is an `alcove_call' message.
%%
%% Besides, a call ends with what the owner is told about the process `Pids' while the
%% call waits or was told before and has not received yet, whichever is first in the
%% mailbox. These messages are taken from the mailbox:
%% <ul>
%% <li>`fdctl_closed': `ok' for `execve', `execvp', `fexecve' and `exit', else no end of
%%   the call;</li>
%% <li>any other `alcove_ctl' term: `{alcove_error, Term}';</li>
%% <li>an `alcove_pipe': `{alcove_error, {eagain, Written}}';</li>
%% <li>`{exit_status, _}' or `{termsig, _}': `{alcove_error, Event}', but not for the four
%%   calls above.</li>
%% </ul>
%% A `badpid' or an `alcove_pipe' for a process on the way to `Pids' ends the call as well.
%% Where a process on the way has ended or was replaced the call is
%% `{alcove_error, badpid}', and what tells so stays in the mailbox.
%%
%% The mailbox is searched only when there is something to be found: a call is as fast
%% with many messages waiting as with none. The driver remembers which processes it has
%% sent notices about, up to 4096 of them; an older notice ends a call only once that
%% call gets a notice of its own.
%%
%% <h3>Exec and exit of the port process</h3>
%% When the port process calls exec, the owner gets `{alcove_ctl, Drv, [], fdctl_closed}',
%% and what the new program writes as `{alcove_stdout, Drv, [], Bytes}'. When it ends, the
%% owner gets the same control message, unless it had it before, and the driver stops with
%% `{shutdown, Reason}', where Reason is `normal' or the error of the port. All output
%% comes before that. The status of the Unix process is logged at level `info'.
%%
%% <h3>Supervision</h3>
%% {@link child_spec/1} makes a child specification with a chosen owner.
-module(alcove_drv).

-behaviour(gen_server).

-export([start/0, start/1, start/2]).
-export([start_link/0, start_link/1, start_link/2]).
-export([child_spec/1]).
-export([stop/1]).
-export([call/5]).
-export([stdin/3, stdout/3, stderr/3, event/3]).
-export([raw/1, port/1]).
-export([getopts/1, progname/0]).
%% for alcove_fdctl
-export([path/1]).

-export([
    init/1,
    handle_continue/2,
    handle_call/3,
    handle_cast/2,
    handle_info/2,
    terminate/2,
    code_change/3
]).

-export_type([ref/0, owner/0, option/0, options/0]).

-type ref() :: pid().
%% A driver.

-type owner() :: pid() | atom().
%% The process that uses a driver, or its registered name.

-type option() ::
    {exec, string() | binary()}
    | {progname, string() | binary()}
    | {ctldir, string() | binary()}
    | {maxchild, non_neg_integer()}
    | {depth, non_neg_integer()}
    | {fdctl, string() | binary()}
    | {start_timeout, timeout()}
    | {env, [{string(), string() | false}]}
    | stderr_to_stdout
    | atom()
    | {term(), term()}.
%% `exec': command in front of the program, `"sudo -n"' for instance, split at spaces.
%% `progname': the port program, default {@link progname/0}.
%% `ctldir': directory for the control fifo; default is a private one.
%% `maxchild', `depth', `fdctl': arguments of the program.
%% `start_timeout': milliseconds until the program has to be ready, default 60000.
%% `env', `stderr_to_stdout': options of `open_port/2'.
%% Others are ignored.

-type options() :: [option()].

-type deadline() :: integer() | infinity.

%% What is written to the port: a call that somebody waits for, or frames for processes.
-type request() ::
    {call, reference(), [alcove:pid_t()], 0..65535}
    | {send, gen_server:from() | none, [alcove_codec:target()]}.

-record(state, {
    owner :: pid(),
    %% whether the owner is also the process that the driver was started by and linked to
    linked :: boolean(),
    port :: port(),
    watcher :: pid(),
    %% framed: a control process writes. leaving: the port process has called exec, but
    %% what it wrote before may still come. raw: output of another program.
    mode = framed :: framed | leaving | raw,
    %% whether the control fifo is open
    fdctl = open :: open | closed,
    %% replies that the port process owed when it called exec
    owed = 0 :: non_neg_integer(),
    %% bytes of an incomplete frame
    buffer = <<>> :: binary(),
    %% end of the wait for a verdict on the buffer
    timer = none :: reference() | none,
    ledger = alcove_ledger:new() :: alcove_ledger:ledger(),
    %% writes this request while the port is busy
    writer = none :: {pid(), reference(), request()} | none,
    output = queue:new() :: queue:queue({binary(), request()}),
    %% the port program has closed its stdout, and has ended
    eof = false :: boolean(),
    exited = false :: boolean()
}).

-define(START_TIMEOUT, 60000).
-define(MAX_FRAME, 65535).
-define(MAX_TIMEOUT, 16#ffffffff).

%% What the port process wrote before it called exec is in the pipe when the control fifo
%% is closed, and is read within this time. Milliseconds.
-define(LEAVING, 100).
%% When the port process was told to exec: time for the control fifo to be closed, if its
%% output looks like that of an exec.
-define(VERDICT_GREETING, 50).
-define(VERDICT_OUTPUT, 1000).
%% Time for the exit status to come after the end of output.
-define(STATUS, 100).

%%--------------------------------------------------------------------
%% Start and stop

%% @doc Starts a driver that the caller owns.
-spec start() -> ignore | {error, _} | {ok, pid()}.
start() ->
    start(self(), []).

%% @doc Starts a driver that the caller owns.
-spec start(options()) -> ignore | {error, _} | {ok, pid()}.
start(Options) ->
    start(self(), Options).

%% @doc Starts a driver with this owner. It is not linked to any process, but ends with
%% its owner.
%%
%% If the port program cannot be started the reason is `{badarg, Stack}' (it or the `exec'
%% command does not exist, or an option is bad), `{error, port_init_failed}' (it ended),
%% `timeout' (it is not ready in time), `{function_clause, Stack}' or
%% `{{badmatch, _}, Stack}' (it does not answer as it should), `{ctldir, Posix}' (there is
%% no place for the control fifo), `{noproc, Name}' (no process has the owner's name).
-spec start(owner(), options()) -> ignore | {error, _} | {ok, pid()}.
start(Owner, Options) ->
    gen_server:start(?MODULE, [Owner, Options], []).

%% @doc As {@link start/0}, linked to the caller.
-spec start_link() -> ignore | {error, _} | {ok, pid()}.
start_link() ->
    start_link(self(), []).

%% @doc As {@link start/1}, linked to the caller.
-spec start_link(options()) -> ignore | {error, _} | {ok, pid()}.
start_link(Options) ->
    start_link(self(), Options).

%% @doc As {@link start/2}, linked to the caller, which need not be the owner.
-spec start_link(owner(), options()) -> ignore | {error, _} | {ok, pid()}.
start_link(Owner, Options) ->
    gen_server:start_link(?MODULE, [Owner, Options], []).

%% @doc A child specification for a supervisor. The option `{owner, PidOrName}' has to be
%% there; a name is looked up each time the driver is started. `{id, Id}' is the id of the
%% child, default `alcove_drv'. All other options are those of the driver.
%%
%% The restart type is `transient': a driver whose port program or whose owner has ended
%% is not started again. A supervisor that restarts a named owner should restart the driver
%% with it (`rest_for_one', `one_for_all').
-spec child_spec([{owner, owner()} | {id, term()} | option()]) -> supervisor:child_spec().
child_spec(Options) ->
    case lists:keyfind(owner, 1, Options) of
        {owner, Owner} when is_pid(Owner); is_atom(Owner) ->
            Rest = lists:keydelete(id, 1, lists:keydelete(owner, 1, Options)),
            #{
                id => proplists:get_value(id, Options, ?MODULE),
                start => {?MODULE, start_link, [Owner, Rest]},
                restart => transient,
                shutdown => 5000,
                type => worker,
                modules => [?MODULE]
            };
        _ ->
            erlang:error(badarg, [Options])
    end.

%% @doc Stops a driver. The port process finds its stdin closed and ends, and with it the
%% tree. Any process can stop a driver; one that does not run is no error.
-spec stop(ref()) -> ok.
stop(Drv) ->
    try
        gen_server:call(Drv, stop, infinity)
    catch
        _:_ -> ok
    end.

%%--------------------------------------------------------------------
%% Calls

%% @doc Makes a call in a process and waits for the answer, which is what the process
%% answers, or `{alcove_error, Reason}' where {@link alcove} raises Reason.
%%
%% If the driver ends the caller exits with `{Reason, {gen_server, call, _}}'. A process
%% that is not the owner gets `{error, not_owner}'. Timeout covers the sending as well: a
%% request that has to wait because the port program does not read, and whose time is over
%% meanwhile, is not sent.
-spec call(ref(), [alcove:pid_t()], atom(), list(), timeout()) -> term().
call(Drv, Pids, Command, Argv, Timeout) when
    is_list(Pids),
    is_atom(Command),
    is_list(Argv),
    is_integer(Timeout) orelse Timeout =:= infinity
->
    Number = alcove_proto:call(Command),
    case alcove_codec:request(Number, Pids, Argv) of
        {ok, Frame} ->
            valid_timeout(Timeout) orelse erlang:error(timeout_value),
            request(Drv, Pids, Number, alcove_proto:noreturn(Command), Frame, Timeout);
        {error, badarg} ->
            {alcove_error, badarg}
    end.

valid_timeout(infinity) -> true;
valid_timeout(Timeout) -> Timeout >= 0 andalso Timeout =< ?MAX_TIMEOUT.

%% The driver's messages to the alias: `{Ref, Wake}' (see alcove_ledger), `{Ref, check}'.
%% Messages to the owner that a wake refers to are sent before it, so they are in the
%% mailbox when it comes.
request(Drv, Pids, Number, NoReturn, Frame, Timeout) ->
    Ref = monitor(process, Drv, [{alias, demonitor}]),
    Drv ! {alcove_request, Ref, self(), Pids, Number, Frame},
    receive
        {Ref, {reply, Term}} ->
            true = demonitor(Ref, [flush]),
            reply(Term);
        {Ref, Wake} ->
            woken(Wake, Ref, Drv, Pids, NoReturn, Frame, Timeout);
        {'DOWN', Ref, process, _, Reason} ->
            down(Reason, Drv, Frame)
    after Timeout ->
        expired(Ref, Drv, Pids, NoReturn)
    end.

reply(badarg) -> {alcove_error, badarg};
reply(undef) -> {alcove_error, undef};
reply(Term) -> Term.

-spec down(term(), term(), iodata()) -> no_return().
down(Reason, Drv, Frame) ->
    exit({Reason, {gen_server, call, [Drv, {send, Frame}, infinity]}}).

woken({check, Of}, Ref, Drv, Pids, NoReturn, Frame, Timeout) ->
    case notice(Drv, Of, NoReturn) of
        none ->
            receive
                {Ref, {reply, Term}} ->
                    true = demonitor(Ref, [flush]),
                    reply(Term);
                {Ref, Wake} ->
                    woken(Wake, Ref, Drv, Pids, NoReturn, Frame, Timeout);
                {'DOWN', Ref, process, _, Reason} ->
                    down(Reason, Drv, Frame)
            after Timeout ->
                expired(Ref, Drv, Pids, NoReturn)
            end;
        Error ->
            cancel(Ref, Drv),
            Error
    end;
woken(Wake, Ref, Drv, Pids, NoReturn, _Frame, _Timeout) ->
    true = demonitor(Ref, [flush]),
    outcome(Wake, Drv, Pids, NoReturn).

outcome({reply, Term}, _Drv, _Pids, _NoReturn) ->
    reply(Term);
outcome({notice, Of}, Drv, Pids, NoReturn) when length(Of) =:= length(Pids) ->
    case notice(Drv, Of, NoReturn) of
        none -> {alcove_error, badpid};
        Result -> Result
    end;
outcome({notice, Of}, Drv, _Pids, _NoReturn) ->
    refusal(Drv, Of);
outcome(not_owner, _Drv, _Pids, _NoReturn) ->
    {error, not_owner}.

%% The alias is gone: what the driver says from now on does not arrive, and what it has
%% said is here.
expired(Ref, Drv, Pids, NoReturn) ->
    true = demonitor(Ref, [flush]),
    receive
        {Ref, {check, Of}} ->
            _ = Drv ! {alcove_cancel, Ref},
            case notice(Drv, Of, NoReturn) of
                none -> {alcove_error, timeout};
                Error -> Error
            end;
        {Ref, Wake} ->
            outcome(Wake, Drv, Pids, NoReturn)
    after 0 ->
        _ = Drv ! {alcove_cancel, Ref},
        {alcove_error, timeout}
    end.

cancel(Ref, Drv) ->
    true = demonitor(Ref, [flush]),
    _ = Drv ! {alcove_cancel, Ref},
    flush(Ref).

flush(Ref) ->
    receive
        {Ref, _} -> flush(Ref)
    after 0 -> ok
    end.

%% The first message about a process that ends a call to it.
notice(Drv, Pids, true = _NoReturn) ->
    receive
        {alcove_ctl, Drv, Pids, fdctl_closed} -> ok;
        {alcove_ctl, Drv, Pids, Reason} -> {alcove_error, Reason};
        {alcove_pipe, Drv, Pids, Written} -> {alcove_error, {eagain, Written}}
    after 0 -> none
    end;
notice(Drv, Pids, false = NoReturn) ->
    receive
        {alcove_ctl, Drv, Pids, fdctl_closed} -> notice(Drv, Pids, NoReturn);
        {alcove_ctl, Drv, Pids, Reason} -> {alcove_error, Reason};
        {alcove_pipe, Drv, Pids, Written} -> {alcove_error, {eagain, Written}};
        {alcove_event, Drv, Pids, {termsig, _} = Event} -> {alcove_error, Event};
        {alcove_event, Drv, Pids, {exit_status, _} = Event} -> {alcove_error, Event}
    after 0 -> none
    end.

%% The same for a process on the way to the one that was called.
refusal(Drv, Pids) ->
    receive
        {alcove_ctl, Drv, Pids, badpid} -> {alcove_error, badpid};
        {alcove_pipe, Drv, Pids, Written} -> {alcove_error, {eagain, Written}}
    after 0 -> {alcove_error, badpid}
    end.

%%--------------------------------------------------------------------
%% Streams and events

%% @doc Sends data to the stdin of a process, in one frame of at most 65535 bytes. Any
%% process may do that. It does not wait: what becomes of the data is told to the owner.
%%
%% With `[]' the data goes to the program that has replaced the port process. A port
%% process that has not been replaced would take it for frames: bytes that are none are
%% dropped.
-spec stdin(ref(), [alcove:pid_t()], iodata()) -> ok | {alcove_error, badarg}.
stdin(Drv, Pids, Data) ->
    Size = iolist_size(Data),
    case Size + 8 * length(Pids) =< ?MAX_FRAME of
        true -> gen_server:cast(Drv, {send, iolist_to_binary(alcove_codec:stdin(Pids, Data))});
        false -> {alcove_error, badarg}
    end.

%% @doc The next output of a process; `false' if there is none in time, or none can come
%% because the driver has ended.
-spec stdout(ref(), [alcove:pid_t()], timeout()) ->
    false | binary() | {alcove_error, any()} | {alcove_pipe, {eagain, integer()}}.
stdout(Drv, Pids, Timeout) ->
    message(Drv, alcove_stdout, Pids, Timeout).

%% @doc As {@link stdout/3} for stderr.
-spec stderr(ref(), [alcove:pid_t()], timeout()) ->
    false | binary() | {alcove_error, any()} | {alcove_pipe, {eagain, integer()}}.
stderr(Drv, Pids, Timeout) ->
    message(Drv, alcove_stderr, Pids, Timeout).

%% @doc The next event of a process; `false' if there is none in time, or none can come
%% because the driver has ended.
-spec event(ref(), [alcove:pid_t()], timeout()) -> term().
event(Drv, Pids, Timeout) ->
    message(Drv, alcove_event, Pids, Timeout).

message(Drv, Type, Pids, infinity) ->
    Monitor = monitor(process, Drv),
    Message = message(Drv, Type, Pids, infinity, Monitor),
    true = demonitor(Monitor, [flush]),
    Message;
message(Drv, Type, Pids, Timeout) ->
    message(Drv, Type, Pids, Timeout, none).

message(Drv, Type, Pids, Timeout, Monitor) ->
    receive
        {alcove_ctl, Drv, Pids, fdctl_closed} -> message(Drv, Type, Pids, Timeout, Monitor);
        {alcove_ctl, Drv, Pids, Reason} -> {alcove_error, Reason};
        {alcove_call, Drv, Pids, badarg} -> {alcove_error, badarg};
        {alcove_call, Drv, Pids, undef} -> {alcove_error, undef};
        {alcove_pipe, Drv, Pids, Written} -> {alcove_pipe, {eagain, Written}};
        {Type, Drv, Pids, Term} -> Term;
        {'DOWN', Monitor, process, _, _} -> false
    after Timeout -> false
    end.

%%--------------------------------------------------------------------
%% Port

%% @doc Takes the output of the port process for plain bytes from now on. Only the owner
%% can do that.
-spec raw(ref()) -> ok | {error, not_owner}.
raw(Drv) ->
    gen_server:call(Drv, raw, infinity).

%% @doc The Erlang port of the driver. Only the owner is told.
-spec port(ref()) -> port() | {error, not_owner}.
port(Drv) ->
    gen_server:call(Drv, port, infinity).

%% @doc The command that starts the port program, for a driver with these options or as
%% arguments of a process that executes the port program again.
-spec getopts(options()) -> [string() | [string()]].
getopts(Options) ->
    Switches = lists:append([switch(Option) || Option <- Options]),
    Exec = string:lexemes(path(proplists:get_value(exec, Options, "")), " "),
    Progname = path(proplists:get_value(progname, Options, progname())),
    [Command | Argv] = [Word || Word <- Exec ++ [Progname | Switches], Word =/= ""],
    case os:find_executable(Command) of
        false -> erlang:error(badarg, [Command]);
        Path -> [Path | Argv]
    end.

switch({fdctl, Path}) -> ["-c", path(Path)];
switch({depth, Depth}) -> ["-d", integer_to_list(Depth)];
switch({maxchild, Max}) -> ["-m", integer_to_list(Max)];
switch({_, _}) -> [];
switch(Name) when is_atom(Name) -> switch({Name, true}).

%% @doc The absolute path of the port program.
-spec progname() -> string().
progname() ->
    %% The code path may be relative; what is looked for in PATH must not be.
    filename:absname(filename:join([application_dir(), "priv", "alcove"])).

application_dir() ->
    case code:lib_dir(alcove) of
        {error, bad_name} -> filename:dirname(filename:dirname(code:which(alcove)));
        Directory -> Directory
    end.

%% @private
-spec path(string() | binary()) -> string().
path(Path) when is_list(Path) ->
    Path;
path(Path) when is_binary(Path) ->
    case unicode:characters_to_list(Path) of
        Characters when is_list(Characters) -> Characters;
        _ -> binary_to_list(Path)
    end.

%%--------------------------------------------------------------------
%% gen_server: start

%% @private
-spec init([owner() | options()]) ->
    {ok, #state{}, {continue, [alcove_codec:message()]}} | {stop, term()}.
init([Owner0, Options]) ->
    _ = process_flag(trap_exit, true),
    try
        Owner = owner(Owner0),
        _ = monitor(process, Owner),
        boot(Owner, Options)
    catch
        throw:{stop, Reason} -> {stop, Reason}
    end.

owner(Owner) when is_pid(Owner) ->
    Owner;
owner(Name) when is_atom(Name) ->
    case whereis(Name) of
        undefined -> throw({stop, {noproc, Name}});
        Owner -> Owner
    end.

boot(Owner, Options) ->
    Deadline = deadline(proplists:get_value(start_timeout, Options, ?START_TIMEOUT)),
    case alcove_fdctl:place(Options) of
        {ok, {_Directory, Fifo} = Place} ->
            try
                boot(Owner, Options, Fifo, Deadline)
            after
                alcove_fdctl:remove(Place)
            end;
        {error, Reason} ->
            throw({stop, {ctldir, Reason}})
    end.

boot(Owner, Options, Fifo, Deadline) ->
    Port = open(Fifo, Options),
    {Greeting, Rest0, Early0} = frame(Port, <<>>, [], Deadline),
    {alcove_call, [], ok} = Greeting,
    Watcher = alcove_fdctl:watch(Fifo),
    ok = opened(Port, Watcher, Deadline),
    {ok, Unlink} = alcove_codec:request(alcove_proto:call(unlink), [], [Fifo]),
    true = port_command(Port, Unlink),
    {Reply, Rest, Early} = frame(Port, Rest0, Early0, Deadline),
    {alcove_call, [], Result} = Reply,
    ok = Result,
    {links, Links} = process_info(self(), links),
    State = #state{
        owner = Owner,
        linked = lists:member(Owner, Links),
        port = Port,
        watcher = Watcher,
        buffer = Rest
    },
    {ok, State, {continue, lists:reverse(Early)}}.

%% A call whose reply does not fit a frame answers badarg, instead of ending the process.
%% The original port program takes operands as well, and ignores them.
-define(OPERANDS, ["oversized_badarg"]).

open(Fifo, Options0) ->
    Options = proplists:delete(fdctl, Options0),
    [Command | Argv] = getopts([{fdctl, Fifo} | Options]),
    Passed = [Option || Option <- Options, is_passed(Option)],
    open_port(
        {spawn_executable, Command},
        [{args, Argv ++ ?OPERANDS}, stream, binary, exit_status, eof | Passed]
    ).

is_passed(stderr_to_stdout) -> true;
is_passed({env, _}) -> true;
is_passed(_) -> false.

deadline(infinity) -> infinity;
deadline(Timeout) -> erlang:monotonic_time(millisecond) + Timeout.

-spec remaining(deadline()) -> timeout().
remaining(infinity) -> infinity;
remaining(Deadline) -> max(0, Deadline - erlang:monotonic_time(millisecond)).

%% The next reply of the port process, and messages that came before it. Output that is
%% no frame does not decode and says so.
frame(Port, Bytes, Early, Deadline) ->
    case alcove_codec:unframe(Bytes) of
        {ok, {alcove_call, [], _} = Reply, Rest} ->
            {Reply, Rest, Early};
        {ok, Message, Rest} ->
            frame(Port, Rest, [Message | Early], Deadline);
        {bad, _, _, _} ->
            {alcove_codec:decode(Bytes), <<>>, Early};
        more ->
            case alcove_codec:likely(Bytes) of
                true -> frame(Port, <<Bytes/binary, (data(Port, Deadline))/binary>>, Early, Deadline);
                false -> {alcove_codec:decode(Bytes), <<>>, Early}
            end
    end.

data(Port, Deadline) ->
    Parent = hd(get('$ancestors')),
    receive
        {Port, {data, Data}} -> Data;
        {Port, eof} -> throw({stop, {error, port_init_failed}});
        {'EXIT', Port, normal} -> throw({stop, {error, port_init_failed}});
        {'EXIT', Port, Reason} -> throw({stop, {error, Reason}});
        {'EXIT', Parent, Reason} -> throw({stop, Reason})
    after remaining(Deadline) -> throw({stop, timeout})
    end.

opened(Port, Watcher, Deadline) ->
    receive
        {fdctl, Watcher, open} -> ok;
        {fdctl, Watcher, Error} -> Error;
        {'EXIT', Watcher, Reason} -> throw({stop, {error, Reason}});
        {Port, eof} -> throw({stop, {error, port_init_failed}});
        {'EXIT', Port, _} -> throw({stop, {error, port_init_failed}})
    after remaining(Deadline) -> throw({stop, timeout})
    end.

%% @private
-spec handle_continue([alcove_codec:message()], #state{}) -> {noreply, #state{}}.
handle_continue(Early, State0) ->
    State = lists:foldl(fun deliver/2, State0, Early),
    {noreply, parse(State)}.

%%--------------------------------------------------------------------
%% gen_server: requests

%% @private
-spec handle_call(term(), gen_server:from(), #state{}) ->
    {reply, term(), #state{}} | {noreply, #state{}} | {stop, normal, ok, #state{}}.
handle_call(stop, _From, State) ->
    {stop, normal, ok, State};
handle_call(Request, {Pid, _} = From, #state{owner = Pid} = State) ->
    owner_call(Request, From, State);
handle_call(_Request, _From, State) ->
    {reply, {error, not_owner}, State}.

owner_call({send, Data}, From, State) ->
    case checked(Data, State) of
        {ok, Bytes, Targets} -> {noreply, write(Bytes, {send, From, Targets}, State)};
        error -> {reply, {alcove_error, badarg}, State}
    end;
owner_call(raw, _From, State) ->
    {reply, ok, enter_raw(State)};
owner_call(port, _From, #state{port = Port} = State) ->
    {reply, Port, State};
owner_call(_Request, _From, State) ->
    {reply, {error, enotsup}, State}.

%% @private
-spec handle_cast(term(), #state{}) -> {noreply, #state{}}.
handle_cast({send, Data}, State) ->
    case checked(Data, State) of
        {ok, Bytes, Targets} ->
            {noreply, write(Bytes, {send, none, Targets}, State)};
        error ->
            logger:warning("~p: dropped data for the port process that is no frame", [?MODULE]),
            {noreply, State}
    end;
handle_cast(_Request, State) ->
    {noreply, State}.

%% Anything may be written to another program. To a control process only frames: it ends
%% at anything else.
checked(Data, State) ->
    try iolist_to_binary(Data) of
        Bytes ->
            case {alcove_codec:targets(Bytes), is_framed(State)} of
                {{ok, Targets}, true} -> {ok, Bytes, Targets};
                {error, true} -> error;
                {_, false} -> {ok, Bytes, []}
            end
    catch
        error:badarg -> error
    end.

is_framed(#state{mode = framed, ledger = Ledger}) -> not alcove_ledger:exec_due(Ledger);
is_framed(_State) -> false.

%%--------------------------------------------------------------------
%% gen_server: messages

%% @private
-spec handle_info(term(), #state{}) -> {noreply, #state{}} | {stop, term(), #state{}}.
handle_info({alcove_request, Ref, Owner, Pids, Number, Frame}, #state{owner = Owner} = State) ->
    #state{ledger = Ledger0} = Next = write(Frame, {call, Ref, Pids, Number}, State),
    {Check, Ledger} = alcove_ledger:wait(Ref, Pids, Number, Ledger0),
    _ = Check =:= ok orelse (Ref ! {Ref, Check}),
    {noreply, Next#state{ledger = Ledger}};
handle_info({Port, {data, Data}}, #state{port = Port, mode = raw, owner = Owner} = State) ->
    Owner ! {alcove_stdout, self(), [], Data},
    {noreply, State};
handle_info({Port, {data, Data}}, #state{port = Port, buffer = <<>>} = State) ->
    {noreply, parse(State#state{buffer = Data})};
handle_info({Port, {data, Data}}, #state{port = Port, buffer = Buffer} = State) ->
    {noreply, parse(State#state{buffer = <<Buffer/binary, Data/binary>>})};
handle_info({alcove_cancel, Ref}, #state{ledger = Ledger0} = State) ->
    {Late, Ledger} = alcove_ledger:cancel(Ref, Ledger0),
    ok = late(Late, State),
    {noreply, withdraw(Ref, State#state{ledger = Ledger})};
handle_info({alcove_request, Ref, _Pid, _Pids, _Number, _Frame}, State) ->
    Ref ! {Ref, not_owner},
    {noreply, State};
handle_info({fdctl, Watcher, closed}, #state{watcher = Watcher} = State) ->
    {noreply, closed(State)};
handle_info({'DOWN', Monitor, process, _, _}, #state{writer = {_, Monitor, Request}} = State) ->
    ok = accepted(Request),
    {noreply, drain(State#state{writer = none})};
handle_info({Port, eof}, #state{port = Port} = State) ->
    _ = erlang:start_timer(?STATUS, self(), status),
    ended(finish(State#state{eof = true}));
handle_info({Port, {exit_status, Status}}, #state{port = Port} = State) ->
    logger:info("~p: port process ended with status ~p", [?MODULE, Status]),
    ended(State#state{exited = true});
handle_info({timeout, _Timer, status}, State) ->
    ended(State#state{exited = true});
handle_info({'EXIT', Port, Reason}, #state{port = Port} = State) ->
    {stop, {shutdown, Reason}, finish(State)};
handle_info({timeout, Timer, verdict}, #state{timer = Timer} = State) ->
    {noreply, overdue(State#state{timer = none})};
handle_info({timeout, _Timer, verdict}, State) ->
    {noreply, State};
handle_info({'EXIT', Watcher, _Reason}, #state{watcher = Watcher} = State) ->
    {noreply, closed(State)};
handle_info({'DOWN', _, process, Owner, Reason}, #state{owner = Owner} = State) ->
    case State of
        #state{linked = true} -> {stop, Reason, State};
        _ -> {stop, {shutdown, {owner, Reason}}, State}
    end;
handle_info(Message, State) ->
    error_logger:error_report([{wtf, Message}]),
    {noreply, State}.

%% @private
-spec terminate(term(), #state{}) -> ok.
terminate(_Reason, #state{port = Port, watcher = Watcher}) ->
    close(Port),
    alcove_fdctl:unwatch(Watcher).

close(Port) ->
    try
        true = port_close(Port),
        ok
    catch
        error:badarg -> ok
    end.

%% @private
-spec code_change(term(), #state{}, term()) -> {ok, #state{}}.
code_change(_OldVersion, State, _Extra) ->
    {ok, State}.

ended(#state{eof = true, exited = true} = State) -> {stop, {shutdown, normal}, State};
ended(State) -> {noreply, State}.

late(none, _State) ->
    ok;
late({late, {Type, Pids, Term}}, #state{owner = Owner}) ->
    Owner ! {Type, self(), Pids, Term},
    ok.

%%--------------------------------------------------------------------
%% Output of the port process

%% Takes frames off the buffer. While the port process may call exec at any time, or has
%% done so, bytes that are no frame from it are output of the new program.
parse(#state{mode = raw} = State) ->
    State;
parse(#state{buffer = Buffer, mode = Mode} = State) ->
    case alcove_codec:unframe(Buffer) of
        {ok, Message, Rest} ->
            case is_expected(Message, State) of
                true -> parse(deliver(Message, paid(Message, State#state{buffer = Rest})));
                false when Mode =:= leaving -> enter_raw(State);
                false -> undecided(?VERDICT_GREETING, State)
            end;
        {bad, Type, Pids, Rest} ->
            bad({bad, Type, Pids}, Rest, State);
        more ->
            partial(alcove_codec:likely(Buffer), State)
    end.

%% The port program started again as a program of its own greets as well. It has kept the
%% control fifo open if the greeting is meant for the driver.
is_expected({alcove_call, [], _}, #state{mode = leaving, owed = Owed}) ->
    Owed > 0;
is_expected({alcove_call, [], ok}, #state{mode = framed, ledger = Ledger}) ->
    not alcove_ledger:exec_due(Ledger) orelse alcove_ledger:before_exec(Ledger) > 0;
is_expected(_Message, _State) ->
    true.

paid({alcove_call, [], _}, #state{owed = Owed} = State) when Owed > 0 ->
    State#state{owed = Owed - 1};
paid(_Message, State) ->
    State.

bad(_Frame, _Rest, #state{mode = leaving} = State) ->
    enter_raw(State);
bad({bad, _, Pids} = Frame, Rest, #state{ledger = Ledger} = State) ->
    case Pids =:= [] andalso alcove_ledger:exec_due(Ledger) of
        true -> undecided(?VERDICT_OUTPUT, State);
        false -> parse(malformed(Frame, State#state{buffer = Rest}))
    end.

partial(true, State) ->
    State;
partial(false, #state{mode = leaving} = State) ->
    enter_raw(State);
partial(false, #state{ledger = Ledger} = State) ->
    case alcove_ledger:exec_due(Ledger) of
        true -> undecided(?VERDICT_OUTPUT, State);
        false -> State
    end.

undecided(Timeout, #state{timer = none} = State) ->
    State#state{timer = erlang:start_timer(Timeout, self(), verdict)};
undecided(_Timeout, State) ->
    State.

%% There was no verdict. What looks like a frame is one; anything else is output.
overdue(#state{mode = leaving} = State) ->
    enter_raw(State);
overdue(#state{mode = framed, buffer = Buffer} = State) ->
    case alcove_codec:unframe(Buffer) of
        {ok, Message, Rest} -> parse(deliver(Message, State#state{buffer = Rest}));
        _ -> enter_raw(closed(State))
    end;
overdue(State) ->
    State.

%% Fast path: output, which ends no call.
deliver({Type, Pids, Data}, #state{owner = Owner} = State) when
    Type =:= alcove_stdout; Type =:= alcove_stderr
->
    Owner ! {Type, self(), Pids, Data},
    State;
deliver({Type, Pids, Term} = Message, #state{owner = Owner, ledger = Ledger0} = State) ->
    {To, Wake, Ledger} = alcove_ledger:received(Message, Ledger0),
    _ = To =:= waiter orelse (Owner ! {Type, self(), Pids, Term}),
    ok = wake(Wake),
    State#state{ledger = Ledger}.

malformed({bad, _, Pids} = Frame, #state{owner = Owner, ledger = Ledger0} = State) ->
    {owner, Wake, Ledger} = alcove_ledger:received(Frame, Ledger0),
    Owner ! {alcove_ctl, self(), Pids, badframe},
    ok = wake(Wake),
    State#state{ledger = Ledger}.

wake(none) ->
    ok;
wake({Ref, Wake}) ->
    Ref ! {Ref, Wake},
    ok.

%% The control fifo is closed: the port process has called exec, or has ended.
closed(#state{fdctl = closed} = State) ->
    State;
closed(#state{mode = Mode, ledger = Ledger} = State) ->
    Owed = alcove_ledger:before_exec(Ledger),
    Next = deliver({alcove_ctl, [], fdctl_closed}, State#state{fdctl = closed, owed = Owed}),
    case Mode of
        framed -> parse(undecided(?LEAVING, cancel_timer(Next#state{mode = leaving})));
        raw -> Next
    end.

enter_raw(#state{buffer = Buffer, owner = Owner} = State) ->
    _ = Buffer =:= <<>> orelse (Owner ! {alcove_stdout, self(), [], Buffer}),
    cancel_timer(State#state{mode = raw, buffer = <<>>}).

cancel_timer(#state{timer = none} = State) ->
    State;
cancel_timer(#state{timer = Timer} = State) ->
    _ = erlang:cancel_timer(Timer),
    State#state{timer = none}.

%% No more output. An incomplete frame is worth nothing, unless it is output of a program
%% that the port process was replaced with.
finish(#state{mode = framed, ledger = Ledger} = State) ->
    case alcove_ledger:exec_due(Ledger) of
        true -> finish(closed(State));
        false -> finish(closed(State#state{buffer = <<>>}))
    end;
finish(#state{mode = leaving} = State) ->
    enter_raw(State);
finish(State) ->
    closed(State).

%%--------------------------------------------------------------------
%% Input of the port process

%% A busy port would suspend the driver. So another process waits in its place, and what
%% comes meanwhile is queued.
write(_Bytes, _Request, #state{eof = true} = State) ->
    State;
write(Bytes, Request, #state{writer = none, port = Port} = State) ->
    try erlang:port_command(Port, Bytes, [nosuspend]) of
        true ->
            ok = accepted(Request),
            booked(Request, State);
        false ->
            booked(Request, State#state{writer = writer(Bytes, Request, Port)})
    catch
        %% the port has closed, its exit is on the way
        error:badarg -> State
    end;
write(Bytes, Request, #state{output = Output} = State) ->
    State#state{output = queue:in({Bytes, Request}, Output)}.

writer(Bytes, Request, Port) ->
    {Writer, Monitor} = spawn_monitor(fun() ->
        try
            true = port_command(Port, Bytes)
        catch
            error:badarg -> ok
        end
    end),
    {Writer, Monitor, Request}.

drain(#state{output = Output} = State) ->
    case queue:out(Output) of
        {{value, {Bytes, Request}}, Rest} ->
            Next = write(Bytes, Request, State#state{output = Rest}),
            case Next of
                #state{writer = none} -> drain(Next);
                _ -> Next
            end;
        {empty, _} ->
            State
    end.

%% Books a request that is on its way. Its reply can only be read after that.
booked({call, Ref, Pids, Number}, #state{ledger = Ledger} = State) ->
    State#state{ledger = alcove_ledger:sent(Ref, Pids, Number, Ledger)};
booked({send, _From, Targets}, #state{ledger = Ledger0} = State) ->
    Calls = [{Pids, Number} || {Pids, {call, Number}} <- Targets],
    Ledger = lists:foldl(
        fun({Pids, Number}, Acc) -> alcove_ledger:sent(none, Pids, Number, Acc) end,
        Ledger0,
        Calls
    ),
    State#state{ledger = Ledger}.

accepted({send, {_, _} = From, _Targets}) -> gen_server:reply(From, ok);
accepted(_Request) -> ok.

%% A request that nobody waits for and that is not sent yet is not sent at all.
withdraw(Ref, #state{output = Output} = State) ->
    Keep = fun
        ({_, {call, R, _, _}}) -> R =/= Ref;
        (_) -> true
    end,
    State#state{output = queue:filter(Keep, Output)}.

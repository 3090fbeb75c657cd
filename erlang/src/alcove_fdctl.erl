%% @private
%% @doc The control fifo of a port program.
%%
%% The port program makes the fifo, keeps it open for writing, close-on-exec, and never
%% writes to it: the end of file at the reading end tells that the program was replaced
%% or has ended.
%%
%% A process of its own reads the fifo. It waits for the end of file in an Erlang port,
%% so that no thread of the VM is held; only the opening itself may block, if the VM may
%% not write to the fifo and the port program ends in that moment.
-module(alcove_fdctl).

-export([place/1, remove/1, watch/1, unwatch/1]).

-include_lib("kernel/include/file.hrl").

-export_type([place/0]).

-type place() :: {Directory :: file:filename() | given, Fifo :: file:filename()}.
%% The path of a fifo, in a private directory or in one that the caller has given.

-define(CLOSE_TIMEOUT, 5000).

%% @doc Finds a place for the fifo. Unless there is an option `ctldir', a directory is
%% made, which is to be removed as soon as the fifo is gone.
%%
%% Nobody else can enter the directory. If the port program is started by another one
%% (option `exec'), it may run as any user: then the directory is a place where everybody
%% can put things, but not list, take or replace what others have put there.
-spec place(proplists:proplist()) -> {ok, place()} | {error, file:posix()}.
place(Options) ->
    case proplists:get_value(ctldir, Options) of
        undefined -> private(bases(), mode(Options), {error, enoent});
        Directory -> {ok, {given, fifo(alcove_drv:path(Directory))}}
    end.

%% @doc Removes the private directory with all that is in it.
-spec remove(place()) -> ok.
remove({given, Fifo}) ->
    _ = file:delete(Fifo),
    ok;
remove({Directory, _Fifo}) ->
    _ = file:del_dir_r(Directory),
    ok.

private([], _Mode, Error) ->
    Error;
private([Base | Bases], Mode, _Error) ->
    Directory = filename:join(Base, "alcove-" ++ unique()),
    case file:make_dir(Directory) of
        ok ->
            ok = file:change_mode(Directory, Mode),
            {ok, {Directory, fifo(Directory)}};
        {error, _} = Error ->
            private(Bases, Mode, Error)
    end.

bases() ->
    Temporary =
        case os:getenv("TMPDIR", "") of
            "/" ++ _ = Directory -> [Directory];
            _ -> []
        end,
    Temporary ++ ["/tmp", filename:dirname(alcove_drv:progname())].

mode(Options) ->
    case proplists:get_value(exec, Options, "") of
        Exec when Exec =:= ""; Exec =:= <<>> -> 8#0700;
        _ -> 8#1733
    end.

fifo(Directory) ->
    filename:join(Directory, "fdctl." ++ unique()).

unique() ->
    integer_to_list(rand:uniform(1 bsl 64)).

%% @doc Starts a process that sends `{fdctl, Watcher, open}' to the caller when the fifo
%% is open, and `{fdctl, Watcher, closed}' at end of file. If the fifo cannot be opened,
%% `{fdctl, Watcher, Error}' is sent instead. The process ends with the caller.
-spec watch(file:filename()) -> pid().
watch(Fifo) ->
    Caller = self(),
    spawn_link(fun() -> watch(Fifo, Caller) end).

%% @doc Ends a watcher. The descriptor is closed afterwards.
-spec unwatch(pid()) -> ok.
unwatch(Watcher) ->
    Monitor = monitor(process, Watcher),
    true = exit(Watcher, shutdown),
    receive
        {'DOWN', Monitor, process, Watcher, _} -> ok
    after ?CLOSE_TIMEOUT ->
        true = demonitor(Monitor, [flush]),
        ok
    end.

watch(Fifo, Caller) ->
    true = process_flag(trap_exit, true) =:= false,
    case open(Fifo) of
        {ok, Fd} ->
            <<Number:32/native>> = prim_file:get_handle(Fd),
            Port = open_port({fd, Number, Number}, [in, eof, binary]),
            Caller ! {fdctl, self(), open},
            wait(Port, Caller),
            %% the port first: it must not wait for a descriptor that is closed
            close(Port),
            ok = file:close(Fd);
        Error ->
            Caller ! {fdctl, self(), Error},
            ok
    end.

wait(Port, Caller) ->
    receive
        {Port, eof} ->
            Caller ! {fdctl, self(), closed},
            ok;
        {Port, {data, _}} ->
            wait(Port, Caller);
        {'EXIT', _, _} ->
            ok
    end.

close(Port) ->
    try
        true = port_close(Port),
        ok
    catch
        error:badarg -> ok
    end.

%% Opening a fifo for reading waits for a writer. If the VM may write, it is the writer
%% for that moment.
open(Fifo) ->
    case file:read_file_info(Fifo, [raw]) of
        {ok, #file_info{type = other}} -> open_fifo(Fifo);
        {ok, _} -> {error, einval};
        {error, _} = Error -> Error
    end.

open_fifo(Fifo) ->
    case file:open(Fifo, [read, write, raw]) of
        {ok, Writer} ->
            Reader = file:open(Fifo, [read, raw, binary]),
            ok = file:close(Writer),
            Reader;
        {error, _} ->
            file:open(Fifo, [read, raw, binary])
    end.

%% @doc A shell for everybody who connects, each in a sandbox of its own.
%%
%% Every connection has a driver, namespaces, a root with nothing but busybox in it,
%% limits, and a seccomp filter. What the client does not read the shell cannot write,
%% and what the shell does not read the client cannot send: nothing piles up in the VM.
%%
%% ```
%% 1> {ok, Server, Port} = alcove_shell_server:start([{port, 31337}]).
%% $ nc 127.0.0.1 31337
%% / $ ps
%% PID   USER     TIME  COMMAND
%% '''
-module(alcove_shell_server).

-export([start/0, start/1, stop/1]).

-define(BUSYBOX, "/bin/busybox").
-define(LIMITS, [{rlimit_nproc, 16}, {rlimit_nofile, 32}, {rlimit_as, 64 * 1024 * 1024},
                 {rlimit_fsize, 65536}, {rlimit_cpu, 60}, {rlimit_core, 0}]).
%% What a shell does not need and what has been used to get out of a sandbox.
-define(REFUSED, [sys_mount, sys_umount2, sys_pivot_root, sys_chroot, sys_setns, sys_unshare,
                  sys_ptrace, sys_process_vm_readv, sys_process_vm_writev, sys_kexec_load,
                  sys_init_module, sys_delete_module, sys_add_key, sys_request_key, sys_keyctl,
                  sys_perf_event_open, sys_open_by_handle_at, sys_personality, sys_swapon,
                  sys_swapoff, sys_reboot, sys_acct, sys_quotactl, sys_settimeofday]).
%% The driver's own processes need no more than this once the shell runs.
-define(ALLOWED, [getpid, setcpid]).

%% Milliseconds until input that the shell did not take is offered again.
-define(AGAIN, 50).

-record(connection, {
    socket :: gen_tcp:socket(),
    server :: reference(),
    drv :: alcove_drv:ref(),
    %% the first process of the namespaces, and the shell, a child of it
    init :: [alcove:pid_t()],
    shell :: [alcove:pid_t()],
    %% input that the shell has not taken
    unsent = <<>> :: binary()
}).

%% @doc As {@link start/1} with the default port, 31337.
start() ->
    start([]).

%% @doc Listens on the loopback interface, `{port, 0}' for any free port. The server is
%% linked to the caller.
-spec start([{port, inet:port_number()}]) -> {ok, pid(), inet:port_number()} | {error, inet:posix()}.
start(Options) ->
    Number = proplists:get_value(port, Options, 31337),
    case gen_tcp:listen(Number, [binary, {ip, loopback}, {active, false}, {reuseaddr, true},
                                 {send_timeout, 30000}, {send_timeout_close, true}]) of
        {ok, Listener} ->
            Server = spawn_link(fun() -> receive go -> accept(Listener) end end),
            ok = gen_tcp:controlling_process(Listener, Server),
            {ok, Bound} = inet:port(Listener),
            Server ! go,
            {ok, Server, Bound};
        {error, Reason} ->
            {error, Reason}
    end.

%% @doc Ends the server, its connections and their shells.
stop(Server) ->
    true = unlink(Server),
    true = exit(Server, shutdown),
    ok.

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Server = self(),
    Pid = spawn(fun() -> receive go -> serve(Server, Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener).

serve(Server, Socket) ->
    process_flag(trap_exit, true),
    Ref = monitor(process, Server),
    case alcove_sandbox:start() of
        {ok, Drv} ->
            {Init, Shell} = shell(Drv),
            ok = inet:setopts(Socket, [{active, once}]),
            relay(#connection{socket = Socket, server = Ref, drv = Drv, init = Init, shell = Shell}),
            alcove_drv:stop(Drv);
        {error, Reason} ->
            gen_tcp:send(Socket, io_lib:format("no shell: ~0p~n", [Reason]))
    end,
    gen_tcp:close(Socket).

shell(Drv) ->
    Init = alcove_sandbox:namespaces(Drv, []),
    ok = alcove_sandbox:private_mounts(Drv, Init),
    ok = alcove_sandbox:empty_root(Drv, Init),
    ok = alcove_sandbox:program(Drv, Init, ?BUSYBOX, "busybox"),
    ok = alcove_sandbox:null(Drv, Init),
    ok = alcove_sandbox:directory(Drv, Init, "tmp", 8#1777),
    ok = alcove_sandbox:proc(Drv, Init),
    ok = alcove_sandbox:pivot_root(Drv, Init),
    ok = alcove:sethostname(Drv, Init, "alcove"),
    ok = alcove:setproctitle(Drv, Init, "init"),
    {ok, Pid} = alcove:fork(Drv, Init),
    Shell = Init ++ [Pid],
    ok = alcove_sandbox:limits(Drv, Shell, ?LIMITS),
    _Id = alcove_sandbox:drop_privileges(Drv, Shell),
    ok = alcove_sandbox:refuse(Drv, Shell, ?REFUSED),
    %% One message of output, then wait until it has been passed on.
    true = alcove:setcpid(Drv, Init, Pid, flowcontrol, 1),
    ok = alcove:execve(Drv, Shell, "/busybox", ["sh", "-i"], ["HOME=/tmp", "PATH=/", "PS1=\\w \\$ "]),
    Filter = alcove:filter({allow, ?ALLOWED}),
    ok = alcove:filter(Drv, Init, Filter),
    ok = alcove:filter(Drv, [], Filter),
    {Init, Shell}.

relay(#connection{socket = Socket, server = Server, drv = Drv, init = Init, shell = Shell} = Connection) ->
    receive
        {tcp, Socket, Data} ->
            relay(input(Data, Connection));
        again ->
            relay(input(Connection#connection.unsent, Connection));
        {Tag, Drv, Shell, Data} when Tag =:= alcove_stdout; Tag =:= alcove_stderr ->
            case gen_tcp:send(Socket, Data) of
                ok ->
                    true = alcove:setcpid(Drv, Init, lists:last(Shell), flowcontrol, 1),
                    relay(Connection);
                {error, _} ->
                    ok
            end;
        {alcove_event, Drv, Shell, _Ended} -> ok;
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _Reason} -> ok;
        {'EXIT', Drv, _Reason} -> ok;
        {'DOWN', Server, process, _, _} -> ok;
        {alcove_event, Drv, _Pids, _Signal} -> relay(Connection);
        {alcove_ctl, Drv, _Pids, _Reason} -> relay(Connection)
    end.

%% The answer of the call comes after what is to be told about the input. If the shell
%% took part of it the client has to wait: it is not read from until the rest is gone.
input(Data, #connection{socket = Socket, drv = Drv, init = Init, shell = Shell} = Connection) ->
    ok = alcove:stdin(Drv, Shell, Data),
    _ = alcove:getpid(Drv, Init),
    receive
        {alcove_pipe, Drv, Shell, Taken} ->
            _ = erlang:send_after(?AGAIN, self(), again),
            Connection#connection{unsent = binary:part(Data, Taken, byte_size(Data) - Taken)}
    after 0 ->
        ok = inet:setopts(Socket, [{active, once}]),
        Connection#connection{unsent = <<>>}
    end.

%% @doc A program alone in a file system: it sees itself and nothing else, cannot write,
%% cannot start another, and has no rights.
%%
%% ```
%% 1> {ok, Drv} = alcove_chroot:start().
%% 2> Cat = alcove_chroot:sandbox(Drv, ["cat"]).
%% 3> alcove:stdin(Drv, Cat, "meow\n").
%% 4> alcove:stdout(Drv, Cat, 1000).
%% [<<"meow\n">>]
%% 5> alcove:eof(Drv, Cat).
%% 6> alcove:event(Drv, Cat, 1000).
%% {exit_status,0}
%% 7> alcove_drv:stop(Drv).
%% '''
-module(alcove_chroot).

-export([start/0, sandbox/1, sandbox/2]).

%% Has to be static: there will be no shared libraries.
-define(BUSYBOX, "/bin/busybox").

%% @doc A driver for {@link sandbox/2}.
start() ->
    alcove_sandbox:start().

%% @doc `cat' in a sandbox.
sandbox(Drv) ->
    sandbox(Drv, ["cat"]).

%% @doc An applet of busybox with its arguments in a sandbox. The pipeline of the program.
sandbox(Drv, Argv) ->
    {ok, Pid} = alcove:clone(Drv, [], [clone_newns]),
    Sandbox = [Pid],
    ok = alcove_sandbox:private_mounts(Drv, Sandbox),
    ok = alcove_sandbox:empty_root(Drv, Sandbox),
    ok = alcove_sandbox:program(Drv, Sandbox, ?BUSYBOX, "busybox"),
    ok = alcove_sandbox:change_root(Drv, Sandbox),
    ok = alcove_sandbox:limits(Drv, Sandbox, [{rlimit_fsize, 0}, {rlimit_nofile, 16},
                                              {rlimit_nproc, 1}, {rlimit_core, 0}]),
    _Id = alcove_sandbox:drop_privileges(Drv, Sandbox),
    ok = alcove:execve(Drv, Sandbox, "/busybox", Argv, ["HOME=/"]),
    Sandbox.

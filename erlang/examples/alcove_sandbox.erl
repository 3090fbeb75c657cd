%% @doc Steps that the examples share: what is done to a control process before it
%% becomes a program that is not trusted.
%%
%% All of them work on one process, named by its pipeline. Where the system refuses they
%% raise `{badmatch, {error, Posix}}', and the process should not be used any further.
-module(alcove_sandbox).

-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").

-export([start/0, namespaces/2, private_mounts/2, empty_root/2, program/4, directory/4, null/2, proc/2,
         change_root/2, pivot_root/2, limits/3, refuse/3, drop_privileges/2]).

%% Where the new root is put together. The directory exists everywhere, and is covered
%% only in the mount namespace of the process.
-define(ROOT, "/mnt").

%% Programs get an id from here on, which no account has.
-define(FIRST_ID, 16#f0000000).
-define(IDS, 16#ffff).

-define(EPERM, 1).

%% @doc A driver with the rights of root, linked to the calling process, which owns it.
%% Where the VM is not root's it goes through sudo.
-spec start() -> {ok, alcove_drv:ref()} | {error, term()}.
start() ->
    Exec =
        case os:cmd("id -u") of
            "0\n" -> "";
            _ -> "sudo -n"
        end,
    case alcove_drv:start_link([{exec, Exec}]) of
        {ok, Drv} -> {ok, Drv};
        {error, Reason} -> {error, Reason}
    end.

%% @doc A child of the process, the first one of new ipc, mount, network, pid and uts
%% namespaces. Its pipeline.
namespaces(Drv, Pids) ->
    {ok, Pid} = alcove:clone(Drv, Pids, [clone_newipc, clone_newnet, clone_newns, clone_newpid,
                                         clone_newuts]),
    Pids ++ [Pid].

%% @doc Mounts and unmounts of the process are not seen outside from now on. It must have
%% a mount namespace of its own.
private_mounts(Drv, Pids) ->
    ok = alcove:mount(Drv, Pids, "none", "/", "", [ms_rec, ms_private], "", "").

%% @doc An empty file system in memory for the new root, 1 MiB at most.
empty_root(Drv, Pids) ->
    ok = alcove:mount(Drv, Pids, "tmpfs", ?ROOT, "tmpfs", [ms_nosuid, ms_nodev],
                      <<"size=1M,mode=755", 0>>, "").

%% @doc A program of the host appears, read-only, under a name in the new root. Nothing is
%% copied.
program(Drv, Pids, Source, Name) ->
    ok = bind(Drv, Pids, Source, in_root(Name)),
    ok = alcove:mount(Drv, Pids, "none", in_root(Name), "",
                      [ms_remount, ms_bind, ms_rdonly, ms_nosuid, ms_nodev], "", "").

%% @doc The one device that shells cannot do without.
null(Drv, Pids) ->
    ok = directory(Drv, Pids, "dev", 8#755),
    ok = bind(Drv, Pids, "/dev/null", in_root("dev/null")).

%% A file is mounted on a file.
bind(Drv, Pids, Source, Target) ->
    {ok, Fd} = alcove:open(Drv, Pids, Target, [o_wronly, o_creat, o_excl], 8#755),
    ok = alcove:close(Drv, Pids, Fd),
    ok = alcove:mount(Drv, Pids, Source, Target, "", [ms_bind], "", "").

%% @doc A directory in the new root, whatever the umask is.
directory(Drv, Pids, Name, Mode) ->
    ok = alcove:mkdir(Drv, Pids, in_root(Name), Mode),
    ok = alcove:chmod(Drv, Pids, in_root(Name), Mode).

%% @doc The processes of the pid namespace, under `/proc' in the new root.
proc(Drv, Pids) ->
    directory(Drv, Pids, "proc", 8#555),
    ok = alcove:mount(Drv, Pids, "proc", in_root("proc"), "proc",
                      [ms_nosuid, ms_nodev, ms_noexec, ms_rdonly], "", "").

in_root(Name) ->
    [?ROOT, "/", Name].

%% @doc The process, and what it starts, sees the new root only. The old one is hidden;
%% who is root in the process finds a way out.
change_root(Drv, Pids) ->
    ok = alcove:chroot(Drv, Pids, ?ROOT),
    ok = alcove:chdir(Drv, Pids, "/").

%% @doc As {@link change_root/2}, and the old root is gone from the mount namespace: there
%% is nothing to get out to.
pivot_root(Drv, Pids) ->
    ok = alcove:chdir(Drv, Pids, ?ROOT),
    ok = alcove:pivot_root(Drv, Pids, ".", "."),
    ok = alcove:umount2(Drv, Pids, ".", [mnt_detach]),
    ok = alcove:chdir(Drv, Pids, "/").

%% @doc Limits, soft and hard: `[{rlimit_nofile, 16}]'.
limits(Drv, Pids, Limits) ->
    [ok = alcove:setrlimit(Drv, Pids, Resource, #alcove_rlimit{cur = Limit, max = Limit})
     || {Resource, Limit} <- Limits],
    ok.

%% @doc System calls that fail with `EPERM' from now on, in the process and in all it
%% becomes and starts: `[sys_ptrace, sys_mount]'. Names the architecture does not have are
%% left out.
refuse(Drv, Pids, Syscalls) ->
    Numbers = [Number || Name <- Syscalls,
                         Number <- [alcove:syscall_constant(Drv, Pids, Name)],
                         is_integer(Number)],
    Refusal = ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ERRNO + ?EPERM),
    Filter = iolist_to_binary(
        [?VALIDATE_ARCHITECTURE(alcove:define(Drv, Pids, alcove:audit_arch())),
         ?EXAMINE_SYSCALL,
         [[?BPF_JUMP(?BPF_JMP + ?BPF_JEQ + ?BPF_K, Number, 0, 1), Refusal] || Number <- Numbers],
         ?BPF_STMT(?BPF_RET + ?BPF_K, ?SECCOMP_RET_ALLOW)]),
    %% struct sock_fprog: a short number of instructions, and a pointer to them.
    Program = [<<(byte_size(Filter) div 8):16/native>>, <<0:(alcove:wordalign(2) * 8)>>, {ptr, Filter}],
    {ok, _, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_no_new_privs, 1, 0, 0, 0),
    {ok, _, _, _, _, _} = alcove:prctl(Drv, Pids, pr_set_seccomp, seccomp_mode_filter, Program, 0, 0),
    ok.

%% @doc Takes all groups, the group and the user from the process, in this order: without
%% the user's rights the others could not be changed any more. The new id is returned.
drop_privileges(Drv, Pids) ->
    Id = ?FIRST_ID + rand:uniform(?IDS),
    ok = alcove:setgroups(Drv, Pids, []),
    ok = alcove:setresgid(Drv, Pids, Id, Id, Id),
    ok = alcove:setresuid(Drv, Pids, Id, Id, Id),
    {error, eperm} = alcove:setuid(Drv, Pids, 0),
    Id.

%% @doc Frames of the wire protocol.
%%
%% A frame is a length, a type and a body; the length counts what follows it.
%% All numbers are big endian.
%%
%% ```
%% | Length:16 | Type:16 | Body |
%% '''
%%
%% To a process go types 0 (data for its stdin, behind the process id) and 4 (a
%% call); a request for a process deep in the tree is nested, the first process id
%% of the pipeline outermost. From a process come types 1 to 7.
%%
%% {@link call/3}, {@link stdin/2}, {@link stream/1} and {@link decode/1} are for
%% everybody. The others are what a driver needs: they are total, so that a process
%% that writes nonsense cannot crash the driver.
-module(alcove_codec).

-include("alcove.hrl").

-export([call/3, stdin/2, stream/1, decode/1]).
-export([request/3, unframe/1, likely/1, targets/1, vocabulary/0]).

-export_type([type/0, message/0, target/0]).

-type type() ::
    alcove_call
    | alcove_stdout
    | alcove_stderr
    | alcove_event
    | alcove_ctl
    | alcove_pipe.

-type message() :: {type(), [alcove:pid_t()], term()}.
%% A decoded frame: what it is, the process it is from or about, what it says.

-type target() :: {[alcove:pid_t()], data | {call, 0..65535}}.
%% What a frame is for: bytes for the stdin of a process, or a call by number.

%% Largest frame that a driver sends, its length field included.
-define(MAX_FRAME, 65535).
-define(STDIN_HEADER, 8).

%% External term format: version, and the tag of a compressed term.
-define(VERSION, 131).
-define(COMPRESSED, 80).

%%--------------------------------------------------------------------
%% Requests

%% @doc The frame of a call. Raises `badarg' if it is larger than 65535 bytes.
-spec call(atom(), [alcove:pid_t()], [any()]) -> binary().
call(Command, Pids, Argv) ->
    case request(alcove_proto:call(Command), Pids, Argv) of
        {ok, Frame} -> Frame;
        {error, badarg} -> erlang:error(badarg, [Command, Pids, Argv])
    end.

%% @doc The frame of the call with this number.
-spec request(0..65535, [alcove:pid_t()], [any()]) -> {ok, binary()} | {error, badarg}.
request(Number, Pids, Argv) ->
    Term = term_to_binary(list_to_tuple(Argv)),
    Length = byte_size(Term) + 4,
    case address(Pids, Length + 2) of
        {ok, []} ->
            {ok, <<?UINT16(Length), ?UINT16(?ALCOVE_MSG_CALL), ?UINT16(Number), Term/binary>>};
        {ok, Headers} ->
            {ok,
                iolist_to_binary([
                    Headers,
                    <<?UINT16(Length), ?UINT16(?ALCOVE_MSG_CALL), ?UINT16(Number)>>,
                    Term
                ])};
        {error, badarg} ->
            {error, badarg}
    end.

%% @doc Data for the stdin of a process. For the empty pipeline that is the data
%% itself. Raises `badarg' if the frame is larger than 65535 bytes.
-spec stdin([alcove:pid_t()], iodata()) -> iodata().
stdin([], Data) ->
    Data;
stdin(Pids, Data) ->
    case address(Pids, iolist_size(Data)) of
        {ok, Headers} -> [Headers | Data];
        {error, badarg} -> erlang:error(badarg, [Pids, Data])
    end.

%% The stdin headers in front of Size bytes, outermost first.
-spec address([alcove:pid_t()], non_neg_integer()) -> {ok, [binary()]} | {error, badarg}.
address(Pids, Size) ->
    case Size + ?STDIN_HEADER * length(Pids) of
        Frame when Frame =< ?MAX_FRAME -> {ok, headers(Pids, Frame - 2)};
        _ -> {error, badarg}
    end.

headers([], _Length) ->
    [];
headers([Pid | Pids], Length) ->
    Header = <<?UINT16(Length), ?UINT16(?ALCOVE_MSG_STDIN), ?UINT32(Pid)>>,
    [Header | headers(Pids, Length - ?STDIN_HEADER)].

%% @doc What a sequence of whole frames is for. `error' if the bytes are anything
%% else, or a frame that makes a control process quit.
-spec targets(binary()) -> {ok, [target()]} | error.
targets(Bytes) ->
    targets(Bytes, []).

targets(<<>>, Targets) ->
    {ok, lists:reverse(Targets)};
targets(<<?UINT16(Length), Frame:Length/binary, Rest/binary>>, Targets) ->
    case target(Frame, []) of
        error -> error;
        Target -> targets(Rest, [Target | Targets])
    end;
targets(_Bytes, _Targets) ->
    error.

target(<<?UINT16(?ALCOVE_MSG_CALL), ?UINT16(Number), Term/binary>>, Pids) when Term =/= <<>> ->
    {lists:reverse(Pids), {call, Number}};
target(<<?UINT16(?ALCOVE_MSG_STDIN), ?UINT32(Pid), Data/binary>>, Pids) ->
    nested(Data, [Pid | Pids]);
target(_Frame, _Pids) ->
    error.

%% What a process finds on its stdin is a frame, or plain data.
nested(<<?UINT16(Length), Frame:Length/binary>>, Pids) ->
    case target(Frame, Pids) of
        error -> {lists:reverse(Pids), data};
        Target -> Target
    end;
nested(_Data, Pids) ->
    {lists:reverse(Pids), data}.

%%--------------------------------------------------------------------
%% Replies

%% @doc Splits bytes into whole frames, and the incomplete rest. Each frame keeps its
%% length and is ready for {@link decode/1}.
-spec stream(binary()) -> {[binary()], binary()}.
stream(Bytes) when is_binary(Bytes) ->
    stream(Bytes, []).

stream(<<?UINT16(Length), Tail/binary>> = Bytes, Frames) when byte_size(Tail) >= Length ->
    {Frame, Rest} = split_binary(Bytes, Length + 2),
    stream(Rest, [Frame | Frames]);
stream(Rest, Frames) ->
    {lists:reverse(Frames), Rest}.

%% @doc Decodes one frame. A frame that is none is a `function_clause', a term that
%% is none a `badarg'. A term may create atoms: use it on what you trust.
-spec decode(<<_:16, _:_*8>>) -> message().
decode(<<?UINT16(Length), Frame:Length/binary>> = Bytes) ->
    case open(Frame, []) of
        {data, Type, Pids, Data} -> {Type, Pids, Data};
        {term, Type, Pids, Data} -> {Type, Pids, binary_to_term(Data)};
        {unknown, _Pids} -> erlang:error(function_clause, [Bytes])
    end.

%% @doc Takes the first frame off a byte stream. `more' if it is not whole yet.
%% `bad' is a frame that does not decode: the process that it is from or about as far
%% as that can be read, and whether it was a reply to a call.
%%
%% Terms are decoded without creating atoms ({@link vocabulary/0}), and compressed
%% ones, which no process sends, are refused: they may be of any size.
-spec unframe(binary()) ->
    {ok, message(), binary()} | {bad, alcove_call | other, [alcove:pid_t()], binary()} | more.
unframe(<<?UINT16(Length), Frame:Length/binary, Rest/binary>>) ->
    case open(Frame, []) of
        {data, Type, Pids, Data} ->
            {ok, {Type, Pids, compact(Data)}, Rest};
        {term, Type, Pids, Data} ->
            case term(Data) of
                {ok, Term} -> {ok, {Type, Pids, Term}, Rest};
                error when Type =:= alcove_call -> {bad, alcove_call, Pids, Rest};
                error -> {bad, other, Pids, Rest}
            end;
        {unknown, Pids} ->
            {bad, other, Pids, Rest}
    end;
unframe(_Bytes) ->
    more.

%% @doc Whether bytes may be the start of a frame from a process: false once length or
%% type say that they are none.
-spec likely(binary()) -> boolean().
likely(<<?UINT16(Length), ?UINT16(Type), _/binary>>) ->
    Length >= 2 andalso Type >= ?ALCOVE_MSG_STDOUT andalso Type =< ?ALCOVE_MSG_PIPE;
likely(<<?UINT16(Length), Type, _/binary>>) ->
    Length >= 2 andalso Type =:= 0;
likely(<<?UINT16(Length), _/binary>>) ->
    Length >= 2;
likely(_Bytes) ->
    true.

%% Pids are collected innermost first.
open(<<?UINT16(?ALCOVE_MSG_CALL), Term/binary>>, Pids) ->
    {term, alcove_call, lists:reverse(Pids), Term};
open(<<?UINT16(?ALCOVE_MSG_PROXY), ?UINT32(Pid), ?UINT16(Length), Frame:Length/binary>>, Pids) ->
    open(Frame, [Pid | Pids]);
open(<<?UINT16(?ALCOVE_MSG_STDOUT), ?UINT32(Pid), Data/binary>>, Pids) ->
    {data, alcove_stdout, lists:reverse([Pid | Pids]), Data};
open(<<?UINT16(?ALCOVE_MSG_STDERR), ?UINT32(Pid), Data/binary>>, Pids) ->
    {data, alcove_stderr, lists:reverse([Pid | Pids]), Data};
open(<<?UINT16(?ALCOVE_MSG_EVENT), Term/binary>>, Pids) ->
    {term, alcove_event, lists:reverse(Pids), Term};
open(<<?UINT16(?ALCOVE_MSG_CTL), Term/binary>>, Pids) ->
    {term, alcove_ctl, lists:reverse(Pids), Term};
open(<<?UINT16(?ALCOVE_MSG_PIPE), Term/binary>>, Pids) ->
    {term, alcove_pipe, lists:reverse(Pids), Term};
open(<<?UINT16(?ALCOVE_MSG_PROXY), ?UINT32(Pid), _/binary>>, Pids) ->
    {unknown, lists:reverse([Pid | Pids])};
open(_Frame, Pids) ->
    {unknown, lists:reverse(Pids)}.

term(<<?VERSION, ?COMPRESSED, _/binary>>) ->
    error;
term(Bytes) ->
    try
        {ok, binary_to_term(Bytes, [safe])}
    catch
        error:badarg -> error
    end.

%% A few bytes that are kept must not keep the 64 KiB they were read with.
compact(Data) ->
    case binary:referenced_byte_size(Data) > 2 * byte_size(Data) of
        true -> binary:copy(Data);
        false -> Data
    end.

%% @doc The atoms that a frame can hold. That they are named here makes them known to
%% the VM, which is what lets {@link unframe/1} refuse any other.
-spec vocabulary() -> [atom(), ...].
vocabulary() ->
    [
        %% replies
        ok, error, true, false, badarg, undef, unknown, ptr,
        alcove_pid, alcove_rlimit, alcove_timeval,
        sig_dfl, sig_ign, sig_info,
        %% events, control
        exit_status, termsig, stopsig, continued, signal,
        fdctl_closed, badpid, stdin_closed, stdout_closed, stderr_closed,
        %% signals
        sighup, sigint, sigquit, sigill, sigtrap, sigabrt, sigiot, sigbus, sigfpe,
        sigkill, sigusr1, sigsegv, sigusr2, sigpipe, sigalrm, sigterm, sigstkflt,
        sigchld, sigcont, sigstop, sigtstp, sigttin, sigttou, sigurg, sigxcpu, sigxfsz,
        sigvtalrm, sigprof, sigwinch, sigio, sigpoll, siglost, sigpwr, sigsys,
        sigemt, siginfo, sigthr,
        %% errors
        e2big, eacces, eaddrinuse, eaddrnotavail, eadv, eafnosupport, eagain, ealign,
        ealready, ebade, ebadf, ebadfd, ebadmsg, ebadr, ebadrpc, ebadrqc, ebadslt,
        ebfont, ebusy, ecanceled, ecapmode, echild, echrng, ecomm, econnaborted,
        econnrefused, econnreset, edeadlk, edeadlock, edestaddrreq, edirty, edom,
        edotdot, edquot, eduppkg, eexist, efault, efbig, ehostdown, ehostunreach,
        ehwpoison, eidrm, eilseq, einit, einprogress, eintr, einval, eio, eisconn,
        eisdir, eisnam, ekeyexpired, ekeyrejected, ekeyrevoked, el2hlt, el2nsync,
        el3hlt, el3rst, elbin, elibacc, elibbad, elibexec, elibmax, elibscn, elnrng,
        eloop, emediumtype, emfile, emlink, emsgsize, emultihop, enametoolong, enavail,
        enet, enetdown, enetreset, enetunreach, enfile, enoano, enobufs, enocsi,
        enodata, enodev, enoent, enoexec, enokey, enolck, enolink, enomedium, enomem,
        enomsg, enonet, enopkg, enoprotoopt, enospc, enosr, enostr, enosym, enosys,
        enotblk, enotcapable, enotconn, enotdir, enotempty, enotnam, enotrecoverable,
        enotsock, enotsup, enotty, enotuniq, enxio, eopnotsupp, eoverflow, eownerdead,
        eperm, epfnosupport, epipe, eproclim, eprocunavail, eprogmismatch,
        eprogunavail, eproto, eprotonosupport, eprototype, erange, erefused, eremchg,
        eremdev, eremote, eremoteio, eremoterelease, erestart, erfkill, erofs,
        erpcmismatch, erremote, eshutdown, esocktnosupport, espipe, esrch, esrmnt,
        estale, estrpipe, esuccess, etime, etimedout, etoomanyrefs, etxtbsy, euclean,
        eunatch, eusers, eversion, ewouldblock, exdev, exfull
    ].

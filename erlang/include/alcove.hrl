%% Records and frame types of alcove.
-ifndef(ALCOVE_HRL).
-define(ALCOVE_HRL, true).

%% Soft and hard limit of a resource; 16#ffffffffffffffff is no limit.
-record(alcove_rlimit, {
    cur = 0 :: alcove:uint64_t(),
    max = 0 :: alcove:uint64_t()
}).

%% One child of a control process, as reported by alcove:cpid/2. fdctl is -2 once
%% the child has called exec; a closed descriptor is -1.
-record(alcove_pid, {
    pid = 0 :: alcove:pid_t(),
    flowcontrol = -1 :: alcove:int32_t(),
    signaloneof = 15 :: alcove:int32_t(),
    fdctl = -1 :: alcove:fd(),
    stdin = -1 :: alcove:fd(),
    stdout = -1 :: alcove:fd(),
    stderr = -1 :: alcove:fd()
}).

%% Time limit of alcove:select/6, in seconds and microseconds.
-record(alcove_timeval, {
    sec = 0 :: non_neg_integer(),
    usec = 0 :: non_neg_integer()
}).

%% Argument of alcove_cstruct:jail/1; not sent on the wire itself.
-record(alcove_jail, {
    version = 2 :: alcove:uint32_t(),
    path = <<>> :: iodata(),
    hostname = <<>> :: iodata(),
    jailname = <<>> :: iodata(),
    ip4 = [] :: [inet:ip4_address()],
    ip6 = [] :: [inet:ip6_address()]
}).

%% Segments of a binary, to build and to match. The names are short enough to be
%% taken: a definition of the includer's own stays.
-ifndef(UINT16).
-define(UINT16(N), (N):2/big-unsigned-integer-unit:8).
-endif.
-ifndef(UINT32).
-define(UINT32(N), (N):4/big-unsigned-integer-unit:8).
-endif.

%% Frame types.
-define(ALCOVE_MSG_STDIN, 0).
-define(ALCOVE_MSG_STDOUT, 1).
-define(ALCOVE_MSG_STDERR, 2).
-define(ALCOVE_MSG_PROXY, 3).
-define(ALCOVE_MSG_CALL, 4).
-define(ALCOVE_MSG_EVENT, 5).
-define(ALCOVE_MSG_CTL, 6).
-define(ALCOVE_MSG_PIPE, 7).

-endif.

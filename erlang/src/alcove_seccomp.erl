%% @doc Classic BPF instructions for system call filters.
%%
%% A filter is an iolist of instructions. To install it, a process has to be told first
%% that it cannot gain privileges (`pr_set_no_new_privs'); then it gets the filter as a C
%% structure, `struct sock_fprog':
%%
%% ```
%% Filter = iolist_to_binary([?VALIDATE_ARCHITECTURE(Arch), ?EXAMINE_SYSCALL, ...]),
%% Pad = (erlang:system_info({wordsize, external}) - 2) * 8,
%% Prog = [<<(byte_size(Filter) div 8):2/native-unsigned-unit:8>>, <<0:Pad>>, {ptr, Filter}],
%% alcove:prctl(Drv, Pids, pr_set_seccomp, seccomp_mode_filter, Prog, 0, 0)
%% '''
%%
%% The macros are in `alcove/include/alcove_seccomp.hrl'.
-module(alcove_seccomp).

-include("alcove_seccomp.hrl").

-export([insn/1, stmt/2, jump/4, offset/1]).

-export_type([insn/0, packed/0]).

-type insn() :: #alcove_insn{}.
%% An instruction.

-type packed() :: <<_:64>>.
%% An instruction as the kernel reads it, in host byte order.

%% @doc Packs an instruction, or unpacks one. Values that are too large are cut.
-spec insn
    (insn()) -> packed();
    (packed()) -> insn().
insn(#alcove_insn{code = Code, jt = JT, jf = JF, k = K}) ->
    pack(Code, JT, JF, K);
insn(
    <<Code:2/native-unsigned-unit:8, JT:1/unsigned-unit:8, JF:1/unsigned-unit:8,
        K:4/native-unsigned-unit:8>>
) ->
    #alcove_insn{code = Code, jt = JT, jf = JF, k = K}.

%% @doc An instruction that does not jump.
-spec stmt(Code :: integer(), K :: integer()) -> packed().
stmt(Code, K) when is_integer(Code), is_integer(K) ->
    pack(Code, 0, 0, K).

%% @doc A jump: over JT instructions if the comparison is true, else over JF.
-spec jump(Code :: integer(), K :: integer(), JT :: integer(), JF :: integer()) -> packed().
jump(Code, K, JT, JF) when
    is_integer(Code), is_integer(K), is_integer(JT), is_integer(JF)
->
    pack(Code, JT, JF, K).

%% @doc The size of an operand as a bit of the instruction code, and back.
-spec offset
    (word | halfword | byte) -> 0 | 8 | 16;
    (0 | 8 | 16) -> word | halfword | byte.
offset(word) -> ?BPF_W;
offset(halfword) -> ?BPF_H;
offset(byte) -> ?BPF_B;
offset(?BPF_W) -> word;
offset(?BPF_H) -> halfword;
offset(?BPF_B) -> byte.

pack(Code, JT, JF, K) ->
    <<Code:2/native-unsigned-unit:8, JT:1/unsigned-unit:8, JF:1/unsigned-unit:8,
        K:4/native-unsigned-unit:8>>.

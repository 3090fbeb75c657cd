%% SPDX-License-Identifier: ISC
%%
%% The application as callers see it: modules, exports, types, records, macros,
%% raised errors, documentation.
-module(alcove_api_SUITE).

%% Twice: headers may be included by more than one way.
-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").
-include_lib("alcove/include/alcove_seccomp.hrl").
-include_lib("common_test/include/ct.hrl").
-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0]).
-export([application_resource/1, exports_are_a_superset/1, types_are_exported/1,
         every_function_has_a_spec/1, records/1, macros/1, macros_of_the_caller_stay/1,
         errors_carry_the_arguments/1, not_the_owner/1, dead_driver/1, port_program_is_found/1,
         audit_architecture/1, word_alignment/1, jail_structure/1, shell_shows_function_docs/1]).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [application_resource, exports_are_a_superset, types_are_exported, every_function_has_a_spec,
     records, macros, macros_of_the_caller_stay, errors_carry_the_arguments, not_the_owner,
     dead_driver, port_program_is_found, audit_architecture, word_alignment, jail_structure,
     shell_shows_function_docs].

%%--------------------------------------------------------------------
%% Modules
%%--------------------------------------------------------------------

application_resource(_Config) ->
    Loaded = application:load(alcove),
    ?assert(lists:member(Loaded, [ok, {error, {already_loaded, alcove}}]), Loaded),
    {ok, Modules} = application:get_key(alcove, modules),
    Expected = [alcove, alcove_cgroup, alcove_codec, alcove_cstruct, alcove_drv, alcove_proto,
                alcove_seccomp],
    ?assertEqual([], Expected -- Modules),
    ?assertEqual({ok, "1.0.1"}, application:get_key(alcove, vsn)),
    ?assertEqual({ok, []}, application:get_key(alcove, mod)),
    ?assertEqual({ok, []}, application:get_key(alcove, registered)).

exports_are_a_superset(Config) ->
    [begin
         {module, Module} = code:ensure_loaded(Module),
         ?assertEqual({Module, []}, {Module, Functions -- Module:module_info(exports)})
     end || {Module, Functions} <- api(Config)],
    ok.

types_are_exported(Config) ->
    [?assertEqual({Module, []}, {Module, Types -- exported_types(Module)})
     || {types, Module, Types} <- api(Config)],
    ok.

every_function_has_a_spec(Config) ->
    Modules = lists:usort([element(1, Entry) || Entry <- api(Config), tuple_size(Entry) =:= 2]),
    [begin
         Specs = [Function || {attribute, _, spec, {Function, _}} <- abstract_code(Module)],
         Callbacks = [{init, 1}, {handle_call, 3}, {handle_cast, 2}, {handle_info, 2},
                      {terminate, 2}, {code_change, 3}, {module_info, 0}, {module_info, 1}],
         ?assertEqual({Module, []}, {Module, (Module:module_info(exports) -- Specs) -- Callbacks})
     end || Module <- Modules],
    ok.

%%--------------------------------------------------------------------
%% Headers
%%--------------------------------------------------------------------

records(_Config) ->
    ?assertEqual({alcove_rlimit, 0, 0}, #alcove_rlimit{}),
    ?assertEqual([cur, max], record_info(fields, alcove_rlimit)),
    ?assertEqual({alcove_pid, 0, -1, 15, -1, -1, -1, -1}, #alcove_pid{}),
    ?assertEqual([pid, flowcontrol, signaloneof, fdctl, stdin, stdout, stderr],
                 record_info(fields, alcove_pid)),
    ?assertEqual({alcove_timeval, 0, 0}, #alcove_timeval{}),
    ?assertEqual([sec, usec], record_info(fields, alcove_timeval)),
    ?assertEqual({alcove_jail, 2, <<>>, <<>>, <<>>, [], []}, #alcove_jail{}),
    ?assertEqual([version, path, hostname, jailname, ip4, ip6], record_info(fields, alcove_jail)),
    ?assertEqual({alcove_insn, 0, 0, 0, 0}, #alcove_insn{}),
    ?assertEqual([code, jt, jf, k], record_info(fields, alcove_insn)),
    ?assertEqual({alcove_seccomp_data, 0, 0, 0, [0, 0, 0, 0, 0, 0]}, #alcove_seccomp_data{}),
    ?assertEqual([nr, arch, instruction_pointer, args], record_info(fields, alcove_seccomp_data)).

macros(_Config) ->
    ?assertEqual(<<1, 2, 0, 0, 1, 2>>, <<?UINT16(258), ?UINT32(258)>>),
    <<?UINT16(Short), ?UINT32(Long)>> = <<255, 255, 255, 255, 255, 255>>,
    ?assertEqual({65535, 16#ffffffff}, {Short, Long}),
    ?assertEqual(lists:seq(0, 7),
                 [?ALCOVE_MSG_STDIN, ?ALCOVE_MSG_STDOUT, ?ALCOVE_MSG_STDERR, ?ALCOVE_MSG_PROXY,
                  ?ALCOVE_MSG_CALL, ?ALCOVE_MSG_EVENT, ?ALCOVE_MSG_CTL, ?ALCOVE_MSG_PIPE]),
    ?assertEqual(lists:seq(0, 7),
                 [?BPF_LD, ?BPF_LDX, ?BPF_ST, ?BPF_STX, ?BPF_ALU, ?BPF_JMP, ?BPF_RET, ?BPF_MISC]),
    ?assertEqual([0, 8, 16#10], [?BPF_W, ?BPF_H, ?BPF_B]),
    ?assertEqual([0, 16#20, 16#40, 16#60, 16#80, 16#a0],
                 [?BPF_IMM, ?BPF_ABS, ?BPF_IND, ?BPF_MEM, ?BPF_LEN, ?BPF_MSH]),
    ?assertEqual([0, 16#10, 16#20, 16#30, 16#40, 16#50, 16#60, 16#70, 16#80],
                 [?BPF_ADD, ?BPF_SUB, ?BPF_MUL, ?BPF_DIV, ?BPF_OR, ?BPF_AND, ?BPF_LSH, ?BPF_RSH,
                  ?BPF_NEG]),
    ?assertEqual([0, 16#10, 16#20, 16#30, 16#40], [?BPF_JA, ?BPF_JEQ, ?BPF_JGT, ?BPF_JGE, ?BPF_JSET]),
    ?assertEqual([0, 8, 16#10, 0, 16#80], [?BPF_K, ?BPF_X, ?BPF_A, ?BPF_TAX, ?BPF_TXA]),
    ?assertEqual([7, 16#18, 16#e0, 16#f0, 8, 16#18, 16#f8],
                 [?BPF_CLASS(16#ff), ?BPF_SIZE(16#ff), ?BPF_MODE(16#ff), ?BPF_OP(16#ff),
                  ?BPF_SRC(16#ff), ?BPF_RVAL(16#ff), ?BPF_MISCOP(16#ff)]),
    ?assertEqual([0, 1, 2], [?SECCOMP_MODE_DISABLED, ?SECCOMP_MODE_STRICT, ?SECCOMP_MODE_FILTER]),
    ?assertEqual([0, 16#30000, 16#50000, 16#7ff00000, 16#7fff0000, 16#7fff0000, 16#ffff],
                 [?SECCOMP_RET_KILL, ?SECCOMP_RET_TRAP, ?SECCOMP_RET_ERRNO, ?SECCOMP_RET_TRACE,
                  ?SECCOMP_RET_ALLOW, ?SECCOMP_RET_ACTION, ?SECCOMP_RET_DATA]),
    ?assertEqual([0, 4], [?OFFSET_SYSCALL_NR, ?OFFSET_ARCH_NR]),
    ?assertEqual(alcove_seccomp:stmt(6, 1), ?BPF_STMT(?BPF_RET, 1)),
    ?assertEqual(alcove_seccomp:jump(5, 1, 2, 3), ?BPF_JUMP(?BPF_JMP, 1, 2, 3)).

%% Short names may be the caller's own.
macros_of_the_caller_stay(Config) ->
    Source = filename:join(?config(priv_dir, Config), "caller.erl"),
    ok = file:write_file(Source, "-module(caller).\n"
                                 "-define(UINT16(N), {mine, N}).\n"
                                 "-include_lib(\"alcove/include/alcove.hrl\").\n"
                                 "-include_lib(\"alcove/include/alcove.hrl\").\n"
                                 "-export([mine/0]).\n"
                                 "mine() -> ?UINT16(1).\n"),
    {ok, caller, Beam} = compile:file(Source, [binary, return_errors]),
    {module, caller} = code:load_binary(caller, Source, Beam),
    ?assertEqual({mine, 1}, caller:mine()),
    true = code:delete(caller),
    false = code:purge(caller).

%%--------------------------------------------------------------------
%% Errors
%%--------------------------------------------------------------------

errors_carry_the_arguments(_Config) ->
    Drv = alcove_test:start(),
    [begin
         Args = [Drv, [] | Argv],
         try apply(alcove, Call, Args) of
             Value -> erlang:error({no_error, Call, Value})
         catch
             error:Reason:Stack -> ?assertMatch([{alcove, Call, Args, _} | _], Stack)
         end
     end || {Call, Argv, Reason} <- [{chdir, [""], badarg}, {chdir, ["", 5000], badarg},
                                     {cap_enter, [], undef}, {cap_enter, [5000], undef},
                                     {open, ["/", [o_rdonly], -1], badarg},
                                     {stdin, [binary:copy(<<0>>, 65536)], badarg}]],
    alcove_test:stop(Drv).

not_the_owner(_Config) ->
    Drv = alcove_test:start(),
    Elsewhere = fun(Fun) ->
                        {Pid, Ref} = spawn_monitor(fun() -> exit({answer, Fun()}) end),
                        receive {'DOWN', Ref, process, Pid, {answer, Answer}} -> Answer end
                end,
    ?assertEqual({error, not_owner}, Elsewhere(fun() -> alcove:getpid(Drv, []) end)),
    ?assertEqual({error, not_owner}, Elsewhere(fun() -> alcove:execvp(Drv, [], "cat", ["cat"]) end)),
    ?assertEqual({error, not_owner}, Elsewhere(fun() -> alcove_drv:raw(Drv) end)),
    ?assertEqual({error, not_owner}, Elsewhere(fun() -> alcove_drv:port(Drv) end)),
    ?assertEqual({error, not_owner}, Elsewhere(fun() -> gen_server:call(Drv, other) end)),
    ?assertEqual({error, enotsup}, gen_server:call(Drv, other)),
    ?assert(is_integer(alcove:getpid(Drv, []))),
    ?assertEqual(ok, Elsewhere(fun() -> alcove_drv:stop(Drv) end)),
    alcove_test:until(fun() -> not is_process_alive(Drv) end).

dead_driver(_Config) ->
    Drv = alcove_test:start(),
    alcove_test:stop(Drv),
    ?assertExit({noproc, {gen_server, call, _}}, alcove:getpid(Drv, [])),
    ?assertExit({noproc, {gen_server, call, _}}, alcove:getpid(Drv, [], 1000)),
    ?assertEqual(ok, alcove:stdin(Drv, [1], "x")),
    ?assertEqual([], alcove:stdout(Drv, [1])),
    ?assertEqual(ok, alcove_drv:stop(Drv)),
    ?assertEqual(ok, alcove_drv:stop(nonsense)).

%%--------------------------------------------------------------------
%% Small functions
%%--------------------------------------------------------------------

%% Builds ask for it in a VM that has nothing but the code path.
port_program_is_found(_Config) ->
    Path = alcove_drv:progname(),
    ?assertEqual("alcove", filename:basename(Path)),
    ?assert(filelib:is_regular(Path)),
    Command = ["erl -noshell -boot no_dot_erlang -pa '", filename:dirname(code:which(alcove_drv)), "'",
               " -eval 'io:put_chars(alcove_drv:progname()), halt().'"],
    ?assertEqual(Path, os:cmd(lists:flatten(Command))).

audit_architecture(Config) ->
    Arch = alcove:audit_arch(),
    ?assert(is_atom(Arch)),
    Drv = alcove_test:start(),
    [Machine | _] = string:lexemes(erlang:system_info(system_architecture), "-"),
    Numbers = #{"x86_64" => 16#c000003e, "aarch64" => 16#c00000b7, "riscv64" => 16#c00000f3},
    Result = case maps:find(Machine, Numbers) of
                 {ok, Number} -> ?assertEqual(Number, alcove:define(Drv, [], Arch));
                 error -> {skip, "needs an architecture whose number the suite knows"}
             end,
    alcove_test:stop(Drv),
    ct:pal("~p ~p ~s", [Machine, Arch, ?config(priv_dir, Config)]),
    Result.

word_alignment(_Config) ->
    8 = alcove_test:word_size(),
    ?assertEqual([0, 7, 4, 1, 0], [alcove:wordalign(Offset) || Offset <- [0, 1, 4, 7, 8]]),
    ?assertEqual([0, 3, 0, 1], [alcove:wordalign(Offset, 4) || Offset <- [0, 1, 4, 7]]).

jail_structure(_Config) ->
    Jail = #alcove_jail{path = "/jail", hostname = <<"host">>, jailname = "name",
                        ip4 = [{127, 0, 0, 1}, {10, 0, 0, 2}], ip6 = [{0, 0, 0, 0, 0, 0, 0, 1}]},
    ?assertEqual([<<2:32/native>>, <<0:32>>, {ptr, <<"/jail", 0>>}, {ptr, <<"host", 0>>},
                  {ptr, <<"name", 0>>}, <<2:32/native, 1:32/native>>,
                  {ptr, <<127, 0, 0, 1, 10, 0, 0, 2>>}, {ptr, <<1:128>>}],
                 alcove_cstruct:jail(Jail)),
    ?assertError(function_clause, alcove_cstruct:jail(Jail#alcove_jail{version = 1})).

%% What h(alcove, fork) shows: both functions of every call have a text.
shell_shows_function_docs(Config) ->
    case code:lib_dir(edoc) of
        {error, bad_name} ->
            {skip, "needs the application edoc"};
        _ ->
            Erlang = filename:join(alcove_test:root_dir(), "erlang"),
            Dir = ?config(priv_dir, Config),
            ok = edoc:files([filename:join([Erlang, "src", "alcove.erl"])],
                            [{dir, Dir}, {preprocess, true}, {includes, [filename:join(Erlang, "include")]},
                             {doclet, edoc_doclet_chunks}, {layout, edoc_layout_chunks}]),
            {ok, Chunk} = file:read_file(filename:join([Dir, "chunks", "alcove.chunk"])),
            {docs_v1, _, erlang, <<"application/erlang+html">>, #{}, _, Docs} = binary_to_term(Chunk),
            Documented = [{Name, Arity}
                          || {{function, Name, Arity}, _, _, #{<<"en">> := [_ | _]}, _} <- Docs],
            Ours = alcove:module_info(exports) -- [{module_info, 0}, {module_info, 1}],
            ?assertEqual([], Ours -- Documented)
    end.

%%--------------------------------------------------------------------

api(Config) ->
    {ok, Terms} = file:consult(filename:join(?config(data_dir, Config), "api.terms")),
    Terms.

exported_types(Module) ->
    lists:append([Types || {attribute, _, export_type, Types} <- abstract_code(Module)]).

abstract_code(Module) ->
    {ok, {Module, [{abstract_code, {raw_abstract_v1, Forms}}]}} =
        beam_lib:chunks(code:which(Module), [abstract_code]),
    Forms.

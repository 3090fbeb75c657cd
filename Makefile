# alcove: the port program (Go) and the OTP application (Erlang).
#
#   make            build the port program into erlang/priv/alcove
#   make demo       install what is missing, build, show the main job
#   make test       install what is missing, run everything
#   make help       all targets

GO        ?= go
REBAR3    ?= rebar3
PORT       = erlang/priv/alcove
BUILD      = CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w'
# These machines may not have an init that reaps orphans; the suites need one.
REAPER     = tini -s --

.PHONY: port demo test test-go test-erlang test-arm64 test-riscv64 check generate bench bench-erlang docs clean help

port:
	@mkdir -p $(dir $(PORT))
	$(BUILD) -o $(PORT) .

demo:
	@GO=$(GO) .ci/need 'make demo' erl=erlang-base erlc=erlang-base $(REBAR3)=rebar3 /bin/busybox=busybox-static tini=tini
	@echo 'make demo: building'
	@cd erlang && $(REBAR3) as examples compile
	@$(REAPER) erl -noinput -pa $(CURDIR)/erlang/_build/examples/lib/alcove/ebin -eval 'alcove_demo:main()'

test: check test-go test-erlang

TEST_PACKAGES = ct_run=erlang-common-test dialyzer=erlang-dialyzer \
	$(REBAR3)=rebar3 sudo=sudo nc=netcat-openbsd /bin/busybox=busybox-static tini=tini strace=strace

check:
	@GO=$(GO) .ci/need 'make test' erl=erlang-base $(TEST_PACKAGES)
	@echo '== format, vet, generated files'
	@bad=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
		[ -z "$$bad" ] || { echo "not formatted: $$bad" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) run ./cmd/gencalls -check

test-go:
	@echo '== Go'
	$(REAPER) $(GO) test ./...

test-erlang: port
	@echo '== Erlang: xref, dialyzer, Common Test'
	cd erlang && $(REBAR3) xref
	cd erlang && $(REBAR3) dialyzer
	cd erlang && $(REAPER) $(REBAR3) ct

# The wire tests against a program for another architecture, under qemu-user.
test-arm64:   ARCH = arm64
test-arm64:   QEMU = qemu-aarch64-static
test-riscv64: ARCH = riscv64
test-riscv64: QEMU = qemu-riscv64-static
test-arm64 test-riscv64:
	@GO=$(GO) .ci/need 'make $@' $(QEMU)=qemu-user-static tini=tini
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
		GOARCH=$(ARCH) $(BUILD) -tags emulated -o "$$dir/alcove" . && \
		ALCOVE_PORT="$$dir/alcove" ALCOVE_RUNNER=$(QEMU) $(REAPER) $(GO) test -count=1 -v ./test/wire

generate:
	$(GO) generate ./...

# REFERENCE is the directory of a built checkout of the original.
define need_reference
@[ -x "$(REFERENCE)/priv/alcove" ] || { \
		echo 'make $@: REFERENCE=/path/to/alcove must name a built checkout of the original (with priv/alcove in it).' >&2; \
		exit 2; }
endef

bench:
	$(need_reference)
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
		$(BUILD) -o "$$dir/alcove" . && \
		$(GO) run ./test/bench -ref "$(REFERENCE)/priv/alcove" -new "$$dir/alcove"

bench-erlang:
	$(need_reference)
	cd erlang && $(REBAR3) compile
	cd erlang && REFERENCE="$(abspath $(REFERENCE))/_build/default/lib/alcove/ebin" escript bench/alcove_bench.erl

docs:
	@GO=$(GO) .ci/need 'make docs' erl=erlang-base $(REBAR3)=rebar3 /usr/share/doc/erlang-edoc=erlang-edoc
	cd erlang && $(REBAR3) edoc
	cd erlang && $(REBAR3) as chunks edoc

clean:
	rm -rf erlang/_build erlang/doc $(PORT)

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'make test-go, test-erlang     parts of make test'
	@echo 'make test-arm64, test-riscv64 the wire tests under qemu-user'
	@echo 'make bench REFERENCE=DIR      compare with a built checkout of the original;'
	@echo 'make bench-erlang REFERENCE=DIR  the same for the Erlang modules'
	@echo 'make docs                     function reference: HTML and shell help'
	@echo 'make generate                 write what comes from gen/calls.spec'
	@echo 'make clean'

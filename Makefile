# Everything a contributor calls. `make help` lists it.

CARGO ?= cargo
# Debian puts the servers' programs where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/sbin:/sbin
# One profile for clippy, tests and doc: on two cores every further profile costs minutes.
LOCKED = --workspace --locked

.PHONY: help test setup fmt clippy doc doctest nextest lab bench drill fuzz

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

test: setup fmt clippy doc doctest nextest ## set up, then everything that CI runs

setup: ## install what tests and lab call, when root; say what is missing otherwise
	@packaging/setup

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --no-deps

# nextest does not run the examples in the documentation.
doctest:
	$(CARGO) test $(LOCKED) --doc --quiet

# `#[ignore]` means that a test needs root and network namespaces, or, with a name `apart_…`, that another test runs
# it in a process of its own (tests/tidy/wording.rs).
nextest:
	@root=no; if [ "$$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then root=yes; fi; \
	if [ $$root = no ]; then \
	    echo "make test: not root, or no network namespaces: the tests marked SKIP or ignored below do not run"; \
	fi; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    if [ $$root = yes ]; then ignored="--run-ignored all"; fi; \
	    $(CARGO) nextest run $(LOCKED) --status-level skip $$ignored -E 'not test(/(^|::)apart_/)'; \
	else \
	    $(CARGO) test $(LOCKED) --no-fail-fast --all-targets || exit 1; \
	    if [ $$root = no ]; then exit 0; fi; \
	    $(CARGO) test $(LOCKED) --no-fail-fast --tests -- --ignored --skip apart_; \
	fi

lab: setup ## the whole site on this machine, in network namespaces (root): every drill, and what each cost
	$(CARGO) run --quiet --locked -p weir --bin weir -- drill $(LAB)

bench: setup ## side by side with dnsdist, in one run, as ratios; then, as root, the drill
	$(CARGO) build --release --locked -p weir --bin weir -p weir-linux --example echo -p weir-bench --bin weir-bench
	$(CARGO) run --quiet --release --locked -p weir-bench -- $(BENCH)
	@if [ -n "$(filter-out --quick,$(BENCH))" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then $(MAKE) --no-print-directory drill; else echo "make drill: needs root"; fi

# Who asks for single rows of the bench gets no drill; who wants it quick gets a quick one.
DRILL ?= $(filter --quick,$(BENCH))
drill: setup ## a pair of front ends through every failure, beside keepalived and dnsdist (root)
	$(CARGO) build --release --locked -p weir --bin weir -p weir-bench --bin weir-bench
	$(CARGO) run --quiet --release --locked -p weir-bench -- drill $(DRILL)

FUZZ_SECONDS ?= 60
fuzz: ## each cargo-fuzz target for FUZZ_SECONDS; the corpus itself replays in `make test`
	@$(CARGO) fuzz --version >/dev/null 2>&1 || { echo "make fuzz: needs cargo-fuzz (cargo install cargo-fuzz)"; exit 1; }
	for target in $$($(CARGO) fuzz list); do \
	    mkdir -p fuzz/target/$$target && \
	    RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none --debug-assertions $$target \
	        fuzz/target/$$target fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# Everything a contributor calls. `make help` lists it.

CARGO ?= cargo
# Debian puts the servers' programs where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/sbin:/sbin
# One profile for clippy, tests and doc: on two cores every further profile costs minutes.
LOCKED = --workspace --locked

.PHONY: help test setup fmt clippy nextest doc corpus lab bench fuzz

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

test: setup fmt clippy doc nextest ## set up, then everything that CI runs

setup: ## install what tests and lab call, when root; say what is missing otherwise
	@packaging/setup

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --no-deps

# `ignored` has one meaning in this repository: the test needs root and network namespaces (tests/tidy.rs).
nextest:
	@if ! ip netns list >/dev/null 2>&1 || ! unshare --net true 2>/dev/null; then \
	    echo "make test: not root, or no network namespaces: the tests marked SKIP below do not run"; \
	    ignored=; run_ignored=; \
	else \
	    ignored="--include-ignored"; run_ignored="--run-ignored all"; \
	fi; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
	    echo $(CARGO) nextest run $(LOCKED) $$run_ignored; \
	    $(CARGO) nextest run $(LOCKED) --status-level skip $$run_ignored; \
	else \
	    echo $(CARGO) test $(LOCKED) --no-fail-fast -- $$ignored; \
	    $(CARGO) test $(LOCKED) --no-fail-fast -- $$ignored; \
	fi

lab: setup ## the whole site on this machine, in network namespaces (root); the checks it made
	$(CARGO) build $(LOCKED) --bins
	$(CARGO) run --quiet --locked -p weir-lab -- up-and-check $(LAB)

bench: setup ## side by side with dnsdist, in one run, as ratios
	$(CARGO) run --quiet --release --locked -p weir-lab --bin weir-bench -- $(BENCH)

FUZZ_SECONDS ?= 60
fuzz: ## each cargo-fuzz target for FUZZ_SECONDS; the corpus itself replays in `make test`
	@$(CARGO) fuzz --version >/dev/null 2>&1 || { echo "make fuzz: needs cargo-fuzz (cargo install cargo-fuzz)"; exit 1; }
	for target in $$($(CARGO) fuzz list); do \
	    RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# The commands people and CI use. `make help` lists them; `make` alone builds.
# Variables: SWIFT, PYTHON, PREFIX, DESTDIR, JOBS; ARGS (for run), STEPS (for test), SEEDS (for sim), TARGETS and RUNS (for fuzz),
# BENCH_ARGS (for bench).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SUFFIXES:

SWIFT ?= swift
PYTHON ?= python3
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
ARGS ?=
SEEDS ?= 10000
TARGETS ?= $(notdir $(patsubst %/main.swift,%,$(wildcard Fuzz/Targets/*/main.swift)))
RUNS ?= 1000000
STEPS ?=
BENCH_ARGS ?=

export SWIFT PYTHON JOBS

# One place says how a release is built; scripts/check.sh builds with the same line.
SWIFT_BUILD = $(SWIFT) build -c release --static-swift-stdlib --explicit-target-dependency-import-check error -j $(JOBS)
BIN := .build/release
E2E := Tests/EndToEnd

.PHONY: help deps deps-test deps-bench venvs build run test format bench fuzz sim install uninstall clean distclean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

deps: ## Install the Debian packages the build needs, if any is missing
	@scripts/deps.sh build

deps-test: ## Install what the tests need, too
	@scripts/deps.sh build test

deps-bench: ## Install what the benchmarks need, too
	@scripts/deps.sh build test bench

build: deps ## Build mcp-supervisor, mcp-worker and mcp-sim (release) into .build/release
	$(SWIFT_BUILD)

run: build ## Build and run the supervisor on the embedded sample; ARGS="--port 9000" adds options
	@exec $(BIN)/mcp-supervisor run $(ARGS)

test: deps-test venvs ## Everything CI checks; STEPS="format unit" picks single steps
	@scripts/check.sh $(STEPS)

format: ## Bring every Swift file into the house format
	@git ls-files --cached --others --exclude-standard '*.swift' | xargs $(SWIFT) format -i

venvs: .venv-sdk2/.stamp .venv-sdk1/.stamp .venv-servers/.stamp .venv-servers-legacy/.stamp ## Create the Python environments of the end-to-end tests

.venv-%/.stamp: $(E2E)/requirements-%.txt scripts/venv.sh
	@scripts/venv.sh .venv-$* $<
	@touch $@

bench: deps-bench build ## Measure against the C proxy, nginx and mcp-proxy; BENCH_ARGS=... goes to the runner
	@$(PYTHON) Benchmarks/bench.py $(BENCH_ARGS)

fuzz: deps ## Fuzz every codec; TARGETS="FuzzHTTP" RUNS=20000000 picks and lengthens
	@for target in $(TARGETS); do scripts/fuzz.sh $$target $(RUNS); done

sim: build ## Run the simulator over SEEDS=10000 seeds
	@$(BIN)/mcp-sim --seeds $(SEEDS)

install: build ## Install below DESTDIR/PREFIX (default /usr/local)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 0755 $(BIN)/mcp-supervisor $(BIN)/mcp-worker "$(DESTDIR)$(PREFIX)/bin/"

uninstall: ## Remove what install put there
	rm -f "$(DESTDIR)$(PREFIX)/bin/mcp-supervisor" "$(DESTDIR)$(PREFIX)/bin/mcp-worker"

clean: ## Remove build products
	rm -rf .build Fuzz/.build Benchmarks/.build

distclean: clean ## Remove build products and the Python environments
	rm -rf .venv-sdk1 .venv-sdk2 .venv-servers .venv-servers-legacy $(E2E)/.pytest_cache Benchmarks/.venv Benchmarks/results

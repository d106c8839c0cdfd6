# Thin words for the scripts and the `dialgate` command line; `make` alone lists them.

DIALGATE := target/debug/dialgate
PREPARE  := infra/local/prepare.sh
WATCH    ?=
JSON     ?=
ARGS     ?=

.PHONY: help up demo test sim drain vectors bench drill web-test lint tools build doctor

help: ## List these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Start everything on this machine and stay up until Ctrl-C (WATCH=1 builds functions again on change, ARGS passes options)
	@$(PREPARE) tools $(if $(WATCH),watch) build
	@exec $(DIALGATE) up $(if $(WATCH),--watch) $(if $(JSON),--json) $(ARGS)

demo: ## Play one purchase from start to end, then stop
	@$(PREPARE) tools build
	@exec $(DIALGATE) demo $(if $(JSON),--json)

test: ## Format, lints, template and all tests
	@infra/local/test.sh

SCHEDULES ?= 200000
SEED      ?= 0

sim: ## Play schedules of crashes, losses and duplicates in memory (SCHEDULES=200000 SEED=0)
	@cargo test --quiet --package tests --profile sim --test simulation -- --schedules $(SCHEDULES) --seed $(SEED)

PURCHASES ?= 1000

drain: ## Let many purchases wait for one approval in the emulator, and tell how long they take after it (PURCHASES=1000)
	@$(PREPARE) tools build
	@exec $(DIALGATE) drain --purchases $(PURCHASES)

vectors: ## Check the published vectors of Persona's signature (functions/adapters/vectors)
	@cargo test --quiet --workspace --test vectors

drill: ## Play a pumping campaign against honest traffic, each preset and each defence alone (SEED=0)
	@cargo test --quiet --workspace --test drill -- --table --seed $(SEED)

web-test: ## Persona's browser SDK in a real browser, against the deployed stack; installs what it needs
	@$(PREPARE) tools build
	@tests/browser/run.sh

bench: ## Measure how fast Persona's events are taken: 100 a second for a minute, 1,000 at once, forged ones; and whether a refusal's time tells anything
	@cargo build --quiet --package persona-webhook
	@cargo test --quiet --package tests --bench intake --bench comparison

lint: ## Format and lints only
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings

tools: ## Install the pinned tools into .tools/ (WATCH=1 adds cargo-lambda)
	@$(PREPARE) tools $(if $(WATCH),watch)

build: ## Build every program
	@$(PREPARE) build

doctor: ## Say what is missing on this machine and what is running
	@$(PREPARE) build
	@exec $(DIALGATE) doctor

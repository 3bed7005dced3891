# One way to do each thing. A fresh machine needs Python 3.11+ and make; `uv` is used when it is there, only because it is quicker.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PYTEST_ARGS ?=
# More than processors: a third of the suite waits for brokers, limits and processes.
WORKERS ?= 3
# The long proofs, in this order: every program in tests/drills but the two that have a target of their own, or those
# that DRILLS="..." names.
DRILLS ?= $(filter-out __init__ llama soak tables,$(basename $(notdir $(sort $(wildcard tests/drills/*.py)))))
LLAMA_VENV := .venv-llama
LLAMA_PACKAGES := "llama-cpp-python[server]==0.3.36" gguf==0.19.0

# The first of these that is new enough makes the environment; PYTHON=... on the command line comes before them.
PYTHONS := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14
COMPILE := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate

define install
if uv --version >/dev/null 2>&1; then \
	uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/build.txt -r $(1) && \
	uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
else \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r $(1) && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
fi
endef

.PHONY: help run test check bench bench-cluster bench-peers drills soak llama requirements asyncapi dev clean nginx services node

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.base ## everything in one process on :8080 and :8081; ARGS="--config my.yaml" goes to `interlock quickstart`
	@exec $(BIN)/interlock quickstart $(ARGS)

test: $(VENV)/.dev nginx services node ## the whole suite, with branch coverage; the domain must be at 100 %
	@mkdir -p reports/tmp
	@$(BIN)/pytest tests -n $(WORKERS) --dist worksteal --cov --cov-report= $(PYTEST_ARGS)
	@echo "--- coverage of everything: $$($(BIN)/coverage report --format=total) % of lines and branches"
	@echo "--- coverage of the domain: every line and every branch"
	@$(BIN)/coverage report --include='libs/interlock_domain/*' --skip-covered --fail-under=100

check: $(VENV)/.dev ## format, lint, types, import contracts, unit tests: what must be green before a commit
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(wildcard libs services tests benchmarks)
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q tests/libs/interlock_domain tests/architecture $(PYTEST_ARGS)

bench: $(VENV)/.dev nginx ## what a request and a folded event cost
	@$(BIN)/python -m benchmarks.gateway
	@$(BIN)/python -m benchmarks.fold

bench-cluster: $(VENV)/.dev services ## what a cell costs, over a real PostgreSQL and a real Kafka: every benchmarks/cluster_*.py
	@for one in $(basename $(notdir $(sort $(wildcard benchmarks/cluster_*.py)))); do echo "--- $$one"; $(BIN)/python -m "benchmarks.$$one"; done

bench-peers: $(VENV)/.dev nginx node ## other gateways on the same mock and load, as ratios to nginx; installs them into folders of their own
	@$(BIN)/python -m benchmarks.peers

drills: $(VENV)/.dev nginx services node ## the long proofs: programs that break a running system and count what was kept; hours, or DRILLS="kill9 restore"
	@for drill in $(DRILLS); do echo "--- $$drill"; $(BIN)/python -m "tests.drills.$$drill" || failed="$${failed:-} $$drill"; done; \
	$(BIN)/python -m tests.drills.tables; \
	if [ -n "$${failed:-}" ]; then echo "missed:$$failed" >&2; exit 1; fi

soak: $(VENV)/.dev services ## half an hour of load over a whole cell: what is stored, and whether anything grows
	@$(BIN)/python -m tests.drills.soak $(ARGS)

llama: $(VENV)/.dev $(LLAMA_VENV)/.ready ## the outage drill with two real llama.cpp servers
	@$(BIN)/python -m tests.drills.llama --venv $(LLAMA_VENV) $(ARGS)

dev: $(VENV)/.dev ## the environment alone, with everything the tests need

requirements: ## compile the hashed requirements anew (needs uv); UPGRADE=1 takes the newest versions
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements/base.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --extra kafka --extra postgres --extra otel -o requirements/cluster.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --group dev -o requirements/dev.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group build -o requirements/build.txt
	@echo "requirements compiled: git diff requirements/"

asyncapi: $(VENV)/.dev ## write docs/asyncapi.json anew: the topics and the webhook as the code has them
	@$(BIN)/python -m interlock_reactors.asyncapi

clean: ## remove the environment, the caches and the reports of the last run; never .interlock, which holds a log
	@rm -rf $(VENV) .venv-sdk .venv-peers .node-peers .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis reports/tmp dist build
	@find libs services tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The upstream of the benchmarks and of some system tests. Missing, it is installed where that is possible, else named loudly.
nginx:
	@if ! command -v nginx >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing nginx"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light >/dev/null || true; \
		fi; \
	fi
	@if ! command -v nginx >/dev/null; then \
		echo "!!! SKIPPED: nginx is missing, so the tests that need it do not run (install it, or run as root on Debian or Ubuntu)" >&2; \
		if [ "$${CI:-}" = true ]; then exit 1; fi; \
	fi

# The Node SDKs, for the matrix of SDKs; the program says what is missing, and the tests skip as loudly.
node: $(VENV)/.dev
	@if ! command -v npm >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing node and npm"; apt-get update -qq || true; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null 2>&1 || true; \
	fi
	@$(BIN)/python -m tests.sdk.nodejs || [ "$${CI:-}" != true ]

# The Kafka and the PostgreSQL of the cluster's tests: given in the environment, of a Docker engine, or started here.
# Fetched now, the jars are not fetched within a test's time. Missing, it is installed where that is possible, else named loudly.
services: $(VENV)/.dev
	@if ! $(BIN)/python -m interlock_testing.services >/dev/null 2>&1; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing java and maven"; apt-get update -qq || true; \
			for java in openjdk-21-jre-headless openjdk-17-jre-headless default-jre-headless; do \
				if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$java maven >/dev/null 2>&1; then break; fi; \
			done; \
		fi; \
	fi
	@if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing a PostgreSQL that speaks TLS"; apt-get update -qq || true; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null 2>&1 || true; \
	fi
	@$(BIN)/python -m interlock_testing.services || [ "$${CI:-}" != true ]

$(BIN)/python:
	@for candidate in $(PYTHONS); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "Interlock needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>&1 || true). Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; \
	fi; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); echo "the venv module did not work; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# A stamp is older than what it was made from, or it is good: the second `make run` starts at once.
$(VENV)/.base: $(BIN)/python requirements/base.txt requirements/build.txt pyproject.toml
	@echo "installing what interlock needs (once)"
	@$(call install,requirements/base.txt)
	@touch $@

# Apart from ours: it is built from source, and nothing of it is shipped or tested against.
$(LLAMA_VENV)/.ready: | $(BIN)/python
	@echo "building llama.cpp (once, about ten minutes)"
	@$(BIN)/python -m venv $(LLAMA_VENV)
	@$(LLAMA_VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(LLAMA_PACKAGES)
	@touch $@

$(VENV)/.dev: $(BIN)/python requirements/dev.txt requirements/build.txt pyproject.toml
	@echo "installing what the tests need (once)"
	@$(call install,requirements/dev.txt)
	@touch $(VENV)/.base $@

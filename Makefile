# One set of commands for people and for CI. Everything runs from .venv; nothing is installed outside this folder,
# except the services that `make test` installs if it can (as root on Debian).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
RUNTIME := .venv/.runtime
READY := .venv/.ready
PYTHON ?=
# Test processes of pytest-xdist: a number; by default, as many as keep the processors busy.
WORKERS ?= auto
QUICK := $(addprefix tests/integration/,store/test_engine.py lifecycle/test_workflow_reserve.py lifecycle/test_workflow_settle.py)

.PHONY: help setup runtime demo test test-quick sweep bench images chaos seams check format lock screenshots vendor up down clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: runtime $(READY) ## Create .venv with the locked dependencies, and .env

# The packages that the pipeline needs at runtime, without those of tests and checks. They are compiled here, because
# the user of a service may not be allowed to write into the checkout.
runtime: $(RUNTIME) .env
	@$(BIN)/python -m compileall -q -j 0 definitions.py assets cli jobs orders_pipeline resources

demo: runtime ## Import data/sample.csv through Dagster, Celery and Redis, and show the result
	@$(BIN)/orders demo

# Otherwise, each of the many test processes would compile the same modules.
test test-quick: export PYTHONDONTWRITEBYTECODE :=

test: setup ## Install missing services where possible, and run all tests, with half of each sweep
	@bash tests/install_services.sh
	@SWEEPS=$(or $(SWEEPS),0.5) $(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

test-quick: setup ## While you work: unit tests, some tests on real stores, and a tenth of each sweep
	@SWEEPS=0.1 $(BIN)/python -m pytest -n $(WORKERS) -q tests/unit $(QUICK) $(PYTEST_ARGS)

sweep: setup ## Long: mutated files, random orders and crashes, forty times as many as in the tests; SWEEPS=n
	@SWEEPS=$(or $(SWEEPS),20) $(BIN)/python -m pytest -n $(WORKERS) --timeout 7200 \
	  $$(grep -rl --include='test_*.py' 'from tests.sweeps import' tests) $(PYTEST_ARGS)

images: setup ## Build the images and run them without Docker (root on Debian)
	@bash tests/images/build.sh
	@$(BIN)/python -m pytest tests/images $(PYTEST_ARGS)

chaos: setup ## Kill, stop and restart processes and services during imports; FAULTS=n SEED=s, FROM=k resumes at fault k
	@$(BIN)/python -m tests.chaos --faults $(or $(FAULTS),8) --seed $(or $(SEED),1) --from $(or $(FROM),1) $(CHAOS_ARGS)

seams: setup ## Test the private names in use on other releases of Dagster and Celery; SEAMS="celery==5.7.1 ..."
	@$(BIN)/python -m tests.seams_matrix $(SEAMS)

check: setup ## Format, lint, types, import rules, Dagster definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dg check defs

bench: setup ## Measure throughput, latency, scale, KPIs and reading; writes benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks.run $(BENCH_ARGS)

format: setup ## Format the code, fix what lint can fix, write .env.example and the generated pages
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m tests.unit.test_env_example > .env.example
	$(BIN)/python -m tests.unit.test_configuration_page > docs/configuration.md
	$(BIN)/python -m tests.unit.test_data_dictionary > docs/data-dictionary.md
	$(BIN)/python -m tests.unit.test_questions_page > docs/questions.md
	$(BIN)/python -m tests.unit.test_api_page > docs/api.md
	$(BIN)/python -m tests.unit.test_help > cli/summaries.json
	$(BIN)/python -m tests.unit.test_currency_signs > orders_pipeline/order_files/values/currency_signs.json

lock: $(READY) ## Lock the dependencies again, for people and for the image; UPGRADE=--upgrade takes newer versions
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 \
	  --no-header --no-strip-extras --quiet --output-file requirements.lock $(UPGRADE)
	$(BIN)/uv pip compile pyproject.toml --extra s3 --constraint requirements.lock --universal --generate-hashes \
	  --python-version 3.11 --no-header --no-strip-extras --quiet --output-file deploy/requirements.lock

screenshots: setup ## Take those pictures in docs/pictures again whose pages have changed (needs Chromium)
	@$(BIN)/python -m tests.screenshots

vendor: $(READY) ## Fetch the console's third-party files from npm, after a change of vendor.json
	@$(BIN)/python -m tests.vendored_files

up: runtime ## Start broker, workers, Dagster and API in the background
	@$(BIN)/orders up

down: ## Stop them gracefully
	@test ! -x $(BIN)/orders || $(BIN)/orders down

clean: down ## Remove .venv, .env and caches; the state in ORDERS_HOME (var/) stays
	rm -rf .venv .env .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info

# CPython 3.11 and 3.12 come first: for them a Redis server comes with the locked packages.
$(RUNTIME): deploy/requirements.lock pyproject.toml
	@usable() { "$$1" -c "import sys; sys.exit(not $$2 <= sys.version_info[:2] < $$3)" 2>/dev/null; }; \
	python=""; \
	for name in $(or $(PYTHON),python3 python3.12 python3.11); do \
	  if usable $$name '(3, 11)' '(3, 13)'; then python=$$name; break; fi; done; \
	for name in $(or $(PYTHON),python3 python3.14 python3.13); do \
	  if [ -z "$$python" ] && usable $$name '(3, 11)' '(4, 0)'; then python=$$name; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or later is needed. Install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; fi; \
	echo "Setting up .venv with $$("$$python" --version)"; \
	test -x $(BIN)/pip || "$$python" -m venv .venv
	@bash deploy/install_packages.sh deploy/requirements.lock --compile-bytecode
	@touch $@

$(READY): $(RUNTIME) requirements.lock
	@bash deploy/install_packages.sh requirements.lock
	@touch $@

# Dagster reads .env before it looks for its home, so plain `dagster` commands work without exports. Values in .env
# override exported variables, so each has the form NAME=${NAME:-default}.
.env:
	@printf '%s\n' 'DAGSTER_HOME=$${DAGSTER_HOME:-$(CURDIR)}' 'ORDERS_HOME=$${ORDERS_HOME:-$(CURDIR)/var}' \
	  'DAGSTER_DISABLE_TELEMETRY=1' > $@

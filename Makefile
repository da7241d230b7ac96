# `make demo` and `make test` are enough: each sets up .venv first, with uv when it is there, else with venv and pip.

PYTHON ?= python3
WORKERS ?= 2

# The demo's store: nothing for a file in demo/, `postgres` for a server of its own, or the URL of an empty database.
STORE ?=

# How long `make simulate` runs; how long `make fuzz` searches each parser, and which ones: nothing for all.
SECONDS ?= 60
PARSERS ?=

# How long `make crash` may take; nothing for as long as all of it does.
MINUTES ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
ON_STORE := $(if $(filter postgres,$(STORE)),$(BIN)/python -m tests.postgres_server,\
    $(if $(STORE),INDICIUM_STORE='$(STORE)'))
TESTS := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
SOURCES := $(wildcard indicium tests benchmarks examples/*.py docs/*.py)

.DEFAULT_GOAL := help
.PHONY: help setup demo test crash check bench model simulate pythons docs coverage mutants hunt fuzz build lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "PYTHON=python3.12 chooses the interpreter (3.11 to 3.13) of a new .venv, WORKERS=4 the processes of the tests,"
	@echo "STORE=postgres (or a URL) where the demo keeps its records."

setup: $(STAMP) ## Install the locked packages and this checkout into .venv

demo: $(STAMP) ## Show a whole ledger: ceremony, meters, a mailing, verification, a tampered copy; left behind in demo/
	$(ON_STORE) $(BIN)/indicium demo --home demo --fresh

test: $(STAMP) ## Run all tests
	$(TESTS)

crash: $(STAMP) ## Kill, fail and cut off each command at every system call that writes: an hour, or MINUTES=10
	$(BIN)/python -m tests.crash $(MINUTES)

check: $(STAMP) ## Lint, types, contracts between rooms, tidiness, generated docs, rows that no test shows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture/test_tidy.py
	$(BIN)/python docs/generate.py --check
	$(BIN)/python docs/coverage.py --check

bench: $(STAMP) ## Measure the figures, as ratios within one run: some ten minutes, 5 GB of temporary files
	$(BIN)/python -m benchmarks

model: $(STAMP) ## Search the Spin models in docs/model exhaustively, and show what each broken variant yields: a minute
	$(BIN)/python docs/spin.py

docs: $(STAMP) ## Write the generated parts of the docs anew
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/coverage.py

coverage: $(STAMP) ## Run all tests and demand 95 % of the branches of domain and cryptomodule
	$(TESTS) --cov --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=95

simulate: $(STAMP) ## Run simulated worlds in which all goes wrong, SECONDS=60 or SEEDS=20; count them in the docs
	$(BIN)/python -m tests.simulator.campaign $(if $(SEEDS),--seeds $(SEEDS),--seconds $(SECONDS))

pythons: $(STAMP) ## Run the same simulated worlds on each supported Python that is here, and compare their chains
	$(BIN)/python -m tests.simulator.pythons

mutants: $(STAMP) ## Break checks, registers and record in every small way and list what no test noticed
	$(BIN)/mutmut run
	$(BIN)/mutmut results

hunt: $(STAMP) ## Draw lives of meters and spoiled inputs a hundred times longer than the tests do: an hour or more
	$(TESTS) --hypothesis-profile=hunt tests/lives tests/fuzz tests/hostile

fuzz: $(STAMP) ## Search every parser for inputs that do harm, led by coverage; SECONDS=600 PARSERS="record share"
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(PARSERS)

build: $(STAMP) ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build --no-isolation

lock: ## Resolve pyproject.toml into requirements.lock anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --all-extras --group dev --upgrade pyproject.toml --output-file requirements.lock
	@! grep -nE '://|^ *--?(index|extra|find|trusted|i |f )' requirements.lock

clean: ## Remove all that was made, environments and demo/ too
	rm -rf $(VENV) .venv-3.* demo dist mutants htmlcov .coverage*
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made from scratch whenever the lock changes, so that it never holds what the lock does not.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    || { echo "Python 3.11 to 3.13 is needed; name it: make PYTHON=python3.12"; exit 1; }
	rm -rf $(VENV)
ifneq ($(UV),)
	$(UV) venv --quiet --no-python-downloads --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu venv is a package: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
endif
	@touch $@

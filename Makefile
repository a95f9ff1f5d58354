# Everything a person or a CI machine calls. `make` alone tells what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := mlsystem monitoring labelling serving registry benchmarks tests tools manage.py
# Two browsers and a database beside more workers would only wait for each other.
TEST_WORKERS ?= 2
# loadfile: what the tests of a file share is started once. The order of the files is
# tests/conftest.py's: the longest first, and not those with the most tests.
PYTEST := $(BIN)/pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder \
	$(PYTEST_ARGS)

# Without bytecode every process needs 16 s to import its libraries instead of 5.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up: a stamp file makes a second call start at once -------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "mlsystem needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@tools/install requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(BIN)/python
	@tools/install requirements-dev.txt
	@touch $@ $(VENV)/.installed

# --- what people call ---------------------------------------------------------------

.PHONY: demo up test test-slow test-faults check format bench screenshots lock vendor clean
demo: $(VENV)/.installed ## load the demo projects, run the loop on them, serve everything
	@exec $(BIN)/python manage.py demo

up: $(VENV)/.installed ## serve what is there: web, workers, beat and their broker
	@exec $(BIN)/python manage.py up

test: $(VENV)/.installed-dev ## the whole suite
	@$(PYTEST)

test-slow: $(VENV)/.installed-dev ## simulations and long races
	@$(PYTEST) -m slow

test-faults: $(VENV)/.installed-dev ## of the suite, what is killed, cut, full or corrupt
	@$(PYTEST) -m faults

check: $(VENV)/.installed-dev ## format, lint, types, imports, migrations, deployment, locks
	@tools/check $(CODE)

format: $(VENV)/.installed-dev ## put code and templates into shape
	@$(BIN)/ruff check --fix --quiet $(CODE) || true
	@$(BIN)/ruff format $(CODE)
	@tools/templates format

bench: $(VENV)/.installed-dev ## the benchmarks, as ratios, in one run
	@tools/bench all

bench-%: $(VENV)/.installed-dev
	@tools/bench $*

screenshots: $(VENV)/.installed-dev ## photograph every page into docs/screens (ARGS="--only churn-")
	@$(BIN)/python tools/screenshots.py $(ARGS)

lock: $(VENV)/.installed-dev ## compile the lock files again from pyproject.toml
	@$(BIN)/python tools/lock.py write $(LOCK_ARGS)

vendor: $(VENV)/.installed-dev ## fetch again what browsers load from others (needs npm)
	@$(BIN)/python tools/vendor.py write

clean: ## remove what tools left behind; keeps var/ and .venv
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

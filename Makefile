# Everything a person or a machine does here. `make` alone lists it.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
FLAGS ?=

# Without bytecode every command starts at half the speed; uv writes none unless it is told to.
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-system coverage simulate proofs bench mutants fix docs lock wheel clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.dev  ## the environment for work on Turnout, from the lock files

demo: $(VENV)/.demo  ## the story of a good, a bad and a slow version (FLAGS="--fast --keep")
	$(BIN)/turnout demo $(FLAGS)

check: setup  ## format, lint, layers, types, sizes
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -q tests/unit/test_house_*.py $(FLAGS)

test: setup  ## everything that needs no root, no service and no minutes
	$(BIN)/pytest -q -m "not system" $(FLAGS)

test-system: setup  ## real Envoy, real processes, the whole command line
	$(BIN)/pytest -q -m system --durations=10 $(FLAGS)

coverage: setup  ## the lines and branches that no test reaches
	$(BIN)/pytest -q -m "not system" --cov --cov-report=term-missing:skip-covered $(FLAGS)

simulate: setup  ## random histories with faults against the invariants (FLAGS="random 5000 10000")
	$(BIN)/python -m turnout.testing.sim $(or $(FLAGS),random 0 5000)

proofs: setup  ## the full counts behind docs/why; hours
	HYPOTHESIS_PROFILE=proofs TURNOUT_PROOFS=1 $(BIN)/pytest -q --timeout=0 $(FLAGS)

bench: setup  ## the figures of the README
	@for program in benchmarks/*.py; do echo "$$program"; $(BIN)/python "$$program" $(FLAGS) || exit 1; done

mutants: setup  ## changes to the core that no test notices
	$(BIN)/mutmut run

fix: setup  ## what can be mended by a tool
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup  ## the examples of README and docs, run and compared
	$(BIN)/pytest -q tests/docs $(FLAGS)

COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --universal \
	--python-version 3.11 --custom-compile-command "make lock"

lock:  ## the lock files anew, within the bounds of pyproject.toml (FLAGS=--upgrade)
	$(COMPILE) $(FLAGS) pyproject.toml --extra demo --group dev -o requirements/dev.txt
	$(COMPILE) $(FLAGS) pyproject.toml --extra demo -c requirements/dev.txt -o requirements/demo.txt
	$(COMPILE) $(FLAGS) pyproject.toml -c requirements/dev.txt -o requirements/base.txt
	$(COMPILE) $(FLAGS) requirements/build.in -c requirements/dev.txt -o requirements/build.txt

wheel: setup  ## dist/turnout-….whl
	$(BIN)/hatchling build -t wheel

clean:  ## the environment and everything that was made
	rm -rf $(VENV) build dist mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

LOCKS := requirements/build.txt pyproject.toml
LOCKED := --require-hashes --only-binary :all: -r requirements/build.txt
EDITABLE := --no-build-isolation --no-deps --editable .

# The build's own packages stand in build.txt, so the editable install needs no network of its own.
define install
	@$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or \
		sys.exit("Turnout needs Python 3.11 or later, this one is " + sys.version.split()[0] + \
		"; name another: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@if command -v uv >/dev/null; then set -ex; \
		$(BIN)/python -c "" 2>/dev/null || uv venv --quiet --python $(PYTHON) $(VENV); \
		uv pip install --quiet --python $(BIN)/python $(LOCKED) -r $(1); \
		uv pip install --quiet --python $(BIN)/python $(EDITABLE); \
	else set -ex; \
		$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check $(LOCKED) -r $(1); \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE); \
	fi
endef

$(VENV)/.demo: requirements/demo.txt $(LOCKS)
	$(call install,requirements/demo.txt)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(LOCKS)
	$(call install,requirements/dev.txt)
	@touch $@ $(VENV)/.demo

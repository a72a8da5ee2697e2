# `make demo` shows what Onelook does; `make test` runs every check. Both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
SLIM := .venv-slim
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test slim bench clean

help:
	@echo "make demo    set up, enroll the sample catalog and recognise pictures"
	@echo "make test    set up, then check style, types and layers and run the tests"
	@echo "make slim    set up an environment without torch, and check that it recognises and serves"
	@echo "make bench   set up, measure speed for some ten minutes, write benchmarks/RESULTS.md"
	@echo "make clean   remove the virtual environment and build output"
	@echo
	@echo "PYTHON=python3.12 chooses an interpreter, JOBS=4 how many tests run at a time."

# A failed attempt leaves a $(BIN)/python without pip, so the stamp is what counts.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, but $(PYTHON) is: $$($(PYTHON) -V 2>&1)." >&2; \
		echo "Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "No virtual environment could be made; Debian has it in the package python3-venv." >&2; \
		rm -rf $(VENV); exit 1; }
	@touch $@

# Recognising needs no torch, so the demo is set up within a minute.
$(VENV)/installed: pyproject.toml requirements-slim.txt | $(VENV)/made
	@echo "Installing into $(VENV): 0.5 GB, without torch, which only training needs."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-slim.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(VENV)/made
	@echo "Installing into $(VENV); the first time fetches torch and takes minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/installed $@

# In an environment of its own, since some peers bring packages that change how others behave.
$(BENCH)/installed: pyproject.toml
	@echo "Installing into $(BENCH); the first time fetches torch and takes minutes."
	@$(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

# A wheel beside what a slim install has, and nothing else of this checkout or its environments.
$(SLIM)/installed: pyproject.toml requirements-slim.txt engine
	@echo "Installing into $(SLIM): 0.5 GB."
	@$(PYTHON) -m venv --clear $(SLIM)
	@$(SLIM)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-slim.txt
	@$(SLIM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps .
	@touch $@

slim: $(SLIM)/installed
	$(SLIM)/bin/python -m tests.slim

demo: $(VENV)/installed
	$(BIN)/onelook demo

test: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(JOBS)

bench: $(BENCH)/installed
	$(BENCH)/bin/python -m benchmarks results

clean:
	rm -rf $(VENV) $(BENCH) $(SLIM) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis onelook-demo.png

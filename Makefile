# make run: a server and two peers that talk.  make test: the whole suite.  Both set up all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: run test check bench network-lab vectors clean

run: $(INSTALLED)
	@$(BIN)/python demo/talk.py

test: $(INSTALLED)
	@sh tests/system.sh
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks

network-lab: $(INSTALLED)
	@sh tests/system.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[uvloop,test,rivals]'
	$(BIN)/python -m tests.network --wheel --write docs/network.md

vectors: $(INSTALLED)
	$(BIN)/python -m tests.vectors.make

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "eitherway needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "no virtual environment could be made: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[uvloop,test]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

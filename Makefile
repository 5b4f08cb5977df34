# `make` lists what can be made. Everything is created in .venv; nothing is installed on the machine.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.NOTPARALLEL: # pip must not run twice at a time in one environment

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NODE := tests/clients/node
NODE_CLIENT := $(NODE)/node_modules/.package-lock.json
# What a new build depends on. Python files are not among them: they are used where they lie.
SOURCES := pyproject.toml CMakeLists.txt $(shell find csrc -type f)

# pip says little: only the large downloads, which tell why one waits. When it fails, all that it said at the end.
define pip_install
	@{ $(PIP) install $(1) 2>&1 | tee $(VENV)/install.log | { grep --line-buffered -E '^ +Downloading .*MB\)' || true; }; } || \
	  { tail -n 40 $(VENV)/install.log >&2; echo "sampan: installing failed; the whole story is in $(VENV)/install.log" >&2; exit 1; }
	@touch $@
endef

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.sampan  ## ask the embedded model one question
	@PATH="$(abspath $(BIN)):$$PATH" bash scripts/demo.sh

QUICK := "not slow and not reference and not browser and not clients and not prometheus"
# Rooms whose tests start no server: two of them run at a time. The others watch what the clock says, and run alone.
IN_PROCESS := auto backends bench checkpoint engine evaluation examination models ptq quant recipes text tuning
.PHONY: test
test: $(VENV)/.sampan $(VENV)/.test  ## run the tests, but not the slow ones, and those that a target below is for
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m $(QUICK) $(addprefix tests/,$(IN_PROCESS))
	@$(BIN)/python -m pytest -q -m $(QUICK) $(addprefix --ignore=tests/,$(IN_PROCESS))

.PHONY: test-browser
test-browser: $(VENV)/.sampan $(VENV)/.test $(VENV)/.browser  ## open the chat page and reports in a headless Chromium
	@bash scripts/install_chromium.sh
	@$(BIN)/python -m pytest -q -m browser tests/apps/web tests/evaluation

.PHONY: test-prometheus
test-prometheus: $(VENV)/.sampan $(VENV)/.test  ## watch a server under load with a real Prometheus, which it fetches
	@bash scripts/install_prometheus.sh
	@$(BIN)/python -m pytest -q -m prometheus tests/deploy

.PHONY: test-reference
test-reference: $(VENV)/.sampan $(VENV)/.test $(VENV)/.reference  ## compare with torch and transformers (large downloads)
	@$(BIN)/python -m pytest -q -m reference

.PHONY: test-clients
test-clients: $(VENV)/.sampan $(VENV)/.test $(VENV)/.clients $(NODE_CLIENT)  ## run other people's clients against the server
	@$(BIN)/python -m pytest -q -m clients

.PHONY: test-all
ALL_GROUPS := $(VENV)/.test $(VENV)/.reference $(VENV)/.browser $(VENV)/.clients
test-all: $(VENV)/.sampan $(ALL_GROUPS) $(NODE_CLIENT)  ## run every test
	@bash scripts/install_chromium.sh
	@bash scripts/install_prometheus.sh
	@$(BIN)/python -m pytest -q

.PHONY: bench
bench: $(VENV)/.sampan  ## measure the embedded model against the machine's limits
	@$(BIN)/sampan bench

.PHONY: sanitize
sanitize: $(VENV)/.build  ## run the tests of csrc/tests under address, undefined-behaviour and thread sanitizers
	@PATH="$(abspath $(BIN)):$$PATH" bash scripts/sanitize.sh

.PHONY: check
check: $(VENV)/.sampan $(VENV)/.check  ## formatting, lint, types, layers: what CI checks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: $(VENV)/.check  ## format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: tiny-model
tiny-model: $(VENV)/.sampan  ## train the embedded model anew (about two hours on two cores; may be interrupted)
	@$(BIN)/python -m recipes.tiny

.PHONY: clean
clean:  ## remove .venv, builds and caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests recipes -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# ---- the environment ------------------------------------------------------------------------------------------------

$(VENV)/.python:
	@PYTHON="$(PYTHON)" bash scripts/preflight.sh
	@echo "Creating $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	$(call pip_install,--upgrade 'pip>=25.1')

$(VENV)/.build: pyproject.toml | $(VENV)/.python
	$(call pip_install,--group build)

$(VENV)/.sampan: $(SOURCES) | $(VENV)/.build
	@if [ -e $@ ]; then echo "Building Sampan anew"; else \
	  echo "Building Sampan and installing what it needs (about 250 MB, most of it PaddlePaddle)"; fi
	$(call pip_install,--no-build-isolation --editable .)

$(VENV)/.test $(VENV)/.check $(VENV)/.reference $(VENV)/.browser $(VENV)/.clients: $(VENV)/.%: pyproject.toml | $(VENV)/.python
	@echo "Installing the dependency group '$*'"
	$(call pip_install,--group $*)

# Without Node its client is left out.
$(NODE_CLIENT): $(NODE)/package.json
	@if command -v npm >/dev/null; then npm install --prefix $(NODE) --no-audit --no-fund --loglevel error; touch -c $@; \
	  else echo "npm is not installed: the client for Node is left out"; fi

# Everything a developer runs. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cross-account test format clean

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready node_modules/.ready ## Install what is needed into .venv and node_modules

demo-cross-account: setup ## The same, from a source in another account
	@$(PY) -m demo --cross-account

demo: setup ## Restore a real database, from snapshot to notification, on this machine
	@$(PY) -m demo

test: setup ## Check format, lint and types, and run every test
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/mypy
	$(PY) -m pytest -q --numprocesses 2 --no-loadscope-reorder

format: setup ## Put the code into shape
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format --quiet .

clean: ## Remove what the other targets have made
	rm -rf $(VENV) node_modules .local cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: requirements.txt requirements-lambda.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; name another with make PYTHON=...")'
	@echo "Installing the Python packages into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt
	@touch $@

node_modules/.ready: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node 18 or newer with npm is needed: https://nodejs.org" >&2; exit 1; }
	@echo "Installing the CDK CLI into node_modules ..."
	@npm ci --no-fund --no-audit --loglevel=error >/dev/null
	@touch $@

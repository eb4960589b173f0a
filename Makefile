# Everything a developer runs. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup majors demo demo-cross-account demo-switch local local-cross-account local-switch picture check test docs wheel format clean

PYTHON ?= python3
VENV := .venv
MAJORS := embedded_aws/rds/data_plane/majors
PY := $(VENV)/bin/python
PYTEST := $(PY) -m pytest -q --numprocesses 2 --no-loadscope-reorder
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
# Where it is set, as in many containers, every process compiles all that it imports, each time.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready node_modules/.ready ## Install what is needed into .venv and node_modules

majors: setup $(MAJORS)/node_modules/.ready ## Install the other versions of PostgreSQL, for the tests

demo-cross-account: setup ## The demo with the source in another account
	@$(PY) -m demo --cross-account

demo-switch: setup ## The demo with a target that serves until another gets its name
	@$(PY) -m demo --switch

demo: setup ## Restore a real database on this machine; SCENARIO=list lists failures to see
	@$(PY) -m demo $(if $(SCENARIO),--scenario '$(SCENARIO)')

local: setup ## Keep the demo's AWS running, to try commands in another terminal
	@$(PY) -m demo.local

local-cross-account: setup ## The same with the source in another account
	@$(PY) -m demo.local --cross-account

local-switch: setup ## The same with a target that serves until another gets its name
	@$(PY) -m demo.local --switch

picture: setup ## Draw the picture of the demo in the README from a run of it
	@$(PY) -m demo.picture

check: setup ## Check format, lint and types, and run the unit tests: some minutes
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/mypy & types=$$!; \
	trap 'tests=$$?; wait $$types || exit 1; exit $$tests' EXIT; \
	$(PYTEST) tests/unit

test: check majors ## Run everything: what check does, then all other tests
	$(PYTEST) tests --ignore=tests/unit

docs: setup ## Rewrite the configuration's schema and the generated parts of the documentation
	@$(PY) -m aurora_restore.reference.schema_file
	@$(PY) -m aurora_restore.reference.rds_authorities
	@$(PY) -m aurora_restore.reference
	@$(PY) -m embedded_aws.rds.facts
	@$(PY) -m demo.scenarios.table

wheel: setup ## Build the package for CDK apps elsewhere, into dist
	@rm -rf build
	@$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@rm -rf build

format: setup ## Format the code and fix what ruff can fix
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format --quiet .

clean: ## Remove everything that the other targets have created
	rm -rf $(VENV) node_modules $(MAJORS)/node_modules .local cdk.out .cdk-cache dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.ready: pyproject.toml requirements.txt requirements-cli.txt aurora_restore/infra/bundles/requirements-lambda.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; name another with make PYTHON=...")'
	@echo "Installing the Python packages into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check -r requirements-dev.txt --editable .
	@touch $@

node_modules/.ready: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node 18 or newer with npm is needed: https://nodejs.org" >&2; exit 1; }
	@echo "Installing the CDK CLI and PostgreSQL into node_modules ..."
	@npm ci --no-fund --no-audit --loglevel=error >/dev/null
	@touch $@

$(MAJORS)/node_modules/.ready: $(MAJORS)/package.json $(MAJORS)/package-lock.json
	@echo "Installing the other versions of PostgreSQL into $(MAJORS) ..."
	@npm ci --prefix $(MAJORS) --ignore-scripts --no-fund --no-audit --loglevel=error >/dev/null
	@touch $@

# What a person runs. Needs nothing but Python 3.11 or newer; `make PYTHON=python3.13 setup` chooses which.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
# What builds the project itself; it is in the lock files too, so that nothing unlocked is installed.
BUILD := setuptools>=77
LOCK := pip compile pyproject.toml - --extra embedded --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-strip-extras -q $(ARGS)

# The Python that an environment was made from may be gone after an upgrade of the system: then it is made anew.
$(shell $(BIN)/python -c '' 2>/dev/null || rm -f $(VENV)/.made $(VENV)/.runtime $(VENV)/.dev)

.PHONY: help setup serve test check bench bench-search openapi migration lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-13s %s\n' "$$name" "$$text"; done

setup: $(VENV)/.runtime ## the environment in .venv, so that .venv/bin/practice-exchange runs

serve: setup ## the exchange on this machine, with its own PostgreSQL and sample data (ARGS="--port 9000")
	@$(BIN)/practice-exchange serve $(ARGS)

test: $(VENV)/.dev ## all tests, on a throw-away PostgreSQL (ARGS="-k lifecycle")
	$(BIN)/python -m pytest -n auto $(ARGS)

check: $(VENV)/.dev ## format, lint, types, layers, migrations and openapi.json
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/practice-exchange check-migrations
	$(BIN)/practice-exchange openapi --check

bench: $(VENV)/.dev ## the speed beside a plain version of the same service
	$(BIN)/python -m benchmarks $(ARGS)

bench-search: $(VENV)/.dev ## how good the search is: recall and nDCG of judged queries (ARGS=--each)
	$(BIN)/python -m benchmarks.search $(ARGS)

openapi: $(VENV)/.runtime ## write openapi.json from the code
	$(BIN)/practice-exchange openapi --output openapi.json

migration: $(VENV)/.dev ## a new migration from the tables (m="what changes")
	@test -n "$$m" || { echo 'Say what changes: make migration m="practices: add a summary"' >&2; exit 2; }
	$(BIN)/alembic revision --autogenerate -m "$$m"

lock: ## write both lock files anew after a change of pyproject.toml (ARGS=--upgrade for newer versions)
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; set -x; \
	$(PYTHON) -m venv "$$folder"; \
	"$$folder/bin/python" -m pip --disable-pip-version-check install -q 'uv>=0.13'; \
	echo '$(BUILD)' | "$$folder/bin/uv" $(LOCK) --group test --group lint -o requirements-dev.lock; \
	echo '$(BUILD)' | "$$folder/bin/uv" $(LOCK) -c requirements-dev.lock -o requirements.lock

clean: ## remove the environment and what tools left; the data in .data stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find app migrations tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@command -v "$(PYTHON)" >/dev/null || { echo 'There is no $(PYTHON): install Python 3.11 or newer.' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." >&2; \
		echo 'Name a newer one: make setup PYTHON=python3.13' >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '$(PYTHON) cannot make environments. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

# pyproject.toml names the commands, so the project itself is installed again when it changes.
$(VENV)/.runtime: $(VENV)/.made requirements.lock pyproject.toml
	@echo 'Installing the libraries that requirements.lock names; the first time this takes about a minute.'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements-dev.lock pyproject.toml
	@echo 'Installing the libraries that requirements-dev.lock names; the first time this takes a few minutes.'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/.runtime $@

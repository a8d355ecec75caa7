# Every target sets itself up from nothing but Python 3.11 or newer with venv, make and a package index.

PYTHON ?= python3
BIN := .venv/bin
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
PROTOS := $(shell find protos -name '*.proto')

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check bench gen lock clean

help:  ## List the targets.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# The environment follows the lock; the stubs follow the contracts.
.make/venv: requirements.lock
	@mkdir -p .make
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tollkeeper needs Python 3.11 or newer; name one with make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

.make/gen: .make/venv $(PROTOS) libs/stubs/generate.py
	$(BIN)/python libs/stubs/generate.py
	@touch $@

.make/install: .make/gen pyproject.toml libs/stubs/pyproject.toml libs/client/pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e libs/stubs -e libs/client -e .
	@touch $@

setup: .make/install

demo: setup  ## Meter, limit and bill sixteen airlines for January 2013.
	@exec $(BIN)/python examples/airlines/demo.py

up: setup  ## Run the platform here, with its own PostgreSQL and NATS.
	@exec $(BIN)/tollkeeper up

test: setup  ## Run every test, the whole year of departures among them.
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

check: setup  ## Lint, types, import contracts, protobuf contracts, built wheels.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(BIN)/python tests/checks/no_floats.py
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking --against protos/baseline.binpb
	$(BIN)/python tests/checks/wheels.py

bench: setup  ## Measure as ratios against yardsticks on the same machine.
	@exec $(BIN)/python -m tests.bench

gen: setup  ## Generate the stubs from protos/.
	$(BIN)/python libs/stubs/generate.py

lock:  ## Resolve the dependencies anew into requirements.lock.
	@mkdir -p .make && test -x .make/uv/bin/uv || ($(PYTHON) -m venv .make/uv && .make/uv/bin/pip install --quiet uv)
	.make/uv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-annotate --no-header --upgrade \
	  --no-emit-package tollkeeper-protos --extra cli --group dev --group data pyproject.toml --output-file requirements.lock

clean:  ## Remove what the other targets made.
	rm -rf .venv .make build dist libs/stubs/tollkeeper

# `make help` lists what one can do. Everything is installed into .venv; nothing outside this folder is touched.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
MEMBERS := contracts features prompts experiments decisions serving transformers predictors consumers pipelines model_cards local cli
ARGS ?=
OUT ?= .oo-ml/bench
# Each worker takes whole files, so that what a module starts is started once. Many tests wait for a process: one worker
# more than there are cores.
WORKERS ?= --numprocesses $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadfile --no-loadscope-reorder
# A root folder called `transformers` must not be importable as a package of that name.
export PYTHONSAFEPATH := 1

help:  ## list what one can do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## *' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/installed  ## install everything into .venv (.venv/bin/oo-ml exists afterwards)

.venv/installed: locks/dev.txt locks/uv.txt $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "make: Python 3.11 or newer is needed, and '$(PYTHON)' is not; name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || \
		{ echo "make: '$(PYTHON)' has no pip: install it (python3-pip in Debian), or name another Python by PYTHON=…" >&2; exit 1; }
	@echo "==> installing into .venv (the first time downloads about 800 MB)"
	@$(PYTHON) -m venv --without-pip .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes --upgrade --target .venv/bootstrap -r locks/uv.txt
	@.venv/bootstrap/bin/uv pip install --no-config --python $(BIN)/python --no-deps --require-hashes -r locks/dev.txt
	@.venv/bootstrap/bin/uv pip install --quiet --no-config --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e ./%)
	@touch $@

# Optional parts and oracles. PySpark is published as source; setuptools, which builds it, comes with the rest.
.venv/extras: .venv/installed locks/extras.txt
	@echo "==> installing what only tests need (the first time downloads about 500 MB)"
	@.venv/bootstrap/bin/uv pip install --no-config --python $(BIN)/python --no-deps --no-build-isolation-package pyspark --require-hashes -r locks/extras.txt
	@touch $@

up: setup  ## start the whole system here: http://127.0.0.1:8080 (Ctrl-C stops it; ARGS="--port 9000")
	@$(BIN)/oo-ml up $(ARGS)

test: lint types arrows unit  ## lint, types, arrows, and the tests without the long ones; says what was skipped

test-all: lint types arrows .venv/extras  ## the same with the long ones, which `.ci/run` calls: everything that has to hold
	@$(BIN)/python -P -m pytest $(WORKERS) -m "not alone"
	@$(BIN)/python -P -m pytest -m alone

unit: .venv/extras  ## the tests alone (ARGS="tests/features -k hour" runs those, long or not)
ifneq ($(strip $(ARGS)),)
	@$(BIN)/python -P -m pytest $(ARGS)
else
	@$(BIN)/python -P -m pytest $(WORKERS) -m "not long and not alone"
	@$(BIN)/python -P -m pytest -m "alone and not long"
endif

check: lint types arrows  ## the quick loop: lint, types, arrows, and the tests that import what was changed
	@tests="$$($(BIN)/python -P scripts/affected_tests.py)"; \
		if [ -n "$$tests" ]; then $(BIN)/python -P -m pytest -q -m "not real" $$tests; \
		else echo "no test imports what was changed"; fi

lint: setup  ## ruff: format and rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/extras  ## mypy, strict
	@$(BIN)/mypy $(MEMBERS:%=-p oo_%)

arrows: setup  ## import-linter: who may know whom
	@$(BIN)/lint-imports

fix: setup  ## format, and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

cluster-up: setup  ## a real cluster for tests: kind where Docker answers, else processes of this machine
	@tests/cluster/lab/up

cluster-down:  ## stop it, and put the machine back
	@tests/cluster/lab/down

test-cluster: setup  ## the tests that need a cluster, which is started, and stopped again if it was not there
	@tests/cluster/run $(ARGS)

bench: setup  ## serving beside floors and peers, in one run: OUT=DIR gets bench.json and bench.html (ARGS=--help)
	@PYTHONPATH=benchmarks $(BIN)/python -P -m oo_bench --out $(OUT) $(ARGS)

bench-check: setup  ## fails when ours has become slower against the stock chain or the floor (ARGS=--update commits anew)
	@PYTHONPATH=benchmarks $(BIN)/python -P -m oo_bench.check $(ARGS)

bench-flame: setup  ## a flame graph of a process under load, by py-spy (OUT=DIR, ARGS="--candidates 50 --process predictor")
	@PYTHONPATH=benchmarks $(BIN)/python -P -m oo_bench.flame_graph --out $(OUT) $(ARGS)

bench-hostile: setup  ## p99 of a quiet client beside a hostile one, against the same alone
	@PYTHONPATH=benchmarks $(BIN)/python -P benchmarks/hostile.py $(ARGS)

bench-consumers: setup  ## events that the consumers write per CPU-second, steady and in a backlog
	@PYTHONPATH=benchmarks $(BIN)/python -P benchmarks/consumers.py $(ARGS)

bench-overload: setup  ## p99 of what is answered at 3 times the capacity, and how much of it is answered
	@PYTHONPATH=benchmarks $(BIN)/python -P benchmarks/overload.py $(ARGS)

bench-predictor: setup  ## p50 of the predictor by JSON and by raw tensors, against its model alone and behind bare HTTP
	@PYTHONPATH=benchmarks $(BIN)/python -P benchmarks/predictor.py $(ARGS)

load: setup  ## Locust against the running stack: p50, p95, p99 (ARGS="--rate 200 --run-time 60s --max-p99 50")
	@mkdir -p .oo-ml && $(BIN)/locust --config tests/load/locust.conf $(ARGS)

lock: setup  ## resolve anew and write locks/*.txt (move exclude-newer in pyproject.toml first)
	@$(BIN)/python -P scripts/lock.py $(MEMBERS)

.PHONY: chart
chart: setup  ## write what follows from the chart: schema, table, manifests/base (ARGS=--check)
	@$(BIN)/python -P scripts/chart.py $(ARGS)

images:  ## build the container images, all or some (ARGS="--archive FOLDER transformers"; ARGS=--help)
	@$(PYTHON) -P scripts/images.py $(ARGS)

clean:  ## remove .venv and caches; the data in .oo-ml stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.PHONY: help setup up cluster-up cluster-down test-cluster test test-all unit lint types arrows fix bench bench-check bench-flame bench-hostile bench-consumers bench-overload bench-predictor load lock images clean

# Two commands on a fresh machine: `make demo`, `make test`. Needs python3 >= 3.11 and make.
# The environment's PIP_* variables are respected; nothing here names a package host.
PYTHON3 ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
# Compiled kernels, for all commands; what is kept is named by the sources that it was made of.
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fmt bench quality chaos simulate gameday fuzz kafka wheel lock clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

# Installed again only when the locked versions or the package's own metadata change.
$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON3=/path/to/python3.11"; exit 1; }
	$(PYTHON3) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: \
	  -r constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP) ## Create .venv with the locked versions

demo: setup ## Customers, broker and profiles on this machine, for a look
	$(BIN)/interest-streams demo $(ARGS)

# Two processes, each with a broker of its own; a file's tests stay together for what they share.
test: setup ## Every test but chaos, bench and quality, examples too; real Kafka if it can be had
	@# Kernels are compiled once, not by both in the time of their first test.
	@$(BIN)/python -c 'from streams.worker.wiring import warm_up; warm_up()'
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
	  --max-worker-restart 0 -m "not chaos and not bench and not quality" $(ARGS)

lint: setup ## ruff, mypy --strict (tests too), and the examples in docstrings
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/project/test_examples.py

fmt: setup ## Sort imports and repair what can be repaired
	$(BIN)/ruff check --fix .

bench: setup ## Measure, peers side by side on a real Kafka (about 20 minutes)
	$(BIN)/python -m tests.bench $(or $(ARGS),side --latency 30)

quality: setup ## Are the scores honest: on real data, against baselines (TAGS=1: tags; DATA=DIR)
	$(if $(DATA),DATA=$(abspath $(DATA)) )$(BIN)/python -m $(if $(TAGS),tests.quality.tags,pytest -m quality -s --timeout=1800) $(ARGS)

chaos: setup ## 5 M events, 150 faults of 35 kinds, 3 seeds, on a real broker (or 3); ARGS=--help
	$(BIN)/python -m tests.chaos $(or $(ARGS),--events 1700000 --faults 50 --seed 11 --seed 12 --seed 13)

simulate: setup ## Ten thousand seeded schedules of faults over a Kafka in memory
	$(BIN)/python -m tests.simulation --schedules 10000 --jobs 2 $(ARGS)

gameday: setup ## What befalls a deployment in a year, in an hour: each alert fires and resolves; ARGS=--help
	$(BIN)/python -m tests.gameday $(ARGS)

fuzz: setup ## Look for a minute for bytes that a decoder can't take
	$(BIN)/python -m tests.fuzz --seconds 60 $(ARGS)

kafka: setup ## Fetch the test broker's jars into .cache/kafka ahead of the tests
	$(BIN)/python -m tests.broker.jars

wheel: setup ## The wheel that brings its kernels compiled, into dist/ (CPU=x86-64-v3)
	PYTHON=$(BIN)/python CPU=$(CPU) .ci/wheel

lock: ## Write constraints.txt anew
	.ci/lock

clean: ## Remove what make and the tests made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

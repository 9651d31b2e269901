# make run [SAY="..."] [SEED=n] [SCENE=...] [PLANNER=...]   install, then carry out a sentence on the simulated arm
# make test                       install, then the default test suite
# make soak [MINUTES=n]           install, then minutes of faults on loopback; the same line again goes on after Ctrl-C
# make check                      test, and formatting, lint, types, import rules, the wheel in an empty environment
# make fuzz [TARGET=wire] [SECONDS=600]   bytes from outside, by coverage, each target in turn (Linux)
# make mutants                    the suite against guards that have been removed
#
# On a machine without an NVIDIA GPU a smaller, CPU-only torch can be had from PyTorch's own index:
#   make run TORCH_INDEX=<address of the CPU wheel index>

SAY ?= put the red block in the bowl
SEED ?= 0
SCENE ?= auto
PLANNER ?=
MINUTES ?= 30
PYTHON ?= python3
TORCH_INDEX ?=
TARGET ?= $(notdir $(wildcard tests/fuzz/corpus/*))
SECONDS ?= 60

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)
ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo -n)

# The sentence reaches the shell through the environment, so that it may hold any quotes.
export SAY

.PHONY: run test soak check fuzz mutants install clean
run: .venv/.stamp-run
	$(BIN)/handily run "$$SAY" seed=$(SEED) scene=$(SCENE) $(if $(PLANNER),planner=$(PLANNER))

test: .venv/.stamp-dev
	$(BIN)/python -m pytest

soak: .venv/.stamp-run
	$(BIN)/handily bench soak minutes=$(MINUTES) seed=$(SEED)

check: .venv/.stamp-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest -m slow tests/packaging

fuzz: .venv/.stamp-fuzz
	set -e; for target in $(TARGET); do $(BIN)/python tests/fuzz/run.py $$target $(SECONDS); done

mutants: .venv/.stamp-dev
	$(BIN)/python -m pytest -m 'slow or not slow' tests/mutants

install: .venv/.stamp-run

clean:
	rm -rf .venv dist build

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "handily needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv || { $(ROOT) apt-get install -y --no-install-recommends python3-venv && $(PYTHON) -m venv .venv; }

# Torch comes first and alone: it is most of the download.
.venv/.stamp-torch: constraints.txt | .venv/bin/python
	$(PIP) "$(TORCH)" $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	touch $@

.venv/.stamp-run: pyproject.toml constraints.txt .venv/.stamp-torch
	$(PIP) -c constraints.txt -e '.[all]'
	@$(BIN)/python -c 'from sim.backend import BACKENDS, try_backend as t; exit(all(map(t, BACKENDS[:-1])))' \
	|| { $(ROOT) apt-get update -qq && $(ROOT) apt-get install -y -qq --no-install-recommends libegl1 libgl1; } \
	|| echo "No GL library could be installed: pictures come from the slower ray caster."
	touch $@

.venv/.stamp-dev: .venv/.stamp-run
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@

.venv/.stamp-fuzz: .venv/.stamp-dev
	$(PIP) -c constraints.txt -e '.[fuzz]'
	touch $@

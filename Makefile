# Every target sets itself up in .venv from a bare clone; only Python >= 3.11, make and git are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DATA ?= ../shared/data
# the registry's torch for Linux brings CUDA, 5 GB: `make test EXTRAS=dev,docs` tests everything but the training without it
EXTRAS ?= dev,docs,train

.DEFAULT_GOAL := help
.PHONY: help demo test check format evaluate cohort-demo cluster-test bench cases fuzz bounds docs docs-pictures tutorial clean

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("lungrisk needs Python 3.11 or newer: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

# the plain install: the whole line, without torch
$(VENV)/.plain: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

# with what trains, tests and documents
$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $(VENV)/.plain $@

demo: $(VENV)/.plain ## a real CT from its slices to the report, in out/demo
	$(BIN)/lungrisk demo -o out/demo

test: $(VENV)/.dev ## the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/.dev ## format, lint, types, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python scripts/make_docs.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir out/site

format: $(VENV)/.dev ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## write the generated pages, build the documentation in out/site
	$(BIN)/python scripts/make_docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir out/site

docs-pictures: $(VENV)/.plain ## draw the documentation's pictures again
	$(BIN)/python scripts/make_pictures.py

tutorial: $(VENV)/.dev ## run every line of the tutorial and write its page
	$(BIN)/python scripts/tutorial.py

evaluate: $(VENV)/.dev ## recompute every published figure from ../shared/data
	$(BIN)/python scripts/evaluate_all.py $(DATA)

cohort-demo: $(VENV)/.dev ## simulated patients from DICOM to four networks and an honest account, in out/cohort-demo (45 minutes)
	$(BIN)/python scripts/cohort_demo.py

cluster-test: $(VENV)/.dev ## one small cohort in line, on processes, on Dask and on a one-node SLURM: the same bytes (root, slurm-wlm, munge)
	$(BIN)/python scripts/cluster_test.py

bench: $(VENV)/.dev ## seconds and memory of each room, beside their floors
	$(BIN)/python scripts/bench.py

$(VENV)/.cases: $(VENV)/.dev
	$(PIP) install --quiet --constraint constraints.txt --editable '.[cases]'
	@touch $@

cases: $(VENV)/.cases ## inputs rebuilt from public bug reports: what is found beside what is right
	$(BIN)/python scripts/run_cases.py $(DATA)/cases

fuzz: $(VENV)/.dev ## changed inputs of every kind for 10 minutes, on from where the last run ended; MINUTES=60 for longer
	$(BIN)/python scripts/fuzz.py --minutes $(or $(MINUTES),10)

bounds: $(VENV)/.dev ## inputs that claim far more than they hold: what each costs
	$(BIN)/python scripts/run_bounds.py

clean: ## remove everything that these commands made
	rm -rf $(VENV) out build dist

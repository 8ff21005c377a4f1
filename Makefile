# The two commands: `make demo` and `make test`; `make check` is the quick half. Everything is set up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# How many processes run the tests is in tests/order.py; one that has nothing left takes tests of another one.
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal

# Tests start hundreds of Pythons, which would all compile the package anew where this is set.
export PYTHONDONTWRITEBYTECODE :=
# More processes than cores run them: threads of OpenMP and BLAS that wait in a loop for work take two fifths of the time from the others.
export OMP_WAIT_POLICY := passive
export OPENBLAS_THREAD_TIMEOUT := 4

# Real coding agents, in the versions that their adapters were checked with; they go into a folder that git ignores.
AGENTS := .test-agents
AGENT_PACKAGES := @openai/codex@0.171.0 opencode-ai@1.18.33
AIDER := aider-chat==0.86.2

# What an editable install copies into .venv: when it changes, it has to be installed again.
EXTENSION := hatch_build.py $(wildcard autoresearch_magic/ui/jupyter/labextension/*.*)

.PHONY: help demo lab check quick test test-agents chaos lint format wheel clean
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.lab ## set up, then run the quickstart notebook headless: about six minutes
	$(BIN)/autoresearch run notebooks/01_quickstart.ipynb

lab: $(VENV)/.lab ## open the quickstart in JupyterLab
	$(BIN)/jupyter lab notebooks/01_quickstart.ipynb

check: $(VENV)/.dev ## format, lint, types and the quick tests: a minute or two
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint quick

quick: $(VENV)/.dev ## the quick tests alone
	$(PYTEST) --quiet -m "not slow and not browser and not gpu and not agents"

test: $(VENV)/.dev ## set up and run all tests (TESTS=tests/study for a part)
	$(PYTEST) $(TESTS)

test-agents: $(VENV)/.dev $(AGENTS)/.ready ## install three real coding agents (1 GB, needs npm), let each improve a program against a server on loopback
	$(BIN)/python -m pytest -m agents tests/real_agents

chaos: $(VENV)/.dev ## kill 200 processes of studies at random moments, and compare all records after each: about ten minutes
	AUTORESEARCH_CHAOS=200 $(BIN)/python -m pytest -q -s tests/chaos

attacks: $(VENV)/.dev ## run all hostile targets with and without each layer, and write docs/attacks.md: about ten minutes
	rm -rf .attacks
	$(BIN)/python -m tests.attacks --matrix .attacks

lint: $(VENV)/.dev ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev ## put the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(VENV)/.dev ## build the wheel into dist/, and check that it holds the JupyterLab extension
	rm -f dist/autoresearch_magic-*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@$(BIN)/python -m zipfile --list dist/autoresearch_magic-*.whl | grep -q 'share/jupyter/labextensions/autoresearch-magic/static/extension' \
		&& echo "$$(ls dist/autoresearch_magic-*.whl): with the JupyterLab extension" || { echo "The wheel lacks the JupyterLab extension."; exit 1; }

clean: ## remove what the commands made
	rm -rf $(VENV) $(AGENTS) dist/autoresearch_magic-*.whl .autoresearch notebooks/.autoresearch notebooks/*.executed.ipynb

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two, more where torch has to be downloaded)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: pyproject.toml constraints.txt $(EXTENSION) | $(BIN)/python
	$(INSTALL) --editable '.[torch,lab]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(EXTENSION) | $(BIN)/python
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.lab

$(AGENTS)/.ready: Makefile
	@command -v npm >/dev/null || { echo "npm is needed: install node 20 or newer"; exit 1; }
	$(PYTHON) -m venv $(AGENTS)/aider
	$(AGENTS)/aider/bin/python -m pip install --quiet --disable-pip-version-check $(AIDER)
	npm install --prefix $(AGENTS)/node --no-audit --no-fund --silent $(AGENT_PACKAGES)
	@touch $@

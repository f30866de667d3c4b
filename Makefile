# make book: set up, execute every chapter, build the site.     make test: check everything.
SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
# torch's CPU build; empty for the default build, which on Linux brings CUDA
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
BIN := .venv/bin
READY := .venv/finished
DASK := .venv/dask
BROWSER := .venv/browser
AXE := .venv/axe/node_modules/axe-core/axe.min.js
BUILD := $(BIN)/jupyter-book build . -W -n --all --keep-going
# no warning of the debugger on a page
export PYDEVD_DISABLE_FILE_VALIDATION := 1

.PHONY: book html notebooks test bench runs lab clean help

book: $(READY)                ## execute every chapter and build the site in _build/html
	BOOK_EXECUTE=1 $(BUILD)

html: $(READY)                ## build the site from stored outputs in _build/stored/_build/html
	$(BUILD) --path-output _build/stored

notebooks: $(READY)           ## execute the .md halves again and store the outputs in the .ipynb
	$(BIN)/python book/_ext/notebooks.py

test: $(READY) $(DASK) $(BROWSER) $(if $(shell command -v npm),$(AXE))  ## check everything
	$(BIN)/ruff check -q
	$(BIN)/ruff format --check -q
	$(BIN)/codespell
	.venv/cffconvert/bin/cffconvert --validate
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2  # one thread each

bench: $(READY) $(BROWSER)    ## measure speed, memory and growth; one table of ratios (20 minutes)
	$(BIN)/python -m bench

# SCHEDULER=tcp://host:8786: on that Dask cluster
runs: $(READY) $(if $(SCHEDULER),$(DASK))  ## list the long runs; RUN=name goes on with that one
	$(BIN)/python -m runs$(if $(SCHEDULER), $(SCHEDULER) $(RUN),$(addprefix .,$(RUN)))

lab: $(READY)                 ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab book

clean:                        ## remove what was built and installed
	rm -rf _build .venv

help:                         ## list these commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## */\t/' | expand -t 12

$(READY): requirements.txt pyproject.toml .ci/cffconvert.txt .ci/environment.py
	@$(PYTHON) .ci/environment.py .venv $(TORCH_INDEX)

$(DASK) $(BROWSER): .venv/%: .ci/%.txt $(READY)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

# a checksum in the lock file says which axe-core; without it, its tests are skipped
$(AXE): .ci/axe/package-lock.json $(READY)
	@mkdir -p .venv/axe && cp .ci/axe/*.json .venv/axe
	npm ci --prefix .venv/axe --silent --ignore-scripts && touch $@ || echo "axe-core cannot be installed"

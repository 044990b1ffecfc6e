# Few verbs, the same on a laptop and in CI.
#
# A stamp in .venv remembers what was installed, so a second call costs nothing and needs no network.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
# One more than there are cores: tests wait for leases and time limits as much as they compute.
WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) + 1 )))
UPGRADE ?=

# Inside .venv, so that neither a home folder nor a cache of another day is needed, and `make clean` removes it.
export UV_CACHE_DIR ?= $(CURDIR)/.venv/.cache
export UV_PYTHON_DOWNLOADS := never
# The machine's own certificates where it has some: a company's proxy is trusted there and nowhere else.
CERTIFICATES := /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem
export UV_NATIVE_TLS ?= $(if $(wildcard $(CERTIFICATES)),true,false)
export PYTHON
# Where this is set, as in many containers, every process would compile everything anew: more than half of what a `wave` takes.
export PYTHONDONTWRITEBYTECODE :=

# Larger data sets, where they lie beside the checkout; the tests that want them say so when they are not there.
export WAVE_TEST_DATA ?= $(abspath $(wildcard ../shared/data))
# What is run on the oldest PostgreSQL too: the server understands every statement, and the larger ones do there what they do here.
ON_15 := $(filter-out $(patsubst %,tests/store/test_%.py,embedded interleavings store_machine),$(wildcard tests/store/test_*.py)) tests/plans \
	tests/reports/test_dashboard.py tests/reports/test_as_of.py $(patsubst %,tests/runner/test_%.py,flow sql)

BIN := .venv/bin
INSTALLED := .venv/.installed
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" $(if $(UPGRADE),--upgrade)

.PHONY: help setup demo ui wheel ui-test test soak bench bench-quick lint requirements docs reference sbom audit picture clean

help: ## what can be asked for
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)/local ## make .venv with all that is needed to use Wave Runner

demo: setup ## real postings through a real local model, end to end
	$(BIN)/wave demo

ui: $(INSTALLED)/dev $(INSTALLED)/ui ## build the pages of `wave serve`
	$(BIN)/python hatch_build.py

wheel: ui ## the source archive and the wheel of the last commit in dist/, the same bytes wherever they are built
	tools/wheel $(BIN)/python

PICTURES ?=
ui-test: ui ## types, style and tests of the pages, and each of them in Chromium where that is installed; PICTURES=1 keeps what they look like in docs/images
	$(BIN)/python hatch_build.py run types
	$(BIN)/python hatch_build.py run check
	$(BIN)/python hatch_build.py run lint
	$(BIN)/python hatch_build.py run test
	$(if $(PICTURES),WAVE_PICTURES=docs/images) $(BIN)/pytest tests/ui

# A file of tests stays on one worker: its servers and databases are started once. In which order, tests/conftest.py says.
SHARED_OUT = --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
test: $(INSTALLED)/dev $(INSTALLED)/docs $(INSTALLED)/ray lint ## everything that must hold
	@tools/debian-postgresql
	$(BIN)/pytest $(SHARED_OUT)
	@tools/test-on-debian-postgresql $(BIN)/pytest $(SHARED_OUT) -q $(ON_15)

SEED ?=
MINUTES ?= 5
soak: $(INSTALLED)/dev ## kill at random for MINUTES=, by SEED=, and see that nothing is lost
	$(BIN)/python -m tests.crash.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) --report soak-report.json

FULL ?=
bench: $(INSTALLED)/dev ## measure all that is promised of speed, in a quarter of an hour; FULL=1 takes hours and writes RESULTS.md
	@$(if $(FULL),tools/debian-postgresql)
	$(BIN)/python -m benchmarks --size $(if $(FULL),full,usual)

bench-quick: $(INSTALLED)/dev ## the same in a minute, for a first idea
	$(BIN)/python -m benchmarks --size quick --again

lint: $(INSTALLED)/dev ## style, types, and the arrows between the packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

schema: $(INSTALLED)/dev ## write schema.sql anew, the sum of the migrations
	$(BIN)/python -m tests.support.schema

requirements: $(INSTALLED)/build ## pin again what pyproject.toml asks for; UPGRADE=1 takes the newest
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --extra local -c requirements/runtime.txt -o requirements/local.txt
	$(COMPILE) pyproject.toml --extra local --group dev -c requirements/local.txt -o requirements/dev.txt
	$(COMPILE) pyproject.toml --extra ray -c requirements/dev.txt -o requirements/ray.txt
	$(COMPILE) pyproject.toml --group ui -c requirements/dev.txt -o requirements/ui.txt
	$(COMPILE) pyproject.toml --group docs -c requirements/dev.txt -o requirements/docs.txt
	$(COMPILE) requirements/build.in -c requirements/dev.txt -o requirements/build.txt

docs: $(INSTALLED)/docs ## make a site of docs/ in site/; a link that leads nowhere, or a page that no menu names, fails
	$(BIN)/properdocs build --strict

reference: $(INSTALLED)/dev ## write docs/reference/commands.md from the commands
	$(BIN)/python tools/reference.py

sbom: $(INSTALLED)/dev ## write what ships and under which licences: deploy/sbom.json and docs/reference/licences.md
	$(BIN)/python tools/sbom.py

audit: $(INSTALLED)/build ## ask the public lists of vulnerabilities about what ships; needs a network that reaches them
	$(BIN)/python tools/audit.py

picture: setup ## run the demo and draw docs/images/demo.svg from what it prints
	$(BIN)/python tools/picture.py

clean: ## remove what was installed and what tools left behind
	rm -rf .venv .peers ui/node_modules src/wave_runner/web build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED)/build: requirements/build.txt tools/setup
$(INSTALLED)/local: requirements/local.txt pyproject.toml tools/setup $(INSTALLED)/build
$(INSTALLED)/dev: requirements/dev.txt pyproject.toml tools/setup $(INSTALLED)/build
$(INSTALLED)/docs: requirements/docs.txt pyproject.toml tools/setup $(INSTALLED)/build
$(INSTALLED)/ray: requirements/ray.txt pyproject.toml tools/setup $(INSTALLED)/build
$(INSTALLED)/ui: requirements/ui.txt tools/setup $(INSTALLED)/build
$(INSTALLED)/%:
	@tools/setup $*
	@touch $@

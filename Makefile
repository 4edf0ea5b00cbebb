# One command for each chore; every target installs what it needs.
PY ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PEERS ?= .venv-peers
PUBLISHED ?= .venv-published
STAMP := $(VENV)/.installed
DOCS := $(VENV)/.docs-installed
PYTEST := $(BIN)/python -m pytest
# Twice as many as most machines have processors to spare: tests of processes, databases and
# browsers wait for others a quarter of the time.
WORKERS := -n 4 --dist worksteal
WHOLE := $(WORKERS) -m "not ray and not gpu and not quantised and not training"
SUITE := $(WORKERS) -m "not long and not ray and not gpu and not quantised and not training"
FAST := $(WORKERS) -m "not slow and not long and not browser and not postgres and not acceptance \
	and not ray and not gpu and not quantised and not training"
FAST_FOLDERS := $(addprefix tests/,domain store services lab worker bench)
export HF_HUB_OFFLINE ?= 1
# Else every process that a test starts compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-long coverage test-journeys test-kernels test-quantised test-ray test-training gpu-check chaos mutants check fix bench \
	bench-large peers lock docs packages screenshots tiny-train tiny-report ravel-report steering-report reproduce-icl \
	icl-report verdict-levels reproduce-published wheel clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PY) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

setup: $(STAMP)  ## create .venv and install everything from constraints.txt

demo: $(STAMP)  ## migrate, seed, extract, generate, replay, compare; then dashboard + worker
	$(BIN)/vectorlab demo $(DEMO_ARGS)

test: $(STAMP) $(DOCS)  ## the suite, with a short form of what test-long runs
	@scripts/ensure_chromium.sh
	$(PYTEST) -q $(SUITE) $(TEST_ARGS)

test-fast: $(STAMP)  ## what about a minute can hold: no browser, no PostgreSQL, nothing slow
	$(PYTEST) -q $(FAST) $(TEST_ARGS) $(FAST_FOLDERS)

test-long: $(STAMP)  ## what takes long and breaks seldom; writes tests/long/results.json
	$(BIN)/python -m scripts.long_tests $(WORKERS)

coverage: $(STAMP) $(DOCS)  ## every test of these two, and which share of every package they ran
	@scripts/ensure_chromium.sh
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q $(WHOLE) $(TEST_ARGS)
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m scripts.coverage_table

test-journeys: $(STAMP)  ## every test in a browser, on both kinds of database
	@scripts/ensure_chromium.sh
	VECTORLAB_JOURNEYS=both $(PYTEST) -q $(WORKERS) -m browser $(TEST_ARGS) tests/ui

test-kernels: $(STAMP)  ## the same tests under the kernels of older processors, one kind after the other
	$(BIN)/python -m scripts.kernels --keep $(WHOLE)

test-quantised: $(STAMP)  ## what needs torchao: installs the extra and runs it
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[quantised]'
	$(PYTEST) -q -m quantised $(TEST_ARGS)

test-ray: $(STAMP)  ## what needs Ray: installs the extra and runs it on loopback
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[ray]'
	$(PYTEST) -q -m ray $(TEST_ARGS)

test-training: $(STAMP)  ## the corpus that the bundled model learns from: what evaluation uses is held out
	$(PYTEST) -q $(WORKERS) -m training $(TEST_ARGS) tests/scripts

gpu-check: $(STAMP)  ## what needs a CUDA device: the engine's laws on it, then bench/gpu.py
	$(PYTEST) -q -m gpu $(TEST_ARGS)
	$(BIN)/python -m bench.gpu $(BENCH_ARGS)

mutants: $(STAMP)  ## put 40 small mistakes into the code, one at a time: which test notices?
	$(BIN)/python -m scripts.mutants $(MUTANTS_ARGS)

chaos: $(STAMP)  ## 600 jobs on workers that are killed each second, on both databases
	$(BIN)/python -m bench.chaos

check: $(STAMP)  ## ruff, formatting, types and layer rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/notebook.py
	$(BIN)/lint-imports

fix: $(STAMP)  ## let ruff mend and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure ratios to limits and peers; see bench/README.md
	@missed=; for file in bench/[a-z]*.py; do \
		$(BIN)/python -m bench.$$(basename $$file .py) $(BENCH_ARGS) || missed="$$missed $$file"; \
	done; test -z "$$missed" || { echo "Limits missed:$$missed"; exit 1; }

bench-large: $(STAMP)  ## extraction from a model of 7 billion parameters, 18 GiB
	$(BIN)/python -m bench.large --billions 7

peers: $(PEERS)/.installed  ## peers that benchmarks are measured against, in .venv-peers

$(PEERS)/.installed: $(STAMP) bench/requirements-peers.txt
	$(call beside,bench/requirements-peers.txt)

reproduce-published: $(PUBLISHED)/.installed  ## tables of agreement with the authors' code: ICV=DIR RAVEL=DIR SOS=DIR, into docs/agreement.md
	$(PUBLISHED)/bin/python -m scripts.published $(PUBLISHED_ARGS) \
		$(if $(ICV),--icv $(ICV)) $(if $(RAVEL),--ravel $(RAVEL)) $(if $(SOS),--sos $(SOS))

$(PUBLISHED)/.installed: $(STAMP) bench/requirements-peers.txt scripts/published/requirements.txt
	$(call beside,scripts/published/requirements.txt)

# An environment that sees what the project has installed, torch above all, without installing it
# again, and before that what a list names, each package alone.
define beside
	test -x $(@D)/bin/python || $(BIN)/python -m venv $(@D)
	$(BIN)/python -c "import site; print(site.getsitepackages()[0])" \
		> $$($(@D)/bin/python -c "import site; print(site.getsitepackages()[0])")/project.pth
	$(@D)/bin/python -m pip install -q --no-deps -r $(1)
	touch $@
endef

docs: $(DOCS)  ## the documents as a site that can be searched, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(DOCS): $(STAMP)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	touch $@

packages: $(STAMP)  ## build wheel and sdist; run the demo of each with the lowest and newest versions
	$(BIN)/python -m scripts.packages

lock:  ## write constraints.txt anew from a fresh environment
	scripts/lock.sh $(PY)

wheel: $(STAMP)  ## build a wheel into dist/
	$(BIN)/python -m build --wheel

screenshots: $(STAMP)  ## dashboard pictures for the documentation, into docs/images/
	@scripts/ensure_chromium.sh
	$(BIN)/python -m scripts.screenshots

reproduce-icl: $(STAMP)  ## measure the reference points of in-context regression (minutes)
	$(BIN)/python -m scripts.icl_report --reproduce

icl-report: $(STAMP)  ## make every run, plot and number of docs/icl.md
	$(BIN)/python -m scripts.icl_report

tiny-train: $(STAMP) test-training  ## retrain the bundled model (under 30 minutes on two cores)
	$(BIN)/python -m scripts.train_tiny.train

tiny-report: $(STAMP)  ## measure the bundled model (under 10 minutes)
	$(BIN)/python -m scripts.train_tiny.report

ravel-report: $(STAMP)  ## train and score all featurizers on tiny and cities (about half an hour)
	$(BIN)/python -m scripts.ravel_report

steering-report: $(STAMP)  ## the experiments after the paper on the bundled model, as published and against every baseline, into docs/reports/
	$(BIN)/python -m scripts.steering_report

verdict-levels: $(STAMP)  ## how often verdicts claim what is not there, and see what is, into docs/verdicts.md
	$(BIN)/python -m scripts.verdict_levels

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist build site

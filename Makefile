# Two commands set everything up on a machine with Python 3.11 to 3.13 and make:
# `make run` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
SAMPLE := .home/samples/accounts.csv
BENCH ?= --rows 100000
FUZZ_SECONDS ?= 30
FUZZ_FOR ?= -max_total_time=$(FUZZ_SECONDS)
export BULK_PIPELINE_HOME ?= $(CURDIR)/.home

.DEFAULT_GOAL := help
.PHONY: help run ui bench test test-sqlserver test-browser test-scale pictures lint fuzz lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: .venv/installed ## Load a generated sample of 10,000 rows into the embedded database
	@mkdir -p $(dir $(SAMPLE))
	@$(BIN)/bulk-pipeline generate --rows 10000 --seed 7 --bad-share 0.01 --out $(SAMPLE)
	@$(BIN)/bulk-pipeline ingest $(SAMPLE) --force
	@echo
	@echo "Next:"
	@echo "  make ui                                          watch a folder, in Dagster"
	@echo "  $(BIN)/bulk-pipeline ingest YOUR-FILE.xlsx   load a file of your own"
	@echo "  $(BIN)/bulk-pipeline uploads                 what became of every upload"
	@echo "  with BULK_PIPELINE_HOME=$(BULK_PIPELINE_HOME)"

ui: .venv/installed ## Start the Dagster UI and the daemon that watches the inbox
	@$(BIN)/bulk-pipeline up

bench: .venv/installed ## Measure loads stage by stage beside the libraries' best; BENCH="--rows 1000000"
	@$(BIN)/bulk-pipeline bench $(BENCH)

test: .venv/installed-dev ## Run the tests
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-sqlserver: .venv/installed-dev ## Run the tests that need BULK_PIPELINE_TEST_MSSQL_URL
	@test -n "$$BULK_PIPELINE_TEST_MSSQL_URL" \
	  || { echo "BULK_PIPELINE_TEST_MSSQL_URL is not set; see docs/sql-server.md"; exit 1; }
	@$(BIN)/python -m pytest -m "sqlserver and not slow"

test-browser: .venv/installed-dev ## Run the tests of the upload page and of Dagster's UI, in Chromium
	@$(BIN)/python -m pytest -m "browser and not slow"

test-scale: .venv/installed-dev ## Run the tests of steps on workers; .ci/scale starts what they need
	@$(BIN)/python -m pytest -m "scale and not slow"

pictures: .venv/installed-dev ## Take the pictures of docs/images anew, in Chromium
	@BULK_PIPELINE_TEST_PICTURES=docs/images .ci/browser \
	  $(BIN)/python -m pytest -m browser -k pictured bulk_pipeline_tests/browser

lint: .venv/installed-dev ## Check style, types, import rule and definitions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/interrogate bulk_pipeline_tests --quiet
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/dg check defs

fuzz: .venv/installed-fuzz ## Feed the readers damaged files for FUZZ_SECONDS each (Linux)
	@for what in text workbook; do \
	  mkdir -p .fuzz/$$what; \
	  echo "Feeding damaged files as $$what; the log is .fuzz/$$what.log"; \
	  $(BIN)/python -m fuzz.fuzz_$$what .fuzz/$$what bulk_pipeline_tests/corpus/$$what \
	    -dict=fuzz/tokens.dict $(FUZZ_FOR) \
	    -artifact_prefix=.fuzz/$$what- > .fuzz/$$what.log 2>&1 \
	    || { tail -n 40 .fuzz/$$what.log; exit 1; }; \
	  tail -n 1 .fuzz/$$what.log; \
	done

lock: ## Write the lock files anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --upgrade -o requirements-dev.lock
	uv pip compile pyproject.toml --extra api --group build --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet -c requirements-dev.lock -o requirements.lock
	uv pip compile pyproject.toml --extra api --extra scale --group build --universal \
	  --python-version 3.11 --generate-hashes --no-header --quiet \
	  -c requirements-dev.lock -o requirements-scale.lock
	uv pip compile --group fuzz --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet -o requirements-fuzz.lock

clean: ## Remove what make made; the home with its data stays
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/installed: requirements.lock pyproject.toml
	@echo "Installing (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q bulk_pipeline # even where PYTHONDONTWRITEBYTECODE is set
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Installing what the tests need"
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

.venv/installed-fuzz: .venv/installed-dev requirements-fuzz.lock
	@echo "Installing the fuzzer"
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-fuzz.lock
	@touch $@

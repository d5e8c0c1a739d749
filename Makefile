# What there is to do in this checkout; `make help` lists it.  Works with GNU Make 3.81, macOS's.

# a plain assignment, because ENV is also a shell's variable; `make up ENV=...` overrides it
ENV = sandbox
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help dev up test truth e2e lint bench check clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "make %-7s %s\n", $$1, $$2 }'

up: .venv/.runtime ## deploy an environment, by default to the sandbox: make up ENV=sandbox
	@$(BIN)/ostiary up $(ENV)

dev: .venv/.installed ## install ostiary from this checkout, and the tools to work on it, into .venv
	@echo "ready: . .venv/bin/activate"

lint: .venv/.installed ## check style, types and the layers' imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/.installed ## run the tests of the policies and of the engine, in under a minute
	$(BIN)/pytest tests -m "not e2e and not truth" -n auto -q

truth: .venv/.installed ## hold proofs against other engines, on 10,000 questions, and draw every example
	ALL_EXAMPLES=1 $(BIN)/pytest tests/engine/property -n auto -q

e2e: .venv/.installed ## run the real Pulumi engine against the sandbox tenant, and other programs
	$(BIN)/pytest tests -m e2e -q

bench: .venv/.installed ## measure
	@for each in benchmarks/[a-z]*.py; do echo "$$each"; $(BIN)/python "$$each" || exit 1; done

check: lint test truth e2e ## all that must hold before a change goes in

clean: ## remove what was made here: .venv, caches, the sandbox's state (but not the user's cache)
	rm -rf .venv .ostiary .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The mark `unfinished` stands while pip works.  Where it is found at the start, an install was
# interrupted and may have left packages half there that pip takes for whole: begin again.
.venv/.runtime: requirements.txt pyproject.toml
	@if [ -e .venv/unfinished ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  python=; for each in python3.13 python3.12 python3.11 python3; do \
	    if $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$each; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "no Python 3.11 or newer on PATH (tried python3.13, python3.12, python3.11, python3)" >&2; exit 1; \
	  fi; \
	  if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$python cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	  fi; \
	  echo "making .venv with $$($$python --version)"; \
	  $$python -m venv --clear .venv || exit 1; \
	fi
	@touch .venv/unfinished
	@echo "installing requirements.txt into .venv"
	@# Python compiles what it imports; to compile all of it here takes longer than what uses it
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.txt
	@rm .venv/unfinished
	@touch $@

.venv/.installed: .venv/.runtime
	@touch .venv/unfinished
	@echo "installing ostiary and its development tools into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# without what it needs: it wants protobuf 5, and works with the 6 that is tested and shipped
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps pulumi-policy==1.21.0
	@rm .venv/unfinished
	@touch $@

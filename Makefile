# The two commands of a newcomer are `make demo` and `make test`; the first run makes .venv from requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench chaos lock clean
.DEFAULT_GOAL := demo

# A venv made by something else, or cut off half way, is finished here: the stamp is written last.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Spock needs Python 3.11 or newer: make demo PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(VENV)/.installed
	$(BIN)/spock demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m pytest -m bench tests/bench -s

chaos: $(VENV)/.installed
	$(BIN)/python -m pytest -m chaos -s

# Pins and hashes of everything, without the place they came from.
lock:
	uv pip compile pyproject.toml --extra test --generate-hashes --no-emit-index-url --universal --python-version 3.11 --upgrade --output-file requirements.lock

clean:
	rm -rf $(VENV) data/demo

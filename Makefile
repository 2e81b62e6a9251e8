# `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test tests coverage test-fast lint audit gallery course site bench clean
.DEFAULT_GOAL := demo

# Reinstalled when what is required changes; the package itself is editable.
$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "structnn needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed
	$(BIN)/structnn demo

# A process for each core, so one thread for each process. Bytecode is kept wherever it may be: each
# process that a test starts would compile the package anew.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto

# Types are checked on one core, so beside the tests.
test: $(VENV)/installed
	@$(MAKE) --no-print-directory --jobs 2 lint tests

tests: $(VENV)/installed
	$(PYTEST)

# Tracing takes a third longer.
coverage: $(VENV)/installed
	$(PYTEST) --cov

# An answer in about five minutes on 2 cores: without the slow tests and types.
test-fast: $(VENV)/installed
	$(BIN)/ruff check .
	$(PYTEST) -m "not slow"

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Known vulnerabilities of the pinned versions, by the index of packages; in an environment of its own.
audit: $(VENV)/installed
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

gallery: $(VENV)/installed
	$(BIN)/python -m parsers.drawing.gallery

# Runs the notebooks of the course again, and saves their outputs in them; Chinese ones take the English outputs.
$(VENV)/course-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[course]'
	@touch $@

course: $(VENV)/course-installed
	OMP_NUM_THREADS=1 $(BIN)/python course/execute.py

# The documentation as a site, in the folder build/site/.
$(VENV)/site-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[site]'
	@touch $@

site: $(VENV)/site-installed
	$(BIN)/python -m mkdocs build --strict

# What structnn is measured beside goes into the same environment.
$(VENV)/bench-installed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@touch $@

# make bench BENCH="--conllu FILE --out FOLDER", or BENCH=--quick for a look in a minute
bench: bench-trees

# bench-graphs, bench-pipeline, bench-parsing: the module of that name
bench-%: $(VENV)/bench-installed
	$(BIN)/python -m benchmarks.$* $(BENCH)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

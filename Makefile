# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.DELETE_ON_ERROR: # a virtual environment that could not be finished is made again

.PHONY: demo test test-full lint format types wheel constraints zoo bench screenshots preview clean

demo: $(VENV)/.demo
	$(BIN)/python app.py $(ARGS)

# Quick tier: everything but what is marked `full`.
test: $(VENV)/.dev lint
	@sh .ci/debian
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not full" $(ARGS)

# Full tier: the tests marked `full`, at full size; hours. RESULTS=1 writes its summary into docs/results.md.
test-full: $(VENV)/.dev
	@sh .ci/debian
	$(BIN)/python -m pytest -m full --timeout=7200 $(if $(RESULTS),--write-results) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(VENV)/.dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

types: $(VENV)/.dev
	$(BIN)/python -m mypy

wheel: $(VENV)/.dev
	$(BIN)/python -m build --wheel

# The versions that are installed, to be written after all tests have passed with them.
constraints: $(VENV)/.dev
	$(BIN)/python .ci/constraints.py > constraints.new && mv constraints.new constraints.txt

# The whole zoo from nothing: hours on a CPU. Call it again after an interruption, it goes on where it was.
zoo: $(VENV)/.dev
	$(BIN)/python -m training.zoo

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m index_builder.measuring.contest

# Every tab at three sizes, light and dark, into runs/screenshots; DOCS=1 renews docs/images too.
screenshots: $(VENV)/.dev
	@sh .ci/debian
	PYTHONPATH=. $(BIN)/python .ci/screenshots.py $(if $(DOCS),--docs docs/images) $(ARGS)

preview: $(VENV)/.dev
	$(BIN)/python -m training.data.open_world.preview --out runs/preview.png

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and $(PYTHON) is older: make demo PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# The project itself is installed without its dependencies, for the commands safeclip-demo, safeclip-index, safeclip-train.
$(VENV)/.demo: $(VENV)/bin/python requirements.txt constraints.txt pyproject.toml setup.py
	$(PIP) --requirement requirements.txt
	$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis

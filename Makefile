# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format zoo bench preview clean

demo: $(VENV)/.demo
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.dev
	@command -v chromium >/dev/null || sh .ci/chromium
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(VENV)/.dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

# The whole zoo from nothing: hours on a CPU. Call it again after an interruption, it goes on where it was.
zoo: $(VENV)/.dev
	$(BIN)/python -m training.zoo

bench: $(VENV)/.demo
	$(BIN)/python -m benchmarks.retrieval
	$(BIN)/python -m benchmarks.captioning
	$(BIN)/python -m benchmarks.generation

preview: $(VENV)/.dev
	$(BIN)/python -m training.data.emoji.preview --out runs/preview.png

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python requirements.txt
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.demo pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis

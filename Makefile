# make demo: environment, install, the main job on a photo. make test: environment, install, all checks and tests;
# these in two processes, which with one thread each do not wait for each other.
PYTHON ?= python3
ENV := .venv
BIN := $(ENV)/bin

.PHONY: demo test quick environment clean

demo: environment
	$(BIN)/python examples/demo.py

test: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy camofilter examples benchmarks
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal

# For the inner loop: no slow tests, and a few cases of those that have many.
quick: environment
	OMP_NUM_THREADS=1 $(BIN)/pytest --quick --numprocesses 2 --dist worksteal

environment: $(ENV)/installed

# Made anew when what is to be installed changes.
$(ENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,heif]'
	touch $@

clean:
	rm -rf $(ENV) build out *.egg-info

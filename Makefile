# The two commands of the README. Each sets up .venv once and again only when what it is made of changes.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
# Threads that wait asleep: awake they starve each other where the cores are shared.
export OMP_WAIT_POLICY ?= passive

.PHONY: demo test drill check install

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[analysis,train,baselines,flows,dev]'
	touch $@

demo: install
	$(BIN)/dhbv demo $(if $(DATA),--data '$(DATA)')

# A file's tests stay together: they share models that take seconds to make. In their order, because the files of fewest
# tests, which come last otherwise, are the longest.
test: install
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# Kills, outages, real servers, several processes and the loop of the demo: minutes more.
drill: install
	$(BIN)/python -m pytest -m drill

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

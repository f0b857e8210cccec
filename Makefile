# The two commands to know: `make demo` and `make test`. Needs Python 3.11 or newer, git and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
HOST ?= 127.0.0.1
PORT ?= 8000
UI_PORT ?= 5000
INSTALLED := .venv/.installed
MLFLOW_STORE = $(or $(MLFLOW_TRACKING_URI),sqlite:///mlflow.db)

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# MLflow and DVC send nothing about their use.
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1

.PHONY: demo test lint bench serve ui lock clean help

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## From raw volumes to a report and registered generators
	mrigen data demo
	dvc repro
	mrigen register
	@printf '\nThe report:   %s\n' "$(CURDIR)/report/index.html"
	@printf 'Serve:        make serve    then  curl http://$(HOST):$(PORT)/v1/models\n'
	@printf 'Compare runs: make ui       then  http://127.0.0.1:$(UI_PORT)/#/experiments/1/runs\n'

test: $(INSTALLED) ## Run the tests, in two processes of one thread each
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2

lint: $(INSTALLED) ## Check style, types and the floors of the house
	ruff check
	ruff format --check
	mypy
	lint-imports

bench: $(INSTALLED) ## Measure speed; prints tables
	python benchmarks/training.py
	python benchmarks/slice_store.py
	python benchmarks/extraction.py
	python benchmarks/corruptions.py

serve: $(INSTALLED) ## Serve the registered generators
	mrigen serve --host $(HOST) --port $(PORT)

ui: $(INSTALLED) ## Open the MLflow UI on the project's runs
	@case '$(MLFLOW_STORE)' in http*) echo 'The runs are on a server: open $(MLFLOW_STORE)'; exit 2;; esac
	mlflow ui --backend-store-uri $(MLFLOW_STORE) --host 127.0.0.1 --port $(UI_PORT)

lock: $(INSTALLED) ## Pin every dependency anew
	grep '^torch==' requirements.lock > .venv/torch.txt
	pip-compile --quiet --extra demo --extra postgresql --extra dev --strip-extras --allow-unsafe --no-annotate --no-header \
	  --no-emit-options --constraint .venv/torch.txt --output-file .venv/lock.txt pyproject.toml
	{ head -1 requirements.lock; sed -e 's/^\(torch==[0-9.]*\)+.*/\1/' -e '/^#/d' -e '/^$$/d' .venv/lock.txt; } > .venv/new.lock
	mv .venv/new.lock requirements.lock

clean: ## Remove everything the pipeline wrote, but neither data nor runs
	rm -rf index masks cache processed models checkpoints evaluation report bench

# A marker, so that a broken-off installation is begun again.
$(INSTALLED): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is older than Python 3.11: name another with 'make PYTHON=...'"; exit 2; }
	"$(PYTHON)" -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

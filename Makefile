# The commands people use; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?= crypto-trading-engine:0.1.0
IMAGE_GPU ?= crypto-trading-engine-gpu:0.1.0
PACKAGES := shared models venues simulator market_data signal_generator signals recommender risk \
	executor portfolio backtest launcher migrations

.PHONY: help setup setup-dev servers run test kubectl k8s-check test-long bench lint audit fmt migrate image image-gpu \
	image-report compose

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(VENV)/.runtime  ## create .venv and install the pinned dependencies and the project

setup-dev: $(VENV)/.dev

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: install python3.11 and python3.11-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)-checkov/.done: requirements-checkov.lock
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: install python3.11 and python3.11-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)-checkov
	$(VENV)-checkov/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-checkov.lock
	@touch $@

servers:
	@tests/servers.sh

run: setup  ## watch the platform trade in mock mode
	$(BIN)/trading up

test: setup-dev servers lint $(VENV)-checkov/.done  ## everything that CI runs
	$(BIN)/python -m tests.advisories
	$(BIN)/pytest -n 3 --dist worksteal -m "not long"

kubectl:
	@command -v kubectl >/dev/null || { echo "Without kubectl no manifest can be rendered: install kubectl (https://kubernetes.io/docs/tasks/tools/)"; exit 1; }

k8s-check: kubectl setup-dev servers $(VENV)-checkov/.done  ## the proofs of manifests, alerts and image that need no cluster
	$(BIN)/pytest -n 2 -m "not long" tests/kubernetes

test-long: setup-dev servers  ## the matrices and soaks that take longer than CI allows
	$(BIN)/pytest -n 2

bench: setup-dev servers  ## the benchmarks in one table, against the last recorded run
	$(BIN)/python -m tests.bench

audit: setup-dev  ## advisories against what is locked; fails where nobody can be asked
	$(BIN)/python -m tests.advisories --strict

lint: setup-dev  ## ruff, types, import contracts and bandit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/bandit -c pyproject.toml -ll -q -r $(PACKAGES)

fmt: setup-dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

migrate: setup  ## bring the schema up to date
	$(BIN)/trading db migrate

image:  ## build the image of all services with docker, podman or buildah (docs/image.md)
	@deploy/image/build.sh platform $(IMAGE) $(IMAGE_OPTIONS)

image-gpu:  ## the image that trains on a GPU
	@deploy/image/build.sh trainer-gpu $(IMAGE_GPU) $(IMAGE_OPTIONS)

image-report:  ## how big the image and each of its layers are
	@deploy/image/build.sh report $(IMAGE)

compose:  ## the platform on one machine: MySQL, Redis, services, Prometheus, Grafana
	@deploy/compose/up.sh

# `make` or `make help` lists what one can do.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := contracts features prompts experiments serving transformers predictors consumers pipelines model_cards local
export PYTHONSAFEPATH = 1

.DEFAULT_GOAL := help

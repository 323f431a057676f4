# The two commands: make demo, make test. Both set up all they need from the lock.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
SIZE ?= full
export PYTHONPATH := $(CURDIR):$(CURDIR)/src

.PHONY: help setup demo test lint up down bench docs clean

help: ## この一覧を表示します
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed ## 仮想環境を作り、ロックのとおりに入れます

$(VENV)/.installed: requirements.txt pyproject.toml
	@command -v gpg > /dev/null || { echo "gpg が見つかりません。GnuPG を入れてください。" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 以上が必要です。" >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@if command -v uv > /dev/null; then \
	    uv pip sync --quiet --python $(PY) --require-hashes requirements.txt; \
	    uv pip install --quiet --python $(PY) --no-deps --no-build-isolation --editable .; \
	else \
	    $(PY) -m pip install --quiet --upgrade 'pip>=26' && \
	    $(PY) -m pip install --quiet --no-compile --require-hashes --requirement requirements.txt && \
	    $(PY) -m pip install --quiet --no-deps --no-build-isolation --editable . && \
	    { $(PY) -m compileall -q -j 0 $(VENV)/lib > /dev/null || true; }; \
	fi
	@touch $@

demo: setup ## 架空の区で事業の始めから終わりまでを動かします（SIZE=small で2,000世帯）
	@$(PY) -m orchestration.demo --size $(SIZE)

test: setup lint ## すべての検査とテスト
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: setup ## 書式・型・SQL・層の検査
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy & types=$$!; \
	$(VENV)/bin/lint-imports && $(VENV)/bin/sqlfluff lint --processes 1 include/sql && \
	$(PY) -m orchestration.document --check; others=$$?; wait $$types && exit $$others

up: setup ## Airflow をこの機械で起動します
	@$(PY) -m orchestration.services up

down: ## Airflow を止めます
	@$(PY) -m orchestration.services down

bench: setup ## 速さと記憶域を測ります
	@for file in bench/stages.py bench/intake.py bench/envelopes.py bench/register.py bench/labels.py bench/reconcile.py; do echo "== $$file"; $(PY) $$file; done

docs: setup ## docs/dags.md を作り直します
	@$(PY) -m orchestration.document

clean: ## 仮想環境と実行結果を消します（鍵は残します）
	@rm -rf $(VENV) var build

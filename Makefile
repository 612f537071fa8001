# `make demo` and `make test` are all a newcomer needs: each makes .venv, installs, migrates and starts what it needs.
PYTHON := .venv/bin/python

.PHONY: demo serve test check fix bench lock proto

demo: ## the main job on the embedded default, with two simulated Argo CDs
	@scripts/bootstrap.sh demo
	@$(PYTHON) manage.py demo

serve: ## everything in one process, data under data/
	@scripts/bootstrap.sh runtime
	@$(PYTHON) manage.py serve

test: ## the whole suite: SQLite, PostgreSQL, Redis, journeys
	@scripts/bootstrap.sh test
	@$(PYTHON) -m tests.run

check: ## format, lint, types, import contracts, templates, migrations
	@scripts/bootstrap.sh lint
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@scripts/djade.sh --check
	@$(PYTHON) manage.py makemigrations --check --dry-run --settings=tests.settings

fix: ## what check can mend by itself
	@scripts/bootstrap.sh lint
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .
	@scripts/djade.sh

bench: ## speed, as ratios against baselines of the same run
	@scripts/bootstrap.sh test
	@$(PYTHON) -m benchmarks

lock: ## requirements/*.txt anew from pyproject.toml
	@scripts/lock.sh

proto: ## the gateway's stubs anew from gateway.proto
	@scripts/bootstrap.sh test
	@$(PYTHON) -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. gateway/gateway.proto

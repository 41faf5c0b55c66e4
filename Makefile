PYTHON = .venv/bin/python

.PHONY: check test lint format fixtures bench

check: ## what CI runs
	bash .ci/run

test:
	$(PYTHON) -m pytest -q

lint:
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/pyright
	.venv/bin/lint-imports

format:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

fixtures: ## remake the fixtures and say which differ
	$(PYTHON) fixtures/make.py --check

bench:
	$(PYTHON) benchmarks/decode.py

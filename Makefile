# Shortcuts for the environment that the README's test command creates.
BIN := .venv/bin

.PHONY: check format e2e pictures snapshots benchmarks run

check: format
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/unit tests/ui tests/contract tests/hygiene

format:
	$(BIN)/ruff format .

e2e:
	$(BIN)/pytest tests/e2e

pictures:
	$(BIN)/python docs/make_pictures.py

snapshots:
	$(BIN)/pytest -n 0 tests/ui/snapshots --snapshot-update

benchmarks:
	$(BIN)/pytest -n 0 -s -m benchmark tests/benchmarks

run:
	$(BIN)/sweep-tui

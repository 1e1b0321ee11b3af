# Everything a newcomer or CI does, from nothing but Python and make. `make help` lists it.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# What tests against real parts need from Debian, and what benchmarks compare with.
# npm (for an SMPP simulator) only where there is none: Debian's clashes with one from elsewhere.
DEBIAN_PACKAGES := chromium gnome-keyring dbus kannel postfix dovecot-core $(if $(shell command -v npm),,npm)
BENCH_DEBIAN_PACKAGES := redis-server
BENCH_PACKAGES := "pyrate-limiter>=3.7" "psycopg-pool>=3.2" "limits[redis]>=3.13"
# Tests that hold sizes, manifest and docs equal to the code: settings, commands, hooks, and the examples on the pages.
IN_STEP := tests/packaging/test_sizes.py tests/packaging/test_docs.py tests/packaging/test_manifest.py \
  tests/packaging/test_plugin_authors.py tests/contract/test_hooks.py
# Further options, for example: make test PYTEST_ARGS='-k limits', make serve SERVE_ARGS='--port 8100'
PYTEST_ARGS ?=
SERVE_ARGS ?= --sandbox
JOBS ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve install test check format test-real bench debian-packages clean

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/.installed-serve  ## Start the reference host with its sandbox; prints a link to open
	@$(BIN)/crm-comm serve $(SERVE_ARGS)

install: $(VENV)/.installed-dev  ## Make .venv with everything that development needs

test: $(VENV)/.installed-dev  ## Run the tests that need nothing but Python
	@$(BIN)/python -m pytest -n $(JOBS) -m "not real and not slow" $(PYTEST_ARGS)

check: $(VENV)/.installed-dev  ## Check format, lint, types, import rules, sizes and that docs follow the code
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/mypy tests/typing
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q $(IN_STEP)

format: $(VENV)/.installed-dev  ## Put the code into its standard form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test-real: $(VENV)/.installed-dev debian-packages  ## Install Debian's packages, then run browser, keyring and long tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "real or slow" $(PYTEST_ARGS)

bench: DEBIAN_PACKAGES += $(BENCH_DEBIAN_PACKAGES)
bench: $(VENV)/.installed-dev debian-packages  ## Measure against the goals and the peers; prints tables
	@$(PIP) $(BENCH_PACKAGES)
	@$(BIN)/python -m benchmarks

clean:  ## Remove .venv and everything that was generated
	rm -rf "$(VENV)" build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The virtual environment: made once, installed again when pyproject.toml changes.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Python 3.11 or newer is needed, and "$(PYTHON)" is not. Try: make PYTHON=python3.12' >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  echo 'Making $(VENV) ...'; $(PYTHON) -m venv --clear $(VENV) || { rm -rf "$(VENV)"; \
	  echo 'The venv module does not work. On Debian: apt-get install python3-venv' >&2; exit 1; }; }
	@touch $@

$(VENV)/.installed-serve: pyproject.toml | $(VENV)/.made
	@echo 'Installing what the reference host needs ...'
	@$(PIP) --editable '.[web,cli]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.made
	@echo 'Installing what development needs ...'
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed-serve

debian-packages:
	@command -v apt-get >/dev/null || { \
	  echo 'apt-get is missing. Install these yourself, then run pytest -m "real or slow": $(DEBIAN_PACKAGES)' >&2; exit 1; }
	@missing=$$(for p in $(DEBIAN_PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	  if [ -n "$$missing" ]; then \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    echo "Installing from Debian:" $$missing; \
	    $$sudo apt-get update -qq && \
	    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  fi

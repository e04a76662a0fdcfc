# Python 3.12 or later and make are all that has to be there beforehand.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CANDIDATES := $(strip $(PYTHON) python3.12 python3.13 python3.14 python3 python)
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))

# A name on PATH may be a shim that doesn't run, or a Python without venv: each candidate is tried.
# Sets $$python in the shell, or ends with one line.
FIND_PYTHON = python=; \
	for candidate in $(CANDIDATES); do \
		if "$$candidate" -c '$(USABLE)' >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "error: no Python 3.12 or later with venv found (tried $(CANDIDATES)); name one: make setup PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi

.DEFAULT_GOAL := setup
.PHONY: setup demo test test-all lint types package docs site lock clean help

setup: $(VENV)/.installed ## make .venv with the locked dependencies and the package (the default)

demo: setup ## run the demo
	$(BIN)/scalebayes demo

test: lint types package site ## run the linter, the type checker, the builds and all but the slow tests
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: lint types package docs ## run every test (three quarters of an hour on two cores)
	$(BIN)/python -m pytest -n 2

lint: setup ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: setup ## check types
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

# Without network: hatchling is in the lock, and the fresh environment sees the locked packages, but not this checkout.
package: setup ## build the wheel and the sdist, and run each from an environment of its own
	@rm -rf build && mkdir build
	@$(BIN)/python -m hatchling build --directory build/dist >build/log 2>&1 || { cat build/log; exit 1; }
	@$(BIN)/python -m venv --without-pip build/venv
	@build/venv/bin/python -c 'import pathlib, sys, sysconfig; \
		pathlib.Path(sysconfig.get_path("purelib"), "locked.pth").write_text(sys.argv[1])' \
		"$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@for built in build/dist/*.whl build/dist/*.tar.gz; do \
		$(PIP) --python build/venv/bin/python install --no-index --no-deps --no-build-isolation --force-reinstall "$$built" && \
		PYTHONPATH= build/venv/bin/scalebayes --version && PYTHONPATH= build/venv/bin/scalebayes laws >build/log && \
		echo "$$built builds, installs and runs" || exit 1; \
	done

# Without network. A warning fails the build, after all of them were shown, and so does a page's code that raises.
docs: setup ## build the documentation site into build/docs
	@rm -rf build/docs
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs build/docs
	@echo "build/docs/index.html is the site"

# As `docs`, in a fraction of its time: pages aren't executed and have no outputs. Without a kernel nothing says that a
# cell is Python, of which a warning would be given; tests/test_docs.py compiles the cells.
site: setup ## build the site without executing its pages, into build/site
	@rm -rf build/site
	$(BIN)/python -m sphinx -W --keep-going --quiet -D nb_execution_mode=off -D suppress_warnings=myst-nb.lexer \
		-b html docs build/site
	@echo "build/site has the site without the outputs of its pages; make docs has them"

# Made anew when the lock changes, so that nothing the lock dropped stays importable.
$(VENV)/.locked: requirements.lock
	@$(FIND_PYTHON); \
	echo "making $(VENV) with $$python ($$("$$python" --version 2>&1)); the first time this downloads about 410 MB"; \
	"$$python" -m venv --clear $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	$(PIP) install --no-build-isolation --no-deps --editable .
	@$(BIN)/python -m pip check || { echo "error: requirements.lock is behind pyproject.toml; run: make lock" >&2; exit 1; }
	@touch $@

# One lock for every platform and Python from 3.12 on. Pins stay unless LOCKFLAGS says otherwise.
lock: ## bring requirements.lock up to pyproject.toml (newest of everything: make lock LOCKFLAGS=--upgrade)
	@$(FIND_PYTHON); "$$python" -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check --quiet install uv
	UV_PYTHON_DOWNLOADS=never .venv-lock/bin/uv pip compile pyproject.toml --group dev --universal \
		--python .venv-lock/bin/python --python-version 3.12 --generate-hashes --no-config --no-header \
		--quiet --output-file requirements.lock $(LOCKFLAGS)
	@rm -rf .venv-lock

clean: ## remove .venv, caches and build outputs
	rm -rf $(VENV) .venv-lock build dist .pytest_cache .ruff_cache .hypothesis
	find scalebayes tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 8

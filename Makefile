# Pyxec. `make` or `make help` lists the targets. app/local/ contains everything that does not have to work before there is
# a Python environment.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
RUNTIME := $(VENV)/.requirements
DEVELOPMENT := $(VENV)/.requirements-dev
NODE := $(VENV)/.requirements-web
LOGS := .pyxec/log
PYTEST_ARGS ?=
SECONDS := 60
BENCH_ARGS ?=
DRILL_ARGS ?=
ENGINES_ARGS ?=
CGROUP2_ARGS ?=
BARE_ARGS ?=
ifdef BASE
# The release of Debian in the language images: `make images BASE=bookworm`.
export PYXEC_BASE_IMAGE := debian:$(BASE)-slim
endif
# A line for a finished step, as app/local/console.py prints it. $SECONDS is the time that bash has run.
STEP = $(EMPTY)  ✓ %-22s %s\n

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: up
up: preflight venv $(NODE) ## install what is missing, start every process and run a first job
	@$(PYTHON) -m app.local.up

.PHONY: preflight
preflight: ## report an occupied port and missing access to the engine, before anything is installed
	@if command -v python3 > /dev/null; then python3 app/local/preflight.py; fi

.PHONY: down
down: venv ## stop what `make up` started (data and images stay)
	@$(PYTHON) -m app.local.down

.PHONY: dev
dev: venv images web ## run every process in the foreground; Ctrl-C stops them
	@$(PYTHON) -m app.local.supervisor

.PHONY: run
run: venv ## run a program: make run FILE=examples/sieve.c
	@test -n "$(FILE)" || { echo 'FILE is missing, for example: make run FILE=examples/sieve.c' >&2; exit 2; }
	@PYXEC_URL="$${PYXEC_URL:-$$($(PYTHON) -m app.local.address)}" $(PYTHON) -m app.cli run "$(FILE)"

.PHONY: images
images: venv ## build the default language images and those that are outdated (from Debian 12: BASE=bookworm)
	@$(PYTHON) -m app.local.images

.PHONY: web
web: venv $(NODE) ## build the web page if its sources have changed
	@$(PYTHON) -m app.local.web build

.PHONY: web-test
web-test: venv $(NODE) ## lint and test the sources of the web page (`make test` runs its browser tests)
	@$(PYTHON) -m app.local.web check

.PHONY: screenshots
screenshots: venv-dev images web ## take the screenshots of docs/images again
	@$(PYTHON) -m tests.e2e.screenshots

.PHONY: web-types
web-types: venv $(NODE) ## generate the types of the API for the web page
	@$(PYTHON) -m app.local.web types

.PHONY: doctor
doctor: venv ## check this machine and test every limit
	@$(PYTHON) -m app.cli doctor

.PHONY: test
test: venv-dev $(NODE) ## lint, fuzz for a minute, run all tests (a part: PYTEST_ARGS=tests/core)
	@$(PYTHON) -m app.local.test_run $(PYTEST_ARGS)

.PHONY: test-languages
test-languages: venv-dev images ## test every language whose image is installed
	@PYXEC_TEST_LANGUAGES=installed $(PYTHON) -m pytest tests/languages $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: ## fuzz the frame parser of the runner (duration: SECONDS=60)
	@$(MAKE) -C runner fuzz SECONDS="$(SECONDS)"

.PHONY: fuzz-http
fuzz-http: venv-dev ## fuzz the gateway at byte level, with 20 times the examples of `make test`
	@PYXEC_TEST_EXAMPLES=$${PYXEC_TEST_EXAMPLES:-20} $(PYTHON) -m pytest --timeout 0 \
		tests/http/test_parser_differential.py tests/http/test_shared_connection.py $(PYTEST_ARGS)

.PHONY: test-model
test-model: venv-dev ## run the queue model with 20 times the examples of `make test`
	@PYXEC_TEST_EXAMPLES=$${PYXEC_TEST_EXAMPLES:-20} $(PYTHON) -m pytest --timeout 0 tests/broker/model $(PYTEST_ARGS)

.PHONY: lint
lint: venv-dev ## run ruff, mypy --strict and import-linter
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

.PHONY: format
format: venv-dev ## fix the style of the code
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: bench-broker
bench-broker: venv-dev ## compare the broker with Dramatiq's RedisBroker (shorter: BENCH_ARGS=--quick)
	@$(PYTHON) -m bench.broker $(BENCH_ARGS)

.PHONY: drill
drill: venv-dev images ## inject every fault under load (30 min; one fault: DRILL_ARGS="--only redis-killed")
	@$(PYTHON) -m tests.drill.drill $(DRILL_ARGS)

.PHONY: bench-latency
bench-latency: venv-dev images ## compare one-line jobs over HTTP with `docker run`
	@$(PYTHON) -m bench latency

.PHONY: bench
bench: venv-dev images ## measure the whole service for docs/performance.md (parts: BENCH_ARGS="load cost")
	@$(PYTHON) -m bench $(BENCH_ARGS)

.PHONY: bench-sandbox
bench-sandbox: venv images ## compare the sandbox with `docker run`, no sandbox and other libraries
	@$(PYTHON) -m bench.sandbox $(BENCH_ARGS)

.PHONY: test-packages
test-packages: venv-dev ## install the checkout into an empty environment and run its commands (1 min)
	@$(PYTHON) -m pytest tests/packages/installation.py $(PYTEST_ARGS)

.PHONY: test-site
test-site: venv-dev images ## run every command of the pages for new users, and build the documentation site
	@$(PYTHON) -m app.local.test_tools
	@$(PYTHON) -m pytest tests/site/examples.py $(PYTEST_ARGS)
	@$(PYTHON) -m deploy.site.build

.PHONY: test-compose
test-compose: venv-dev ## test docker-compose.yml with three releases of Compose (one: PYTEST_ARGS="-k 1.29")
	@$(PYTHON) -m app.local.test_tools
	@$(PYTHON) -m pytest tests/compose/deployment.py tests/compose/operations_page.py tests/compose/faults.py tests/compose/published.py $(PYTEST_ARGS)

.PHONY: test-bare
test-bare: venv-dev ## run `make up` on minimal Debian and Ubuntu systems (requires root; one: BARE_ARGS=trixie)
	@$(PYTHON) -m tests.bare.check $(BARE_ARGS)

.PHONY: test-hosts
test-hosts: venv-dev images ## test two worker hosts and Sentinels in network namespaces (2 min, requires root)
	@$(PYTHON) -m pytest tests/hosts/scenarios.py $(PYTEST_ARGS)

.PHONY: test-swarm
test-swarm: venv-dev images ## test docker-compose.yml on a swarm of three hosts in network namespaces (requires root)
	@$(PYTHON) -m app.local.test_tools
	@$(PYTHON) -m pytest tests/swarm/scenarios.py $(PYTEST_ARGS)

.PHONY: base-image
base-image: venv ## pull the base image, or build it from Debian packages if no registry responds
	@$(PYTHON) -m app.local.images --base

.PHONY: bench-page
bench-page: venv-dev images web ## measure the editor page in Chromium: 10 MB of output, typing, first paint (a row: BENCH_ARGS=output)
	@$(PYTHON) -m bench.page $(BENCH_ARGS)

.PHONY: bench-judging
bench-judging: venv images ## measure checkers, interactors and files by reference (a row: BENCH_ARGS=checker)
	@$(PYTHON) -m bench.judging $(BENCH_ARGS)

.PHONY: bench-gateway
bench-gateway: venv-dev images ## measure submissions, WebSockets and rate limits (a part: BENCH_ARGS=rate; requires wrk)
	@$(PYTHON) -m bench.gateway $(BENCH_ARGS)

.PHONY: test-cgroup2
test-cgroup2: venv-dev images ## test cgroup v2 with both drivers in user-mode Linux (1 h, requires root; a part: CGROUP2_ARGS="--only systemd")
	@$(PYTHON) -m tests.cgroup2 $(CGROUP2_ARGS)

.PHONY: test-engines
test-engines: venv-dev images ## test Docker 20.10, 26.1 and 28.5 in several configurations (1 h, requires root; a part: ENGINES_ARGS="--only 28.5-crun")
	@$(PYTHON) -m tests.engines $(ENGINES_ARGS)

.PHONY: venv
venv: $(RUNTIME) ## create .venv with the packages of the service

.PHONY: venv-dev
venv-dev: $(DEVELOPMENT) ## add the packages of the tests and linters

.PHONY: lock
lock: venv-dev ## update requirements*.lock after a change of a pin
	@$(PYTHON) -m deploy.supply.lock

.PHONY: sbom
sbom: venv-dev $(NODE) ## list the packages of the service and the page (CycloneDX, in .pyxec/sbom)
	@$(PYTHON) -m deploy.supply.sbom

.PHONY: release
release: venv-dev $(NODE) ## build packages, images, SBOM and checksums of this version in dist/
	@$(PYTHON) -m deploy.release.release

.PHONY: docs
docs: venv-dev ## build the documentation site in site/
	@$(PYTHON) -m deploy.site.build

.PHONY: audit
audit: venv $(NODE) ## check licences and known vulnerabilities (offline)
	@$(PYTHON) -m deploy.supply.audit

.PHONY: advisories
advisories: venv $(NODE) ## update the known vulnerabilities
	@$(PYTHON) -m deploy.supply.advisories

.PHONY: clean
clean: ## remove .venv, caches and .pyxec with its data
	@test ! -e .pyxec/run/supervisor.json -a ! -e .pyxec/run/engine.json || { echo 'Pyxec may be running. Run `make down` first' >&2; exit 1; }
	@rm -rf $(VENV) .pyxec .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp file has the time of the last successful installation. A change of the pins makes it outdated.
$(RUNTIME): requirements.lock requirements-build.lock | $(PYTHON)
	@$(call install,$<)
	@$(call install,requirements-build.lock)
	@# The command `pyxec`. Its build backend is the one installed above, so that nothing is downloaded without a hash.
	@$(PYTHON) -m pip install --disable-pip-version-check -q --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(NODE): requirements-web.lock $(RUNTIME) | $(PYTHON)
	@$(call install,$<)
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME) | $(PYTHON)
	@$(call install,$<)
	@touch $@

$(PYTHON):
	@$(ensure_python)
	@python3 -m venv $(VENV); \
	printf '$(STEP)' 'Python environment' "$(VENV) $$SECONDS s"

# Shows the current package of pip. If pip fails, the end of its log is printed.
define install
mkdir -p $(LOGS); [ -t 1 ] || printf '  Python packages ...\n'; \
$(PYTHON) -m pip install --disable-pip-version-check --no-color --progress-bar off --require-hashes -r $(1) 2>&1 \
	| tee $(LOGS)/pip.log \
	| { if [ -t 1 ]; then awk '/^(Collecting|Downloading|Installing)/ { printf "\r\033[K  %.70s", $$0; fflush() } \
		END { printf "\r\033[K" }'; else cat > /dev/null; fi; } \
	|| { tail -n 20 $(LOGS)/pip.log >&2; exit 1; }; \
printf '$(STEP)' 'Python packages' "$(1) $$SECONDS s"
endef

# A minimal Debian has no Python. If it cannot be installed, one line states what is missing.
define ensure_python
if ! python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
	if command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
		mkdir -p $(LOGS); printf '  Python ... with apt-get\n'; \
		{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
			python3 python3-venv ca-certificates; } > $(LOGS)/apt.log 2>&1 \
			|| { tail -n 20 $(LOGS)/apt.log >&2; exit 1; }; \
		printf '$(STEP)' 'Python' "installed $$SECONDS s"; \
	fi; \
	python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
		|| { echo 'missing: Python 3.11 or later with its venv module' >&2; exit 1; }; \
fi
endef

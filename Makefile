# Pyxec. `make` or `make help` lists what there is; everything else is in app/local/.
#
# Only what has to work before there is a Python environment is written here.

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
# Most tests wait for something most of the time. Which of them may run beside each other: tests/conftest.py.
IN_TWO := -n 2 --dist loadgroup
SECONDS := 60
BENCH_ARGS ?=
DRILL_ARGS ?=
# One line for a step that is done, in the columns of app/local/console.py; SECONDS is bash's own clock.
STEP = $(EMPTY)  ✓ %-22s %s\n

.PHONY: help
help: ## list what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: up
up: venv $(NODE) ## install what is missing, start everything, run a first job
	@$(PYTHON) -m app.local.up

.PHONY: down
down: venv ## stop what `make up` started; data and images stay
	@$(PYTHON) -m app.local.down

.PHONY: dev
dev: venv images web ## run everything in the foreground, its logs on the screen; Ctrl-C stops it
	@$(PYTHON) -m app.local.supervisor

.PHONY: run
run: venv ## run a program: make run FILE=examples/sieve.c
	@test -n "$(FILE)" || { echo 'which one? make run FILE=examples/sieve.c' >&2; exit 2; }
	@PYXEC_URL="$${PYXEC_URL:-$$($(PYTHON) -m app.local.address)}" $(PYTHON) -m app.cli run "$(FILE)"

.PHONY: images
images: venv ## build the default set of sandbox images, and what is out of date
	@$(PYTHON) -m app.local.images

.PHONY: web
web: venv $(NODE) ## build the web page, if its sources have changed
	@$(PYTHON) -m app.local.web build

.PHONY: web-test
web-test: venv $(NODE) ## check and test the web page's own code (its browser tests are in `make test`)
	@$(PYTHON) -m app.local.web check

.PHONY: web-types
web-types: venv $(NODE) ## write the web page's types of the API anew, after a change of the API
	@$(PYTHON) -m app.local.web types

.PHONY: doctor
doctor: venv ## check this machine, and try every limit for real
	@$(PYTHON) -m app.cli doctor

.PHONY: test
test: lint web-test images ## lint, a minute of fuzzing, all tests (one file: make test PYTEST_ARGS=tests/core)
	@$(PYTHON) -m app.local.test_tools
	@$(if $(PYTEST_ARGS),:,$(MAKE) fuzz SECONDS=60)
	@$(PYTHON) -m pytest $(or $(PYTEST_ARGS),$(IN_TWO))

.PHONY: test-languages
test-languages: venv-dev images ## run the programs of every language whose image is installed
	@PYXEC_TEST_LANGUAGES=installed $(PYTHON) -m pytest tests/languages $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: ## the runner's parser under libFuzzer: make fuzz SECONDS=60
	@$(MAKE) -C runner fuzz SECONDS="$(SECONDS)"

.PHONY: lint
lint: venv-dev ## ruff, mypy --strict, and who may import whom
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports

.PHONY: format
format: venv-dev ## put the code into shape
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: bench-broker
bench-broker: venv-dev ## the broker beside Dramatiq's RedisBroker on one server (shorter: BENCH_ARGS=--quick)
	@$(PYTHON) -m bench.broker $(BENCH_ARGS)

.PHONY: drill
drill: venv-dev images ## every fault, under load, then count (a quarter of an hour; one: DRILL_ARGS="--only redis-killed")
	@$(PYTHON) -m tests.drill.drill $(DRILL_ARGS)

.PHONY: bench-latency
bench-latency: venv-dev images ## one-line jobs over HTTP beside `docker run` of the same program
	@$(PYTHON) -m bench latency

.PHONY: bench
bench: venv-dev images ## the whole stack, end to end, into docs/performance.md (parts: BENCH_ARGS="load cost"; --help)
	@$(PYTHON) -m bench $(BENCH_ARGS)

.PHONY: bench-sandbox
bench-sandbox: venv images ## a sandbox beside the engine itself, no sandbox at all, and other libraries
	@$(PYTHON) -m bench.sandbox $(BENCH_ARGS)

.PHONY: test-compose
test-compose: venv-dev ## start docker-compose.yml, use it, kill what is in it, take it down (not part of `make test`)
	@$(PYTHON) -m app.local.test_tools
	@$(PYTHON) -m pytest tests/compose/deployment.py tests/compose/faults.py $(PYTEST_ARGS)

.PHONY: test-hosts
test-hosts: venv-dev images ## two worker hosts in network namespaces, Sentinels: cut off, failover, update; two minutes (needs root)
	@$(PYTHON) -m pytest tests/hosts/scenarios.py $(PYTEST_ARGS)

.PHONY: test-swarm
test-swarm: venv-dev images ## docker-compose.yml on a swarm of three hosts in network namespaces: update, a death, a new host (needs root)
	@$(PYTHON) -m app.local.test_tools
	@$(PYTHON) -m pytest tests/swarm/scenarios.py $(PYTEST_ARGS)

.PHONY: base-image
base-image: venv ## bring the base of all images, made from Debian packages where no image registry answers
	@$(PYTHON) -m app.local.images --base

.PHONY: bench-gateway
bench-gateway: venv-dev images ## submissions, sockets, viewers and the limiter (one part: BENCH_ARGS=rate; needs wrk)
	@$(PYTHON) -m bench.gateway $(BENCH_ARGS)

.PHONY: test-crun
test-crun: venv-dev images ## the adversarial tests with crun, on an engine of their own (needs root and crun)
	@$(PYTHON) -m tests.adversarial.private_engine crun $(PYTEST_ARGS)

.PHONY: venv
venv: $(RUNTIME) ## make .venv with what the service needs

.PHONY: venv-dev
venv-dev: $(DEVELOPMENT) ## add what tests and linters need

.PHONY: lock
lock: venv-dev ## write the requirements*.lock, with hashes, after a change of a pin
	@$(PYTHON) -m deploy.supply.lock

.PHONY: sbom
sbom: venv-dev $(NODE) ## list what the service and the page are made of (CycloneDX, in .pyxec/sbom)
	@$(PYTHON) -m deploy.supply.sbom

.PHONY: audit
audit: venv $(NODE) ## licences, and known weaknesses of what is shipped, offline
	@$(PYTHON) -m deploy.supply.audit

.PHONY: advisories
advisories: venv $(NODE) ## ask anew which weaknesses are known
	@$(PYTHON) -m deploy.supply.ask

.PHONY: clean
clean: ## remove .venv, caches and .pyxec (its data too); run `make down` first
	@test ! -e .pyxec/run/supervisor.json -a ! -e .pyxec/run/engine.json || { echo 'Pyxec may be running: `make down` first' >&2; exit 1; }
	@rm -rf $(VENV) .pyxec .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is as new as the last successful installation; an edit of the pins makes it old.
$(RUNTIME): requirements.lock requirements-build.lock | $(PYTHON)
	@$(call install,$<)
	@$(call install,requirements-build.lock)
	@# The command `pyxec`. Nothing is fetched for it: its build backend is the one that was just installed, by its hash.
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

# Shows the package that pip is at; the whole story goes to a log that is shown when it fails.
define install
mkdir -p $(LOGS); [ -t 1 ] || printf '  Python packages ...\n'; \
$(PYTHON) -m pip install --disable-pip-version-check --no-color --progress-bar off --require-hashes -r $(1) 2>&1 \
	| tee $(LOGS)/pip.log \
	| { if [ -t 1 ]; then awk '/^(Collecting|Downloading|Installing)/ { printf "\r\033[K  %.70s", $$0; fflush() } \
		END { printf "\r\033[K" }'; else cat > /dev/null; fi; } \
	|| { tail -n 20 $(LOGS)/pip.log >&2; exit 1; }; \
printf '$(STEP)' 'Python packages' "$(1) $$SECONDS s"
endef

# A bare Debian has not even Python; where we may not install it, one line says what is missing.
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
		|| { echo 'missing: Python 3.11 or newer with its venv module' >&2; exit 1; }; \
fi
endef

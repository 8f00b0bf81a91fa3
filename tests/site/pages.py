"""The pages whose commands run in tests, what they print, and the commands that cannot run in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["FRAGMENTS", "INDENTED", "NOT_RUN", "PAGES"]

# Texts that the blocks of a page print, in this order.
PAGES: Final[Mapping[str, list[str]]] = {
    "README.md": ['"stdout":"42', "42"],
    "docs/sdk.md": ["ok 42", "0\n1\n2", "HELLO"],
    "docs/files.md": ['"name":"words.txt"', '"stdout":"18', "ok 1", "to be or not to be", "TO BE OR NOT TO BE"],
    "docs/cli.md": ["createKey", "primes", "queens", "Grace", "words", "verdicts match", "jobs per second", "67 words"],
    "docs/compat.md": ['"description":"Accepted"', '"output":"42', '"job_id"'],
    "docs/agents.md": ['"version":0', '"changed":["n.txt"]', "3 9"],
    "docs/getting-started.md": ["45", "data:", "6 words", "ok 42", "python"],
    "docs/guides/classroom.md": ["accepted", "accepted"],
    "docs/guides/run-button.md": ["from a page"],
    "docs/api.md": [
        '"stdout":"42',
        '"index":1',
        '"stdout": "10',
        '"accepted"',
        "plot.png",
        "resumeQueue",
        "pyxec_jobs",
    ],
    "docs/languages.md": ["python", "sqlite", '"outcome":"ok"', "strict-bash", "removed: strict-bash"],
    "docs/scaling.md": ['"is_alive":true', '"is_alive":true'],
    "docs/admin.md": ["pyxec_"],
    "docs/judging.md": ["5 of 5 verdicts match"],
    "examples/README.md": ["5050", "verdicts match"],
    "pyxec/README.md": ["42"],
}

# Pages whose blocks are parts of programs, and the tests that call the same functions.
FRAGMENTS: Final[Mapping[str, str]] = {"docs/broker.md": "see tests/broker/contract"}

# Each block with the language `sh`: its first line, and why no test of this folder runs it.
NOT_RUN: Final[Mapping[str, Mapping[str, str]]] = {
    "CONTRIBUTING.md": {"make test": "runs all tests"},
    "pyxec/README.md": {"pip install pyxec": "see tests/sdk/test_distribution.py"},
    "docs/sdk.md": {
        "pip install pyxec        # in a checkout: pip install ./pyxec": "see tests/sdk/test_distribution.py",
    },
    "docs/cli.md": {"pyxec dead show 1767322245678-0": "needs a dead letter; see tests/cli/test_admin_commands.py"},
    "docs/telemetry.md": {
        "pip install -r requirements-telemetry.txt": "needs a collector; see tests/telemetry/test_traces.py",
    },
    "docs/sandbox.md": {
        'make test-engines ENGINES_ARGS="--only 28.5-containerd,28.5-crun tests/adversarial -x"': (
            "half an hour; see tests/engines/test_suite_command.py"
        ),
        'make test-cgroup2 CGROUP2_ARGS="--only systemd/sandbox -k measurement"': (
            "several minutes; see tests/cgroup2/test_command.py"
        ),
    },
    "docs/agents.md": {
        "claude mcp add --transport http pyxec http://127.0.0.1:8080/mcp \\": (
            "needs Claude Code; see tests/mcp/test_server.py"
        ),
    },
    "docs/api.md": {
        "websocat 'ws://localhost:8080/v1/jobs/69f3.../stream?after=CURSOR'": "see tests/http/v1/test_stream.py",
        "SCHEMATHESIS_SEED=17 make test PYTEST_ARGS=tests/http/test_schemathesis.py": "a part of `make test`",
    },
    "docs/languages.md": {
        "pyxec images build go rust java     # by id or by another name": "half an hour; see tests/languages",
        "pyxec images build java@25          # the same as java-25": "several minutes; see tests/languages",
        "export PYXEC_LANGUAGES=/etc/pyxec/languages": "see tests/sandbox/images/test_custom_language.py",
    },
    "docs/scaling.md": {
        "openssl rand -hex 32 | docker secret create pyxec-redis-password -": "several hosts; see tests/swarm",
    },
    # tests/compose/operations_page.py runs the other commands of this page.
    "docs/operations.md": {
        "make base-image": "a part of `make up`; see tests/bare",
        "cp /path/to/company.pem deploy/extra-ca.crt        # ignored by git": "see tests/compose/project.py",
        "PYXEC_DOMAIN=pyxec.example.org docker-compose -f docker-compose.yml -f docker-compose.override.yml \\": (
            "needs a public domain; see tests/deploy/test_caddy.py"
        ),
        "docker-compose run --rm images pyxec images build go rust": "several minutes; see tests/languages",
        "docker-compose --profile monitoring up --build -d": "needs Grafana's image; see tests/compose/published.py",
        "cp deploy/systemd/pyxec.service deploy/systemd/pyxec-backup.* /etc/systemd/system/": (
            "changes the host; see tests/deploy/test_systemd.py"
        ),
        "PYXEC_IMAGE_PREFIX=registry.example.org/pyxec docker compose -f deploy/compose.yaml up -d": (
            "needs a registry; see tests/compose/published.py"
        ),
        "openssl rand -hex 32 > deploy/kubernetes/redis-password": "needs a cluster; tests/deploy/test_kubernetes.py",
        "git pull && docker-compose up --build -d": "needs a newer version; see tests/deploy/test_upgrade.py",
    },
}

_JUDGING: Final = "tests/integration/test_judging_page.py runs it"
_SETTING: Final = "a setting of another program"
_OUTPUT: Final = "an output"

# Each indented block that is not JSON, HTML or an HTTP response: its first line, and why it is not a fenced command.
INDENTED: Final[Mapping[str, Mapping[str, str]]] = {
    "README.md": {"git clone https://github.com/pyxec/pyxec && cd pyxec": "needs a clone; see tests/bare"},
    "ARCHITECTURE.md": {
        "queued -> running -> finished(outcome)          a job can be cancelled in the states queued and running": (
            "a diagram"
        ),
    },
    "docs/compat.md": {
        "import judge0": "see tests/http/compat/judge0/test_clients.py",
        'client = judge0.Client(endpoint="http://localhost:8080/judge0")': "continues the example",
        "import sandbox_fusion as client": "see tests/http/compat/sandboxfusion/test_client.py",
        'client.set_endpoint("http://localhost:8080/sandboxfusion")              # without an API key': (
            "continues the example"
        ),
        'result = client.run_code(client.RunCodeRequest(language="python", code="print(6 * 7)"))': (
            "continues the example"
        ),
        "LIBRECHAT_CODE_BASEURL=http://pyxec.example.org:8080/librechat/v1": _SETTING,
        "CODE_EXECUTION_ENDPOINT=http://pyxec.example.org:8080/dify": _SETTING,
        "Jobe server     http://pyxec.example.org:8080": _SETTING,
        "websocat 'ws://localhost:8080/api/ws?job_id=69f3...'": "see tests/http/compat/goxec/test_client.py",
        "PYXEC_ALLOWED_ORIGINS=http://localhost:5173": "see tests/http/compat/goxec/test_goxec.py",
    },
    "docs/judging.md": {
        "curl -s 'localhost:8080/v1/jobs?wait=30' -H 'Content-Type: application/json' -d @- <<'JSON'": _JUDGING,
        "from pyxec import Client": _JUDGING,
        'CHECKER = r"""': _JUDGING,
        "int main(int argc, char **argv) {": _JUDGING,
        "with Client() as client:": _JUDGING,
        "wrong_answer ['accepted', 'wrong_answer']": _OUTPUT,
        "Egyptian Fractions: 11 tests, time limit 1 s": _OUTPUT,
        'package = read_package("examples/problems/fractions")': _JUDGING,
        "True [('accepted/greedy.py', 'accepted')]": _OUTPUT,
    },
    "docs/sandbox.md": {"container                           cell": "a diagram"},
    "docs/sdk.md": {
        "Client(url=None, api_key=None, *, timeout_seconds=30, retry_seconds=60, tls=None, on_retry=None)": (
            "a signature"
        ),
        "PyxecError": "the tree of the classes",
    },
    "docs/telemetry.md": {"(span of the client, if it sent a `traceparent` header)": _OUTPUT},
}

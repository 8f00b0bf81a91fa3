"""The pages whose commands run in tests, what they print, and the commands that cannot run in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["NOT_RUN", "PAGES"]

# Texts that the blocks of a page print, in this order.
PAGES: Final[Mapping[str, list[str]]] = {
    "README.md": ['"stdout":"42', "42"],
    "docs/sdk.md": ["ok 42", "0\n1\n2", "HELLO"],
    "docs/files.md": ['"name":"words.txt"', '"stdout":"18', "ok 1", "to be or not to be", "TO BE OR NOT TO BE"],
    "docs/cli.md": ["createKey", "primes", "queens", "Grace", "words", "verdicts match", "jobs per second", "67 words"],
    "docs/compat.md": ['"description":"Accepted"', '"output":"42', '"job_id"'],
    "docs/agents.md": ['"version":0', '"changed":["n.txt"]'],
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
}

# Each block with the language `sh`: its first line, and why no test of this folder runs it.
NOT_RUN: Final[Mapping[str, Mapping[str, str]]] = {
    "docs/api.md": {
        "websocat 'ws://localhost:8080/v1/jobs/69f3.../stream?after=CURSOR'": "see tests/http/websocket",
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

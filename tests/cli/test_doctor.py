"""``pyxec doctor`` on a healthy service and on one with a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from app.cli.checks.limits import TRIALS
from app.sandbox.images.catalogue import default_set, load_languages
from tests.cli.conftest import ROOT
from tests.stack import Stack

pytestmark = pytest.mark.docker


def doctor(stack: Stack, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the findings by check."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYXEC_URL": stack.url, "REDIS_URL": stack.redis_url, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=120,
    )
    report = msgspec.json.decode(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {finding["check"]: finding for finding in report["findings"]}


def test_doctor_passes_every_check_of_a_healthy_service(stack: Stack) -> None:
    code, findings = doctor(stack)
    # Then no check failed, every language ran, and every limit was enforced
    assert [finding for finding in findings.values() if finding["status"] == "failed"] == []
    assert code == 0
    canaries = {f"canary {language}" for language in default_set(load_languages(ROOT / "languages"))}
    trials = {trial.name for trial in TRIALS}
    assert {name for name in canaries | trials if findings.get(name, {}).get("status") != "ok"} == set()


def test_doctor_reports_an_unreachable_redis(stack: Stack, unused_tcp_port: int) -> None:
    code, findings = doctor(stack, REDIS_URL=f"redis://127.0.0.1:{unused_tcp_port}/0")
    assert code == 1
    assert findings["Redis"]["status"] == "failed"
    # And the other checks ran
    assert findings["API"]["status"] == "ok"


def test_doctor_reports_an_unreachable_service_quickly(stack: Stack, unused_tcp_port: int) -> None:
    code, findings = doctor(stack, PYXEC_URL=f"http://127.0.0.1:{unused_tcp_port}")
    assert code == 1
    assert findings["API"]["status"] == "failed"
    assert findings["canaries and limits"]["status"] == "skipped"
    assert findings["Docker Engine"]["status"] == "ok"

"""``pyxec doctor`` on a healthy service and on one with a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.cli.checks.limits import TRIALS
from app.local.engine import engine_host
from app.sandbox.images.catalogue import default_set, load_languages
from tests.cli.conftest import ROOT
from tests.sandbox.engine.version_proxy import version_proxy
from tests.stack import Stack

pytestmark = pytest.mark.docker


def doctor(stack: Stack, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Check a stack; return the exit code and the findings by check."""
    return run_doctor(**{"PYXEC_URL": stack.url, "REDIS_URL": stack.redis_url, **environment})


def run_doctor(**environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, **environment},
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


@pytest.mark.parametrize(
    ("engine", "check", "sentence"),
    [
        ({"oldest": (1, 52), "newest": (1, 60)}, "Docker Engine", "upgrade Pyxec"),
        ({"oldest": (1, 12), "newest": (1, 40)}, "Docker Engine", "upgrade the engine"),
        ({"info": {"PidsLimit": False}}, "cgroups", "enable the cgroup controllers pids"),
    ],
)
def test_doctor_fails_when_the_engine_does_not_meet_the_requirements(
    tmp_path: Path, unused_tcp_port: int, engine: Mapping[str, Any], check: str, sentence: str
) -> None:
    nothing = f"127.0.0.1:{unused_tcp_port}"
    with version_proxy(tmp_path, engine_host().removeprefix("unix://"), **engine) as proxy:
        code, findings = run_doctor(
            PYXEC_URL=f"http://{nothing}", REDIS_URL=f"redis://{nothing}/0", DOCKER_HOST=proxy.url
        )

    assert code == 1
    assert findings[check]["status"] == "failed"
    assert sentence in findings[check]["detail"]
    assert findings["sandbox"]["status"] == "skipped"


def test_doctor_names_the_invalid_field_of_a_language_file(tmp_path: Path, unused_tcp_port: int) -> None:
    (tmp_path / "mine.toml").write_text('id = "mine"\nrun = "not a list"\n')

    code, findings = run_doctor(PYXEC_URL=f"http://127.0.0.1:{unused_tcp_port}", PYXEC_LANGUAGES=str(tmp_path))

    assert code == 1
    assert findings["configuration"]["status"] == "failed"
    assert "mine.toml" in findings["configuration"]["detail"]
    assert "run" in findings["configuration"]["detail"]

"""The sandbox that ``pyxec doctor`` starts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.cli.checks.finding import Status
from app.cli.checks.sandbox import check_sandbox
from app.local.engine import engine_host
from app.sandbox.engine.client import Engine
from app.sandbox.template import LABEL
from tests.sandbox.engine.faulty_engine import rejecting_engine
from tests.sandbox.sandbox_fixture import IMAGE_DIGESTS, RUNTIME, eventually

pytestmark = pytest.mark.docker


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace of its own. At the end, it must contain no container."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    with closing(Engine(engine_host(), 30)) as engine:
        assert eventually(lambda: not engine.list_containers(f"{LABEL}={name}"))


def test_check_sandbox_starts_a_sandbox_and_changes_its_limits(namespace: str) -> None:
    findings = list(check_sandbox(engine_host(), 30, namespace, RUNTIME, IMAGE_DIGESTS))

    assert [(finding.check, finding.status) for finding in findings] == [
        ("sandbox", Status.OK),
        ("limits of a waiting sandbox", Status.OK),
    ]


def test_check_sandbox_reports_an_engine_that_refuses_updates(namespace: str, tmp_path: Path) -> None:
    engine = Path(engine_host().removeprefix("unix://"))
    # The message of crun 1.8 with Engine 20.10 on cgroup v2
    with rejecting_engine(tmp_path, engine, r"POST \S+/update", "cannot set kernel memory with cgroupv2") as url:
        started, updated = check_sandbox(url, 30, namespace, RUNTIME, IMAGE_DIGESTS)

    assert started.status is Status.OK
    assert updated.status is Status.WARNING
    assert "each job with its own limits waits for a new container" in updated.detail


def test_check_sandbox_reports_why_a_sandbox_does_not_start(namespace: str) -> None:
    (finding,) = check_sandbox(engine_host(), 30, namespace, "no-such-runtime", IMAGE_DIGESTS)

    assert finding.status is Status.FAILED
    assert "no-such-runtime" in finding.detail

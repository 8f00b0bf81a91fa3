"""Calls of an engine that hangs: their number is bounded, and none leaves a container."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from app.core.errors import EngineUnavailable, InfrastructureError
from app.local.engine import engine_host
from app.sandbox.engine.client import Engine
from app.sandbox.sandbox import ContainerSandbox
from tests.patience import patient
from tests.sandbox.engine.faulty_engine import HoldingEngine, holding_engine
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import (
    RecordingSink,
    SandboxFixture,
    create_sandbox,
    eventually,
    job,
    open_sandbox_fixture,
)

pytestmark = pytest.mark.docker

ISOLATIONS = ("container",)

ENGINE = Path(engine_host().removeprefix("unix://"))
TIMEOUT = patient(1.0)
SLOTS = 4
ROUNDS = 3
POOL_CEILING = 4


@pytest.fixture
def observer() -> Iterator[SandboxFixture]:
    """A namespace of its own, with a direct connection to the engine."""
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


def run_jobs(sandbox: ContainerSandbox, count: int) -> list[str]:
    """Run jobs in all slots; return the names of their errors."""

    def run(_: int) -> str:
        with closing(InMemoryInbox()) as inbox:
            try:
                sandbox.run(uuid.uuid4().hex, 1, job("bash", "echo"), RecordingSink(), inbox)
            except InfrastructureError as e:
                return type(e).__name__
        return ""

    with ThreadPoolExecutor(SLOTS) as slots:
        return list(slots.map(run, range(count)))


def open_sandbox(holding: HoldingEngine, observer: SandboxFixture) -> ContainerSandbox:
    return create_sandbox(Engine(holding.url, TIMEOUT), observer.namespace, 0, POOL_CEILING)


@pytest.mark.parametrize("held", [r"POST \S+/containers/create", r"(POST \S+/start|DELETE) "])
def test_guarantee_7_launches_are_bounded_and_leave_nothing_when_the_engine_hangs(
    observer: SandboxFixture, tmp_path: Path, held: str
) -> None:
    with holding_engine(tmp_path, ENGINE, held) as holding:
        sandbox = open_sandbox(holding, observer)
        assert run_jobs(sandbox, 1 + SLOTS * ROUNDS) == ["EngineUnavailable"] * (1 + SLOTS * ROUNDS)

        # Each of these requests stands for a container that exists already or will exist when the engine continues
        launches = [line for line in holding.lines if line.startswith("POST")]
        assert 0 < len(launches) <= SLOTS + POOL_CEILING
        assert len(observer.containers()) <= len(launches)

        # When the engine continues
        holding.release()

        assert eventually(lambda: run_jobs(sandbox, 1) == [""], within_seconds=30)
        assert eventually(lambda: observer.containers() == [], within_seconds=30)


def test_guarantee_7_launch_whose_response_is_late_is_removed(observer: SandboxFixture, tmp_path: Path) -> None:
    with holding_engine(tmp_path, ENGINE, r"POST \S+/containers/create") as holding:
        sandbox = open_sandbox(holding, observer)
        with closing(InMemoryInbox()) as inbox, pytest.raises(EngineUnavailable):
            sandbox.run("late", 1, job("bash", "echo"), RecordingSink(), inbox)
        assert observer.containers() == []

        holding.release()

        # The engine creates the container, and nothing but the late response names it.
        assert eventually(lambda: run_jobs(sandbox, 1) == [""], within_seconds=30)
        assert eventually(lambda: observer.containers() == [], within_seconds=30)

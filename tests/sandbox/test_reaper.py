"""Removal of orphaned containers on the engine of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.errors import EngineUnavailable
from app.local.engine import engine_host
from app.sandbox import reaper
from app.sandbox.engine.client import ContainerSummary, Engine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.template import LABEL
from app.wiring.worker import _REMOVE_ORPHANS_SECONDS
from tests.sandbox.engine.faulty_engine import holding_engine
from tests.sandbox.sandbox_fixture import INSTALLATION, SandboxFixture, eventually, open_sandbox_fixture

pytestmark = pytest.mark.docker

ENGINE = Path(engine_host().removeprefix("unix://"))
HOUR = 3600
NEVER_STARTED_SECONDS = 120


@pytest.fixture
def sandbox() -> Iterator[SandboxFixture]:
    """A sandbox whose namespace contains no other containers."""
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


def remove_orphans(engine: Engine, namespace: str, is_alive: Callable[[str], bool], now: float | None = None) -> int:
    return reaper.remove_orphans(engine, namespace, INSTALLATION, is_alive, NEVER_STARTED_SECONDS, now)


def test_guarantee_7_container_that_a_killed_worker_created_is_removed_within_a_minute(sandbox: SandboxFixture) -> None:
    sandbox.create("dead")
    last_run_of_the_minute = time.time() + 60 - _REMOVE_ORPHANS_SECONDS

    removed = remove_orphans(
        sandbox.engine, sandbox.namespace, lambda worker: worker != "dead", now=last_run_of_the_minute
    )

    assert removed == 1
    assert sandbox.containers() == []


def test_guarantee_7_reaper_leaves_no_container_when_the_engine_hangs(sandbox: SandboxFixture, tmp_path: Path) -> None:
    # Given an engine that answers no request to remove a container
    for _ in range(3):
        sandbox.create("dead")
    with holding_engine(tmp_path, ENGINE, "DELETE ") as holding:
        engine, later = Engine(holding.url, 1), time.time() + HOUR

        # When a reaper runs, and again when the engine continues
        with pytest.raises(EngineUnavailable):
            remove_orphans(engine, sandbox.namespace, lambda worker: False, now=later)
        assert len([line for line in holding.lines if line.startswith("DELETE")]) == 1
        holding.release()
        eventually(lambda: remove_orphans(engine, sandbox.namespace, lambda worker: False, now=later) == 0)

        # Then nothing is left
        assert sandbox.containers() == []


def test_running_container_of_a_dead_worker_is_removed(sandbox: SandboxFixture) -> None:
    with closing(sandbox.launch("bash")):
        assert remove_orphans(sandbox.engine, sandbox.namespace, lambda worker: False, now=time.time() + HOUR) == 1

        assert eventually(lambda: sandbox.containers() == [])


def test_container_of_a_live_worker_is_kept(sandbox: SandboxFixture) -> None:
    with closing(sandbox.launch("bash")) as waiting:
        assert remove_orphans(sandbox.engine, sandbox.namespace, lambda worker: True, now=time.time() + HOUR) == 0

        assert waiting.is_alive()


def test_container_that_was_never_started_is_removed_after_a_delay(sandbox: SandboxFixture) -> None:
    lost = sandbox.create("alive")

    assert (
        remove_orphans(
            sandbox.engine, sandbox.namespace, lambda worker: True, now=time.time() + NEVER_STARTED_SECONDS - 10
        )
        == 0
    )
    assert sandbox.containers() == [lost]
    later = time.time() + NEVER_STARTED_SECONDS + 1
    assert remove_orphans(sandbox.engine, sandbox.namespace, lambda worker: True, now=later) == 1
    assert sandbox.containers() == []


def test_new_container_is_kept(sandbox: SandboxFixture) -> None:
    young = sandbox.create("not registered")

    assert remove_orphans(sandbox.engine, sandbox.namespace, lambda worker: False) == 0
    assert sandbox.containers() == [young]


def test_container_of_another_namespace_is_kept(sandbox: SandboxFixture) -> None:
    foreign = sandbox.create("dead")

    assert (
        remove_orphans(sandbox.engine, f"{sandbox.namespace}-other", lambda worker: False, now=time.time() + HOUR) == 0
    )
    assert remove_orphans(sandbox.engine, sandbox.namespace[:-1], lambda worker: False, now=time.time() + HOUR) == 0
    assert sandbox.containers() == [foreign]


def test_guarantee_4_container_of_another_installation_with_the_same_namespace_is_kept(sandbox: SandboxFixture) -> None:
    later, ours = time.time() + HOUR, sandbox.create("dead")

    for installation in ("another", ""):
        removed = reaper.remove_orphans(sandbox.engine, sandbox.namespace, installation, lambda worker: False, 0, later)
        assert removed == 0
    assert sandbox.containers() == [ours]


def test_reaper_removes_nothing_when_the_live_workers_are_not_known(sandbox: SandboxFixture) -> None:
    unknown = sandbox.create("dead")

    def raise_error(worker: str) -> bool:
        raise ConnectionError("the store is down")

    with pytest.raises(ConnectionError):
        remove_orphans(sandbox.engine, sandbox.namespace, raise_error, now=time.time() + HOUR)
    assert sandbox.containers() == [unknown]


def test_failed_removal_does_not_stop_the_others(sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        sandbox.create("dead")
    stuck, other = (container.id for container in sandbox.engine.list_containers(f"{LABEL}={sandbox.namespace}"))
    remove = sandbox.engine.remove_container

    def fail_once(container_id: str) -> None:
        if container_id == stuck:
            raise EngineUnavailable("remove: device or resource busy") from EngineResponseError(500, b"busy")
        remove(container_id)

    monkeypatch.setattr(sandbox.engine, "remove_container", fail_once)

    assert remove_orphans(sandbox.engine, sandbox.namespace, lambda worker: False, now=time.time() + HOUR) == 1
    assert [container.id for container in sandbox.engine.list_containers(f"{LABEL}={sandbox.namespace}")] == [stuck]

    monkeypatch.undo()
    assert remove_orphans(sandbox.engine, sandbox.namespace, lambda worker: False, now=time.time() + HOUR) == 1
    assert other != stuck


def test_container_ends_when_its_connection_was_closed_before_the_start(sandbox: SandboxFixture) -> None:
    """A worker that is killed or times out between attach and start leaves no container."""
    container_id = sandbox.create("dead")
    sandbox.engine.attach(container_id).close()

    sandbox.engine.start_container(container_id)

    assert eventually(lambda: sandbox.containers() == [])


class ListedEngine:
    """An engine with given containers, which records the removed ones."""

    def __init__(self, *containers: ContainerSummary) -> None:
        self.containers = containers
        self.removed: list[str] = []

    def list_containers(self, label: str) -> list[ContainerSummary]:
        return [container for container in self.containers if label in container.labels]

    def remove_container(self, container_id: str) -> None:
        self.removed.append(container_id)


def test_containers_of_a_lost_installation_are_removed_when_they_never_started() -> None:
    # Given containers of two installations, whose workers do not exist, created a day and an hour ago
    now = 1_800_000_000
    engine = ListedEngine(
        *(
            ContainerSummary(f"{namespace}-{state}-{age}", {LABEL: namespace}, now - age, state)
            for namespace in ("lost", "test")
            for state in ("created", "dead", "running")
            for age in (HOUR, 25 * HOUR)
        )
    )

    # When a worker of another installation removes orphans
    removed = reaper.remove_orphans(engine, "test", "another", lambda worker: False, NEVER_STARTED_SECONDS, now)  # type: ignore[arg-type]

    # Then it removes only those that no worker can use any more
    assert engine.removed == [
        "lost-created-90000", "lost-dead-90000", "test-created-90000", "test-dead-90000",
    ]  # fmt: skip
    assert removed == 4

"""The engine of this machine: detection, start, stop and error messages."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from app.core.errors import UnsupportedEngine
from app.local.console import SetupError, Step, Steps
from app.local.down import bring_down
from app.local.engine import RECORD, engine_host, ensure_engine
from app.local.state import ProcessRecord, StateFolder

pytestmark = pytest.mark.docker

NOBODY = 65534


@pytest.fixture
def step() -> Iterator[Step]:
    with Steps(Console(file=io.StringIO())) as steps, steps.step("engine") as step:
        yield step


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start an engine")
def test_ensure_engine_starts_an_engine_that_make_down_stops(
    tmp_path: Path, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a machine where no engine responds at DOCKER_HOST
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
    state = StateFolder.for_checkout(tmp_path)
    shared_bridge = Path("/sys/class/net/docker0/ifindex")
    bridge_before = shared_bridge.read_text() if shared_bridge.exists() else None

    # When an engine is required
    client = ensure_engine(state, step)

    # Then a new engine runs
    assert step.outcome.endswith("started")
    assert client.containers(all=True) == []
    assert client.info()["DockerRootDir"] == str(state.data("engine"))
    record = ProcessRecord.read(state.record(RECORD))
    assert record is not None

    # And `make down` stops it
    bring_down(tmp_path, Console(file=io.StringIO()))
    assert not record.is_alive()
    assert not state.record(RECORD).exists()

    # And the network of the machine's own engine is unchanged
    assert bridge_before is None or shared_bridge.read_text() == bridge_before


def test_ensure_engine_uses_a_running_engine_and_make_down_keeps_it(tmp_path: Path, step: Step) -> None:
    state = StateFolder.for_checkout(tmp_path)

    client = ensure_engine(state, step)

    assert step.outcome.endswith("was running")
    assert not state.record(RECORD).exists()
    bring_down(tmp_path, Console(file=io.StringIO()))
    assert client.ping()


def test_ensure_engine_reports_a_docker_host_that_does_not_respond(
    tmp_path: Path, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(SetupError, match=r"no Docker Engine responds at DOCKER_HOST=tcp://127\.0\.0\.1:1") as raised:
        ensure_engine(StateFolder.for_checkout(tmp_path), step)

    assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_ensure_engine_reports_a_socket_that_the_user_may_not_use(tmp_path: Path, step: Step) -> None:
    os.seteuid(NOBODY)
    try:
        with pytest.raises(UnsupportedEngine) as raised:
            ensure_engine(StateFolder.for_checkout(tmp_path), step)
    finally:
        os.seteuid(0)

    assert str(raised.value) == (
        f"no permission to use the Docker Engine at {engine_host()}: run as root or as a member of the group that owns "
        "the socket"
    )


def test_ensure_engine_reports_a_missing_engine_when_apt_is_missing(
    tmp_path: Path, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/engine.sock")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SetupError, match=r"missing: Docker Engine 20\.10 or later") as raised:
        ensure_engine(StateFolder.for_checkout(tmp_path), step)

    assert "\n" not in str(raised.value)

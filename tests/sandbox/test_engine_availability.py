"""When a worker pauses because of its engine, and when it resumes. The test answers the probes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.core.errors import EngineUnavailable, ImageMissing, SandboxLost, UnsupportedEngine
from app.sandbox import engine_availability
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.engine_availability import EngineAvailability, PauseReason
from tests.sandbox.sandbox_fixture import eventually

DOWN = EngineUnavailable("no Docker Engine answers")
UNSUPPORTED = UnsupportedEngine("upgrade the engine")


class Probes:
    """Replaces the requests to the engine.

    Attributes:
        error: Raised by each probe. None if the engine meets the requirements.
        times: Monotonic times of all probes.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.times: list[float] = []

    def check(self, base_url: str, runtime: str, timeout_seconds: float) -> None:
        self.times.append(time.monotonic())
        if self.error is not None:
            raise self.error


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> Probes:
    probes = Probes()
    monkeypatch.setattr(engine_availability, "check_engine_requirements", probes.check)
    monkeypatch.setattr(engine_availability, "_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(engine_availability, "_MIN_BACKOFF_SECONDS", 0.05)
    monkeypatch.setattr(engine_availability, "_MAX_BACKOFF_SECONDS", 0.2)
    return probes


@contextmanager
def started(
    check_host: Callable[[], object] = lambda: None,
) -> Iterator[tuple[EngineAvailability, list[PauseReason | None]]]:
    """Start the service; provide it and the list of its changes."""
    changes: list[PauseReason | None] = []
    availability = EngineAvailability("unix:///engine.sock", "", 1.0, changes.append, check_host)
    availability.start()
    try:
        yield availability, changes
    finally:
        availability.stop()


def refused_launch() -> EngineUnavailable:
    error = EngineUnavailable("Docker Engine: start container: no space left on device")
    error.__cause__ = EngineResponseError(500, b"no space left on device")
    return error


@pytest.mark.parametrize(
    ("error", "reason"), [(DOWN, PauseReason.NOT_ANSWERING), (UNSUPPORTED, PauseReason.UNSUPPORTED)]
)
def test_guarantee_3_worker_pauses_while_probes_fail(probes: Probes, error: Exception, reason: PauseReason) -> None:
    with started() as (availability, changes):
        probes.error = error
        assert eventually(lambda: availability.reason is reason)
        probes.error = None
        assert eventually(lambda: availability.reason is None)
    assert changes == [reason, None]


def test_guarantee_3_worker_starts_paused_when_engine_does_not_answer(probes: Probes) -> None:
    probes.error = DOWN
    with started() as (_, changes):
        assert changes == [PauseReason.NOT_ANSWERING]
        probes.error = None
        assert eventually(lambda: changes[-1] is None)


def test_guarantee_3_worker_pauses_at_once_when_a_launch_gets_no_answer(
    probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_availability, "_PROBE_SECONDS", 60.0)
    with started() as (availability, changes):
        availability.record_failure(DOWN)
        assert changes[0] is PauseReason.NOT_ANSWERING
        assert eventually(lambda: changes[-1] is None), "the engine is probed at once"


@pytest.mark.parametrize("error", [refused_launch(), SandboxLost("runner was not ready")])
def test_guarantee_3_worker_pauses_when_launches_fail_in_succession(
    probes: Probes, error: EngineUnavailable | SandboxLost
) -> None:
    with started() as (availability, changes):
        availability.record_failure(error)
        availability.record_failure(error)
        availability.record_launch()
        availability.record_failure(error)
        availability.record_failure(error)
        assert changes == []
        availability.record_failure(error)
        assert changes == [PauseReason.LAUNCHES_FAIL]
        assert eventually(lambda: changes[-1] is None)
        # Until a launch succeeds, one more failure is enough.
        availability.record_failure(error)
        assert changes[2:] == [PauseReason.LAUNCHES_FAIL]


def test_guarantee_3_missing_image_of_one_language_does_not_pause_the_worker(probes: Probes) -> None:
    with started() as (availability, changes):
        for _ in range(10):
            availability.record_failure(ImageMissing("image of language bash is not on this engine"))
    assert changes == []


def test_probes_back_off_while_engine_does_not_answer(probes: Probes) -> None:
    probes.error = DOWN
    with started():
        assert eventually(lambda: len(probes.times) >= 8)
    gaps = [later - earlier for earlier, later in zip(probes.times[1:], probes.times[2:], strict=False)]
    assert gaps[-1] >= 0.19 > 3 * 0.05


def test_worker_exits_when_engine_is_unsupported_at_its_start(probes: Probes) -> None:
    probes.error = UNSUPPORTED
    with pytest.raises(SystemExit) as exit_info, started():
        pass
    assert exit_info.value.code == engine_availability.EXIT_STATUS


def refuse_host() -> None:
    raise UnsupportedEngine("this host cannot run cells")


def test_worker_exits_when_its_host_is_unsupported_at_its_start(probes: Probes) -> None:
    with pytest.raises(SystemExit) as exit_info, started(refuse_host):
        pass
    assert exit_info.value.code == engine_availability.EXIT_STATUS


def test_worker_stops_when_its_host_is_unsupported_after_the_engine_has_answered(
    probes: Probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(engine_availability.os, "kill", lambda pid, number: signals.append((pid, number)))
    probes.error = DOWN
    with started(refuse_host):
        assert signals == []
        probes.error = None
        assert eventually(lambda: signals == [(os.getpid(), signal.SIGTERM)])


def test_host_is_checked_once(probes: Probes) -> None:
    checks: list[float] = []
    with started(lambda: checks.append(time.monotonic())):
        assert eventually(lambda: len(probes.times) >= 3)
    assert len(checks) == 1

"""Periodic tasks run independently of each other."""

from __future__ import annotations

import threading

from app.actors.maintain import PeriodicTask, PeriodicTasks
from app.telemetry.metrics import Meter

TIMEOUT_SECONDS = 10.0


class CallCounter:
    """Counts its calls and sets ``reached`` at the given number of them."""

    def __init__(self, expected_calls: int, error: Exception | None = None) -> None:
        self.calls = 0
        self._expected_calls = expected_calls
        self._error = error
        self.reached = threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        if self.calls >= self._expected_calls:
            self.reached.set()
        if self._error is not None:
            raise self._error


def test_periodic_tasks_run_at_start_and_at_their_interval() -> None:
    frequent, rare = CallCounter(3), CallCounter(1)
    tasks = PeriodicTasks([PeriodicTask("frequent", 0.01, frequent), PeriodicTask("rare", 3600, rare)], Meter())

    tasks.start()

    assert frequent.reached.wait(TIMEOUT_SECONDS)
    assert rare.reached.wait(TIMEOUT_SECONDS)
    tasks.stop()
    assert rare.calls == 1


def test_periodic_task_runs_again_when_it_failed() -> None:
    failing, other = CallCounter(3, RuntimeError("the engine is down")), CallCounter(3)
    tasks = PeriodicTasks([PeriodicTask("failing", 0.01, failing), PeriodicTask("other", 0.01, other)], Meter())

    tasks.start()

    assert failing.reached.wait(TIMEOUT_SECONDS)
    assert other.reached.wait(TIMEOUT_SECONDS)
    tasks.stop()


def test_periodic_task_runs_while_another_task_hangs() -> None:
    released, heartbeat = threading.Event(), CallCounter(5)
    hanging, beating = PeriodicTask("hanging", 0.01, released.wait), PeriodicTask("heartbeat", 0.01, heartbeat)
    tasks = PeriodicTasks([hanging, beating], Meter())

    tasks.start()

    assert heartbeat.reached.wait(TIMEOUT_SECONDS)
    released.set()
    tasks.stop()


def test_stop_waits_for_running_tasks() -> None:
    started, release, completed = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        started.set()
        release.wait(TIMEOUT_SECONDS)
        completed.set()

    tasks = PeriodicTasks([PeriodicTask("slow", 0.0, run)], Meter())
    tasks.start()
    assert started.wait(TIMEOUT_SECONDS)
    threading.Timer(0.05, release.set).start()

    tasks.stop()

    assert completed.is_set()
    completed.clear()
    assert not completed.wait(0.1)

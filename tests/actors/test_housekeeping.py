"""Chores: each on its own, so that none keeps another from being done."""

from __future__ import annotations

import threading

from app.actors.periodic_tasks import PeriodicTask, PeriodicTasks

PATIENCE_SECONDS = 10.0


class Counter:
    """Counts its calls; tells when there were enough."""

    def __init__(self, enough: int, error: Exception | None = None) -> None:
        self.calls = 0
        self._enough = enough
        self._error = error
        self.reached = threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        if self.calls >= self._enough:
            self.reached.set()
        if self._error is not None:
            raise self._error


def test_every_chore_is_done_at_the_start_and_again_when_it_is_due() -> None:
    often, seldom = Counter(3), Counter(1)
    house = PeriodicTasks([PeriodicTask("often", 0.01, often), PeriodicTask("seldom", 3600, seldom)])

    house.start()

    assert often.reached.wait(PATIENCE_SECONDS)
    assert seldom.reached.wait(PATIENCE_SECONDS)
    house.stop()
    assert seldom.calls == 1


def test_a_chore_that_fails_is_done_again_and_disturbs_no_other() -> None:
    failing, other = Counter(3, RuntimeError("the engine is down")), Counter(3)
    house = PeriodicTasks([PeriodicTask("failing", 0.01, failing), PeriodicTask("other", 0.01, other)])

    house.start()

    assert failing.reached.wait(PATIENCE_SECONDS)
    assert other.reached.wait(PATIENCE_SECONDS)
    house.stop()


def test_a_sign_of_life_goes_on_while_another_chore_hangs() -> None:
    released, beat = threading.Event(), Counter(5)
    house = PeriodicTasks([PeriodicTask("hangs", 0.01, released.wait), PeriodicTask("beat", 0.01, beat)])

    house.start()

    assert beat.reached.wait(PATIENCE_SECONDS)
    released.set()
    house.stop()


def test_stopping_waits_for_the_chore_at_hand_and_then_nothing_is_done_any_more() -> None:
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def chore() -> None:
        begun.set()
        release.wait(PATIENCE_SECONDS)
        ended.set()

    house = PeriodicTasks([PeriodicTask("slow", 0.0, chore)])
    house.start()
    assert begun.wait(PATIENCE_SECONDS)
    threading.Timer(0.05, release.set).start()

    house.stop()

    assert ended.is_set()
    ended.clear()
    assert not ended.wait(0.1)

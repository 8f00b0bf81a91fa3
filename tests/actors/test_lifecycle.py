"""What a worker needs besides starts with it, in workers of the jobs' queue alone."""

from __future__ import annotations

import pytest
from dramatiq import Worker

from app.actors.lifecycle import WorkerServices
from app.actors.recovery import MAINTENANCE_QUEUE
from app.store.keys import JOBS_QUEUE
from tests.store.live_store import LiveStore


class Noted:
    """A service that writes down what is done to it."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self._name = name
        self._notes = notes

    def start(self) -> None:
        self._notes.append(f"start {self._name}")

    def stop(self) -> None:
        self._notes.append(f"stop {self._name}")


@pytest.mark.parametrize(
    ("queues", "concerned"),
    [
        (None, True),
        ({JOBS_QUEUE}, True),
        ({JOBS_QUEUE, MAINTENANCE_QUEUE}, True),
        ({MAINTENANCE_QUEUE}, False),
    ],
)
async def test_services_start_in_order_and_stop_in_the_opposite_one(
    store: LiveStore, queues: set[str] | None, concerned: bool
) -> None:
    notes: list[str] = []
    store.broker.declare_queue(MAINTENANCE_QUEUE)
    store.broker.add_middleware(WorkerServices({JOBS_QUEUE: [Noted("a", notes), Noted("b", notes)], "x": []}))
    worker = Worker(store.broker, queues=queues, worker_threads=1, worker_timeout=50)

    worker.start()
    assert notes == (["start a", "start b"] if concerned else [])
    worker.stop()

    assert notes == (["start a", "start b", "stop b", "stop a"] if concerned else [])

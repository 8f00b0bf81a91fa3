"""Services start and stop with the workers that consume their queue."""

from __future__ import annotations

import pytest
from dramatiq import Worker

from app.actors.maintain import WorkerServices
from app.store.keys import JOBS_QUEUE, MAINTENANCE_QUEUE
from tests.store.live_store import LiveStore


class RecordingService:
    """Service that records its calls."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self._name = name
        self._calls = calls

    def start(self) -> None:
        self._calls.append(f"start {self._name}")

    def stop(self) -> None:
        self._calls.append(f"stop {self._name}")


@pytest.mark.parametrize(
    ("queues", "has_services"),
    [
        (None, True),
        ({JOBS_QUEUE}, True),
        ({JOBS_QUEUE, MAINTENANCE_QUEUE}, True),
        ({MAINTENANCE_QUEUE}, False),
    ],
)
async def test_services_start_in_order_and_stop_in_reverse_order(
    store: LiveStore, queues: set[str] | None, has_services: bool
) -> None:
    calls: list[str] = []
    services = [RecordingService("a", calls), RecordingService("b", calls)]
    store.broker.declare_queue(MAINTENANCE_QUEUE)
    store.broker.add_middleware(WorkerServices({JOBS_QUEUE: services, "unused": []}))
    worker = Worker(store.broker, queues=queues, worker_threads=1, worker_timeout=50)

    worker.start()
    assert calls == (["start a", "start b"] if has_services else [])
    worker.stop()

    assert calls == (["start a", "start b", "stop b", "stop a"] if has_services else [])

"""The task that publishes the metrics of a gateway."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from app.http.middleware.metrics import RequestMetrics


class SwallowingStore:
    """A store whose first ``publish`` swallows a cancellation, as redis-py can do before Python 3.12."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.published = 0

    async def publish(self, meter: Any) -> None:
        self.started.set()
        if self.published == 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.1)
        self.published += 1


async def test_shutdown_ends_when_redis_swallows_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.middleware.metrics._PUBLISH_SECONDS", 0.01)
    store = SwallowingStore()
    metrics = RequestMetrics(store)  # type: ignore[arg-type]
    await metrics.process_startup({}, {})
    await store.started.wait()

    shutdown = asyncio.create_task(metrics.process_shutdown({}, {}))
    ended, _ = await asyncio.wait([shutdown], timeout=5)

    assert ended
    # The remaining metrics are published after the last periodic publication
    published = store.published
    assert published >= 2
    await asyncio.sleep(0.1)
    assert store.published == published

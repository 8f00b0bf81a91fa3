"""The chores of a worker as they are wired: real containers, a real server, and what the gateway tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.broker import StreamsBroker
from app.config import read_settings
from app.core.metrics import Meter
from app.store.worker_registry import WorkerRegistry
from app.wiring.jobs import declare_run_job
from tests.http.live import LiveGateway, live_gateway
from tests.sandbox.arena import ENGINE_URL, Arena, open_arena

pytestmark = pytest.mark.docker


@pytest.fixture
def yard() -> Iterator[Arena]:
    """A namespace on the engine where nothing else lives."""
    with open_arena(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


@contextmanager
def chores_of_a_worker(gateway: LiveGateway) -> Iterator[None]:
    """A worker that does its chores, and takes no jobs."""
    environment = {"REDIS_URL": gateway.redis_url, "PYXEC_NAMESPACE": gateway.namespace, "DOCKER_HOST": ENGINE_URL}
    broker = StreamsBroker(client=gateway.store, namespace=gateway.namespace)
    housekeeping, *_ = declare_run_job(broker, read_settings(environment), Meter())
    housekeeping.start()
    try:
        yield
    finally:
        housekeeping.stop()
        broker.close()


async def metric(gateway: LiveGateway, name: str) -> float:
    lines = (await gateway.client.get("/metrics")).text.splitlines()
    [value] = [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]
    return float(value)


async def test_a_container_of_a_worker_that_is_gone_is_removed_and_counted(
    yard: Arena, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a service where a minute is over at once: the reaper lets younger containers be
    monkeypatch.setattr("app.sandbox.reaper._YOUNG_SECONDS", 0)
    monkeypatch.setattr("app.wiring.metrics.PUBLISH_SECONDS", 0.05)
    async with live_gateway(url, yard.namespace, tmp_path) as gateway:
        # And the containers of a worker that is there, and of one that nobody hears of
        WorkerRegistry(gateway.store, gateway.keys).beat("there")
        kept = yard.create("there")
        yard.create("gone")
        assert await metric(gateway, "pyxec_sandboxes_orphaned_total") == 0

        # When a third worker does its chores
        with chores_of_a_worker(gateway):
            async with asyncio.timeout(10):
                while await metric(gateway, "pyxec_sandboxes_orphaned_total") == 0:
                    await asyncio.sleep(0.05)

        # Then the one container has been removed, and one is counted
        assert yard.containers() == [kept]
        assert await metric(gateway, "pyxec_sandboxes_orphaned_total") == 1

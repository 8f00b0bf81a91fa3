"""The periodic tasks of a worker: a real engine, a real server and the metrics of the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.broker import StreamsBroker
from app.config import read_settings
from app.store.worker_registry import WorkerRegistry
from app.telemetry.metrics import Meter
from app.wiring.worker import declare_run_job
from tests.http.gateway import Gateway, running_gateway
from tests.sandbox.sandbox_fixture import ENGINE_URL, SandboxFixture, open_sandbox_fixture

pytestmark = pytest.mark.docker


@pytest.fixture
def engine_fixture() -> Iterator[SandboxFixture]:
    """A namespace of its own on the engine."""
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


@contextmanager
def running_periodic_tasks(gateway: Gateway) -> Iterator[None]:
    """Run the periodic tasks of a worker that takes no jobs."""
    environment = {"REDIS_URL": gateway.redis_url, "PYXEC_NAMESPACE": gateway.namespace, "DOCKER_HOST": ENGINE_URL}
    broker = StreamsBroker(client=gateway.redis, namespace=gateway.namespace)
    _, tasks, *_ = declare_run_job(broker, read_settings(environment), Meter())
    tasks.start()
    try:
        yield
    finally:
        tasks.stop()
        broker.close()


async def metric(gateway: Gateway, name: str) -> float:
    lines = (await gateway.client.get("/metrics")).text.splitlines()
    [value] = [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]
    return float(value)


async def test_worker_removes_and_counts_containers_of_lost_worker(
    engine_fixture: SandboxFixture, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given no minimum age for containers that are removed
    monkeypatch.setattr("app.sandbox.reaper._MIN_AGE_SECONDS", 0)
    monkeypatch.setattr("app.wiring.worker.PUBLISH_SECONDS", 0.05)
    async with running_gateway(redis_url, engine_fixture.namespace) as gateway:
        # And a container of a live worker, and one of a lost worker
        WorkerRegistry(gateway.redis, gateway.keys).beat("live")
        kept = engine_fixture.create("live")
        engine_fixture.create("lost")
        assert await metric(gateway, "pyxec_sandboxes_orphaned_total") == 0

        # When a third worker runs its periodic tasks
        with running_periodic_tasks(gateway):
            async with asyncio.timeout(10):
                while await metric(gateway, "pyxec_sandboxes_orphaned_total") == 0:
                    await asyncio.sleep(0.05)

        # Then only the container of the lost worker is removed, and it is counted
        assert engine_fixture.containers() == [kept]
        assert await metric(gateway, "pyxec_sandboxes_orphaned_total") == 1

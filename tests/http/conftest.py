"""Gateways on a namespace of the shared Redis server."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.store.jobs.wakeups import Watch
from tests.http.gateway import Gateway, StartGateway, running_gateway
from tests.proxy import FaultProxy


@pytest.fixture
async def start_gateway(redis_url: str, namespace: str) -> AsyncIterator[StartGateway]:
    """Start gateways with other settings; all of them share one namespace."""
    shared_url = redis_url
    async with AsyncExitStack() as stack:

        async def start(redis_url: str = "", **options: Any) -> Gateway:
            running = running_gateway(redis_url or shared_url, namespace, worker_redis_url=shared_url, **options)
            return await stack.enter_async_context(running)

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """A gateway with the default settings."""
    return await start_gateway()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of ``module_gateway``, for Hypothesis, which calls synchronous functions only."""
    with asyncio.Runner() as started:
        yield started


@pytest.fixture(scope="module")
def module_gateway(runner: asyncio.Runner, redis_url: str) -> Iterator[Gateway]:
    """One gateway for all examples of a module."""
    running = running_gateway(redis_url, f"module-{secrets.token_hex(4)}", PYXEC_ANONYMOUS_JOBS="100000")
    yield runner.run(running.__aenter__())
    runner.run(running.__aexit__(None, None, None))


@pytest.fixture
def redis_proxy(redis_url: str) -> Iterator[FaultProxy]:
    """A proxy in front of the shared Redis server, for tests in which the server does not answer."""
    with FaultProxy(Path(urlsplit(redis_url).path)) as proxy:
        yield proxy


@pytest.fixture
async def proxied_gateway(start_gateway: StartGateway, redis_proxy: FaultProxy) -> Gateway:
    """A gateway that connects to Redis through ``redis_proxy``; its worker connects directly."""
    return await start_gateway(f"redis://127.0.0.1:{redis_proxy.port}/0")


@pytest.fixture
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make wake-ups the only way in which the gateway learns of new events."""
    wait = Watch.wait
    monkeypatch.setattr(Watch, "wait", lambda self, timeout_seconds: wait(self, 60))

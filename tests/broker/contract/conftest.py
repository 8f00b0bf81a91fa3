"""The behaviour that Dramatiq's own test suite checks for its brokers.

Many tests run once for each lane and once with delayed messages. docs/broker.md lists the differences from Dramatiq.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.rate_limits.backends import RedisBackend as LimitsBackend
from dramatiq.results import Results

from app.broker import StreamResultBackend, StreamsBroker
from tests.broker.conftest import working

FAST = {"min_backoff": 1, "max_backoff": 2}
SEND_OPTIONS = {"interactive": {}, "batch": {"lane": "batch"}, "delayed": {"delay": 10}}


@pytest.fixture(params=list(SEND_OPTIONS))
def send_options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return options for every message of the test."""
    return dict(SEND_OPTIONS[request.param])


Declare = Callable[..., dramatiq.Actor[Any, Any]]


@pytest.fixture
def declare(broker: StreamsBroker) -> Declare:
    def make(fn: Callable[..., Any], name: str = "act", **options: Any) -> dramatiq.Actor[Any, Any]:
        return dramatiq.actor(fn, actor_name=name, broker=broker, **{**FAST, **options})

    return make


@pytest.fixture
def results(broker: StreamsBroker) -> Iterator[StreamResultBackend]:
    backend = StreamResultBackend(broker.client, broker.namespace)
    broker.add_middleware(Results(backend=backend, store_results=True))
    dramatiq.set_broker(broker)
    yield backend
    dramatiq.set_broker(None)  # type: ignore[arg-type]


@pytest.fixture
def limits(client: redis.Redis) -> LimitsBackend:
    return LimitsBackend(client=client)


def run(broker: StreamsBroker, *queues: str, threads: int = 2) -> None:
    """Run a worker until the queues are empty."""
    with working(broker, threads=threads):
        for queue in queues or ("default",):
            broker.join(queue, timeout=15_000, interval=10)

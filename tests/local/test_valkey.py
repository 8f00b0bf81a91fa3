"""The embedded server: durability, limits and settings."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from app.local.console import SetupError
from app.local.valkey import embedded_url, server_command
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def run_server(folder: Path, port: int, **settings: str) -> Iterator[tuple[redis.Redis, subprocess.Popen[bytes]]]:
    """Run the embedded server as the Procfile does, in the given folder. Kill it at the end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VALKEY_PORT": str(port), **settings}
    command = [sys.executable, "-m", "app.local.valkey"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as server:
        client = redis.Redis(port=port, retry_on_error=[redis.ConnectionError])
        try:
            wait_for_ping(client, server)
            yield client, server
        finally:
            client.close()
            server.kill()


def wait_for_ping(client: redis.Redis, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert server.poll() is None, "the server exited"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def fill(client: redis.Redis, mebibytes: int) -> None:
    for number in range(mebibytes):
        client.set(str(number), b"x" * 2**20)


def test_data_survives_sigkill(tmp_path: Path) -> None:
    port = free_port()
    with run_server(tmp_path, port, VALKEY_APPENDFSYNC="always") as (client, server):
        client.xadd("stream", {"job": "1"})
        server.kill()
        server.wait()

    with run_server(tmp_path, port) as (client, _):
        assert client.xlen("stream") == 1
        assert list((tmp_path / ".pyxec" / "data" / "valkey").iterdir())


def test_server_does_not_evict_and_listens_on_the_loopback_only(tmp_path: Path) -> None:
    with run_server(tmp_path, free_port()) as (client, _):
        settings = client.config_get("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "bind")

    assert settings == {
        "maxmemory": str(1024**3),
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "bind": "127.0.0.1",
    }


def test_data_is_readable_by_its_user_only(tmp_path: Path) -> None:
    data = tmp_path / ".pyxec" / "data" / "valkey"
    data.mkdir(parents=True, mode=0o755)

    with run_server(tmp_path, free_port(), VALKEY_APPENDFSYNC="always") as (client, _):
        client.set("program", "secret")
        client.bgrewriteaof()
        client.bgsave()
        # A temporary file that is renamed while the folder is listed is not found.
        running = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
        while any(client.info("persistence")[name] for name in running):
            time.sleep(0.02)
        files = {path: path.stat().st_mode & 0o777 for path in (data, *data.rglob("*"))}

    assert any(path.suffix == ".aof" for path in files)
    assert any(path.suffix == ".rdb" for path in files)
    assert {path.name for path, mode in files.items() if mode & 0o077} == set()


def test_server_refuses_writes_beyond_its_memory_limit(tmp_path: Path) -> None:
    with run_server(tmp_path, free_port(), VALKEY_MAXMEMORY="64mb") as (client, _):
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill(client, 80)
        assert client.get("0") == b"x" * 2**20


def test_embedded_url_contains_the_port() -> None:
    assert embedded_url({}) == "redis://127.0.0.1:6399/0"
    assert embedded_url({"VALKEY_PORT": "7000"}) == "redis://127.0.0.1:7000/0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("VALKEY_PORT", "port"), ("VALKEY_PORT", "70000"), ("VALKEY_APPENDFSYNC", "sometimes")),
        *(("VALKEY_MAXMEMORY", "0"), ("VALKEY_MAXMEMORY", "much"), ("VALKEY_MAXMEMORY", "-1")),
    ],
)
def test_server_command_names_an_invalid_setting(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SetupError, match=f"{name}='{value}'"):
        server_command(tmp_path, {name: value})

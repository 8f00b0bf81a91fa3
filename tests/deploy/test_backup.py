"""Backup and restore with the scripts of the image, and Debian's Redis, which is the one in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.broker.servers import eventually, process
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "deploy" / "redis"
PASSWORD = "correct-horse"
GROUP = "workers"


@contextlib.contextmanager
def server(folder: Path) -> Iterator[redis.Redis]:
    """A Redis with an append-only file in the folder. It is killed with the block."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    binary = shutil.which("redis-check-rdb")
    assert binary, "`python -m app.local.test_tools` installs what the tests need"
    options = {"port": str(port), "dir": str(folder), "requirepass": PASSWORD, "save": "", "appendonly": "yes"}
    options |= {"repl-diskless-sync-delay": "0"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with (
        process(["redis-server", *arguments], folder, Path(binary)),
        redis.Redis(port=port, password=PASSWORD) as client,
    ):
        eventually(client.ping)
        yield client


def run(script: str, folder: Path, port: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    environment = {"REDIS_DATA": str(folder), "REDIS_PASSWORD_FILE": str(secret), "REDIS_PORT": str(port)}
    return subprocess.run([SCRIPTS / script], env={**os.environ, **environment}, input=stdin, capture_output=True)


def port_of(client: redis.Redis) -> int:
    return int(client.get_connection_kwargs()["port"])


def test_what_was_backed_up_is_there_again_and_pending_entries_keep_their_owner(tmp_path: Path) -> None:
    # Given a server with a stream of which a worker holds an entry, and a result that will run out
    with server(tmp_path / "old") as client:
        entry = client.xadd("jobs", {"id": "1"})
        client.xgroup_create("jobs", GROUP, "0")
        client.xreadgroup(GROUP, "worker-1", {"jobs": ">"})
        client.set("result", b"\x00\xff", ex=1000)
        backup = run("backup", tmp_path / "old", port_of(client))
        client.set("later", "lost with the old server")
    assert backup.returncode == 0, backup.stderr
    # When another one begins with it
    (tmp_path / "new").mkdir()
    restored = run("restore", tmp_path / "new", stdin=backup.stdout)
    assert restored.returncode == 0, restored.stderr
    with server(tmp_path / "new") as client:
        # Then it holds all of that moment, and nothing else
        [pending] = client.xpending_range("jobs", GROUP, min="-", max="+", count=10)
        assert (pending["message_id"], pending["consumer"]) == (entry, b"worker-1")
        assert client.get("result") == b"\x00\xff"
        assert 0 < client.ttl("result") <= 1000
        assert client.exists("later") == 0
        client.set("written", "since")
    # And what it writes from then on is kept as ever
    with server(tmp_path / "new") as client:
        assert client.get("written") == b"since"
        assert client.get("result") == b"\x00\xff"


def test_what_was_there_before_a_restore_is_kept_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with server(folder) as client:
        backup = run("backup", folder, port_of(client)).stdout
        client.set("written", "after the backup")

    assert run("restore", folder, stdin=backup).returncode == 0

    [before] = folder.glob("appendonlydir.before-*")
    assert b"after the backup" in b"".join(path.read_bytes() for path in before.iterdir())
    with server(folder) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize("broken", [b"", b"not an RDB file", b"REDIS0010" + b"\xff" * 40])
def test_a_file_that_is_no_backup_changes_nothing(tmp_path: Path, broken: bytes) -> None:
    folder = tmp_path / "data"
    with server(folder) as client:
        client.set("kept", "yes")

    assert run("restore", folder, stdin=broken).returncode != 0

    with server(folder) as client:
        assert client.get("kept") == b"yes"


def test_a_backup_that_fails_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    done = run("backup", tmp_path, free_port())

    assert done.returncode != 0
    assert done.stdout == b""
    assert not list(tmp_path.glob("backup.*"))

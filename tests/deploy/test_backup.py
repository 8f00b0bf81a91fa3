"""Backup and restore with the scripts of the image and with the Redis of Debian, which the image contains."""

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
def run_server(folder: Path) -> Iterator[redis.Redis]:
    """Run Redis with an append-only file in the folder. Kill it at the end."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    binary = shutil.which("redis-check-rdb")
    assert binary, "run `python -m app.local.test_tools`"
    options = {"port": str(port), "dir": str(folder), "requirepass": PASSWORD, "save": "", "appendonly": "yes"}
    options |= {"repl-diskless-sync-delay": "0"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    with (
        process(["redis-server", *arguments], folder, Path(binary)),
        redis.Redis(port=port, password=PASSWORD) as client,
    ):
        eventually(client.ping)
        yield client


def run_script(script: str, folder: Path, port: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    environment = {"REDIS_DATA": str(folder), "REDIS_PASSWORD_FILE": str(secret), "REDIS_PORT": str(port)}
    return subprocess.run([SCRIPTS / script], env={**os.environ, **environment}, input=stdin, capture_output=True)


def get_port(client: redis.Redis) -> int:
    return int(client.get_connection_kwargs()["port"])


def test_restore_keeps_data_expiry_and_owners_of_pending_entries(tmp_path: Path) -> None:
    # Given a server with a pending stream entry and an expiring result
    with run_server(tmp_path / "old") as client:
        entry = client.xadd("jobs", {"id": "1"})
        client.xgroup_create("jobs", GROUP, "0")
        client.xreadgroup(GROUP, "worker-1", {"jobs": ">"})
        client.set("result", b"\x00\xff", ex=1000)
        backup = run_script("backup", tmp_path / "old", get_port(client))
        client.set("later", "after the backup")
    assert backup.returncode == 0, backup.stderr
    # When another server starts with the backup
    (tmp_path / "new").mkdir()
    restored = run_script("restore", tmp_path / "new", stdin=backup.stdout)
    assert restored.returncode == 0, restored.stderr
    with run_server(tmp_path / "new") as client:
        # Then it has exactly the data of the backup
        [pending] = client.xpending_range("jobs", GROUP, min="-", max="+", count=10)
        assert (pending["message_id"], pending["consumer"]) == (entry, b"worker-1")
        assert client.get("result") == b"\x00\xff"
        assert 0 < client.ttl("result") <= 1000
        assert client.exists("later") == 0
        client.set("written", "after the restore")
    # And it persists new writes
    with run_server(tmp_path / "new") as client:
        assert client.get("written") == b"after the restore"
        assert client.get("result") == b"\x00\xff"


def test_restore_keeps_the_previous_data(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with run_server(folder) as client:
        backup = run_script("backup", folder, get_port(client)).stdout
        client.set("written", "after the backup")

    assert run_script("restore", folder, stdin=backup).returncode == 0

    [before] = folder.glob("appendonlydir.before-*")
    assert b"after the backup" in b"".join(path.read_bytes() for path in before.iterdir())
    with run_server(folder) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize("broken", [b"", b"not an RDB file", b"REDIS0010" + b"\xff" * 40])
def test_restore_refuses_an_invalid_file(tmp_path: Path, broken: bytes) -> None:
    folder = tmp_path / "data"
    with run_server(folder) as client:
        client.set("kept", "yes")

    assert run_script("restore", folder, stdin=broken).returncode != 0

    with run_server(folder) as client:
        assert client.get("kept") == b"yes"


def test_failed_backup_leaves_no_partial_file(tmp_path: Path) -> None:
    done = run_script("backup", tmp_path, free_port())

    assert done.returncode != 0
    assert done.stdout == b""
    assert not list(tmp_path.glob("backup.*"))


def test_scheduled_backups_keep_the_newest_and_can_be_restored(tmp_path: Path) -> None:
    # Given a server whose data changes between four scheduled backups
    folder, old = tmp_path / "backups", tmp_path / "old"
    with run_server(old) as client:
        for number in range(4):
            client.set("number", number)
            assert run_scheduled_backup(folder, old, get_port(client), SCRIPTS / "backup").returncode == 0
        # And one that fails
        assert run_scheduled_backup(folder, old, get_port(client), Path("/bin/false")).returncode != 0
    # Then the newest three are kept
    kept = sorted(folder.glob("*.rdb"))
    assert len(kept) == 3
    # And each restores its data
    for number, backup in enumerate(kept, 1):
        new = tmp_path / f"new-{number}"
        new.mkdir()
        assert run_script("restore", new, stdin=backup.read_bytes()).returncode == 0
        with run_server(new) as client:
            assert client.get("number") == str(number).encode()


def run_scheduled_backup(folder: Path, data: Path, port: int, command: Path) -> subprocess.CompletedProcess[bytes]:
    secret = data / "password"
    secret.write_text(PASSWORD)
    environment = {"REDIS_DATA": str(data), "REDIS_PASSWORD_FILE": str(secret), "REDIS_PORT": str(port), "KEEP": "3"}
    return subprocess.run(
        [SCRIPTS / "scheduled-backup", folder, command], env={**os.environ, **environment}, capture_output=True
    )

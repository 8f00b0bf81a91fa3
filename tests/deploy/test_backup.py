"""Backup and restore with the scripts of the images and with the Redis of Debian, which the image contains."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from tests.broker.servers import eventually, process
from tests.http.gateway import Gateway, running_gateway
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "deploy" / "redis"
FILE_SCRIPTS = ROOT / "deploy" / "service"
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


# --- files by reference

CONTENT = bytes(range(256)) * 5000


def run_file_script(script: str, storage: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYXEC_FILES": storage}
    return subprocess.run([FILE_SCRIPTS / script], env=environment, input=stdin, capture_output=True)


@contextlib.asynccontextmanager
async def open_gateway(client: redis.Redis, storage: str) -> AsyncIterator[Gateway]:
    url = f"redis://:{PASSWORD}@127.0.0.1:{get_port(client)}/0"
    async with running_gateway(url, "restored", PYXEC_FILES=storage) as gateway:
        yield gateway


async def upload(gateway: Gateway, content: bytes) -> str:
    response = await gateway.client.put("/v1/files", content=content)
    assert response.status_code == 201, response.text
    return str(response.json()["file_id"])


@pytest.mark.parametrize("kind", ["redis", "dir"])
async def test_restore_keeps_the_contents_of_files(tmp_path: Path, kind: str) -> None:
    # Given two files whose contents are in Redis or in a folder
    old, new = tmp_path / "old-files", tmp_path / "new-files"
    old.mkdir()
    new.mkdir()
    storage, restored_storage = ("redis", "redis") if kind == "redis" else (f"dir:{old}", f"dir:{new}")
    with run_server(tmp_path / "old") as client:
        async with open_gateway(client, storage) as gateway:
            kept, deleted = await upload(gateway, CONTENT), await upload(gateway, b"deleted")
            # When a backup is written while files are deleted and uploaded
            backup = run_script("backup", tmp_path / "old", get_port(client)).stdout
            for blob in old.glob("blobs/*/*") if kind == "dir" else ():
                if blob.read_bytes() == b"deleted":
                    blob.unlink()
            archive = run_file_script("backup-files", storage)
            late = await upload(gateway, b"after the backup")
    assert archive.returncode == 0, archive.stderr
    # And restored on another machine
    (tmp_path / "new").mkdir()
    assert run_script("restore", tmp_path / "new", stdin=backup).returncode == 0
    if kind == "dir":
        restored = run_file_script("restore-files", restored_storage, archive.stdout)
        assert restored.returncode == 0, restored.stderr
        assert not list(new.glob("blobs.new"))
    # Then it has the contents of the backup, and accepts new files
    with run_server(tmp_path / "new") as client:
        async with open_gateway(client, restored_storage) as gateway:
            assert (await gateway.client.get(f"/v1/files/{kept}")).content == CONTENT
            statuses = [(await gateway.client.get(f"/v1/files/{file}")).status_code for file in (late, deleted)]
            assert statuses == [404, 200 if kind == "redis" else 404]
            new_file = await upload(gateway, b"after the restore")
            assert (await gateway.client.get(f"/v1/files/{new_file}")).content == b"after the restore"
            # And another upload of a lost content restores the file
            again = await upload(gateway, b"deleted")
            for file in (deleted, again):
                assert (await gateway.client.get(f"/v1/files/{file}")).content == b"deleted"


def test_restore_of_files_keeps_the_previous_contents(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "ab" / "abc"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"old")
    archive = run_file_script("backup-files", f"dir:{tmp_path}").stdout
    blob.write_bytes(b"new")

    assert run_file_script("restore-files", f"dir:{tmp_path}", archive).returncode == 0

    [before] = tmp_path.glob("blobs.before-*")
    assert ((before / "ab" / "abc").read_bytes(), blob.read_bytes()) == (b"new", b"old")


@pytest.mark.parametrize("size", [0, 700, 1536, -10240], ids=["empty", "header", "member", "without its end"])
def test_restore_refuses_an_archive_that_is_not_complete(tmp_path: Path, size: int) -> None:
    blobs = tmp_path / "blobs" / "ab"
    blobs.mkdir(parents=True)
    for name in ("abc", "abd"):
        (blobs / name).write_bytes(bytes(20_000))
    archive = run_file_script("backup-files", f"dir:{tmp_path}").stdout

    for broken in (archive[:size], b"not an archive"):
        assert run_file_script("restore-files", f"dir:{tmp_path}", broken).returncode != 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs"]
    assert sorted(path.name for path in blobs.iterdir()) == ["abc", "abd"]


def test_backup_of_files_is_empty_when_they_are_not_in_a_folder(tmp_path: Path) -> None:
    archive = run_file_script("backup-files", "redis")

    assert archive.returncode == 0
    assert b"PYXEC_FILES is redis, not a folder: the archive is empty" in archive.stderr
    assert run_file_script("restore-files", f"dir:{tmp_path}", archive.stdout).returncode == 0
    assert run_file_script("restore-files", "redis", archive.stdout).returncode == 64
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_backup_of_files_succeeds_while_files_are_added_and_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "blobs" / "ab"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"kept{number}").write_bytes(b"kept")
    is_stopped = threading.Event()

    def change() -> None:
        for number in itertools.count():
            if is_stopped.is_set():
                return
            path = folder / f"changing{number % 50}"
            path.write_bytes(bytes(1000))
            path.unlink()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        archives = [run_file_script("backup-files", f"dir:{tmp_path}") for _ in range(5)]
    finally:
        is_stopped.set()
        thread.join()
    for archive in archives:
        assert archive.returncode == 0, archive.stderr
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as content:
            assert len([name for name in content.getnames() if "kept" in name]) == 300


def test_scheduled_backups_of_files_are_kept_beside_those_of_redis(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    folder = tmp_path / "backups"
    environment = {**os.environ, "KEEP": "2", "PYXEC_FILES": f"dir:{tmp_path}"}
    for _ in range(3):
        for suffix, command in (("rdb", ["echo", "a snapshot"]), ("tar", [str(FILE_SCRIPTS / "backup-files")])):
            subprocess.run(
                [SCRIPTS / "scheduled-backup", folder, *command], env={**environment, "SUFFIX": suffix}, check=True
            )
    assert [len(list(folder.glob(f"*.{suffix}"))) for suffix in ("rdb", "tar")] == [2, 2]
    newest = max(folder.glob("*.tar")).read_bytes()
    assert run_file_script("restore-files", f"dir:{tmp_path}", newest).returncode == 0


def run_scheduled_backup(folder: Path, data: Path, port: int, command: Path) -> subprocess.CompletedProcess[bytes]:
    secret = data / "password"
    secret.write_text(PASSWORD)
    environment = {"REDIS_DATA": str(data), "REDIS_PASSWORD_FILE": str(secret), "REDIS_PORT": str(port), "KEEP": "3"}
    return subprocess.run(
        [SCRIPTS / "scheduled-backup", folder, command], env={**os.environ, **environment}, capture_output=True
    )

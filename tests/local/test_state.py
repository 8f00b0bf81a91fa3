"""Process records and folder locks."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from app.local.state import ProcessRecord, StateFolder, lock_folder, read_start_ticks


def test_record_is_read_when_its_process_runs(tmp_path: Path) -> None:
    path = StateFolder.for_checkout(tmp_path).record("me")

    ProcessRecord.create(os.getpid(), "http://127.0.0.1:1").write(path)

    assert path == tmp_path / ".pyxec" / "run" / "me.json"
    assert ProcessRecord.read(path) == ProcessRecord.create(os.getpid(), "http://127.0.0.1:1")


def test_record_is_not_alive_when_its_process_is_a_zombie() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        record = ProcessRecord.create(process.pid)
        assert record.is_alive()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert not record.is_alive()

    assert read_start_ticks(process.pid) is None


def test_record_is_ignored_when_another_process_has_the_pid(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    mine = ProcessRecord.create(os.getpid())

    ProcessRecord(mine.pid, mine.start_ticks - 1).write(path)

    assert ProcessRecord.read(path) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"pid": "x", "start_ticks": 1}'])
def test_record_is_ignored_when_it_is_missing_or_invalid(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)

    assert ProcessRecord.read(path) is None


def test_record_of_a_missing_process_raises() -> None:
    with pytest.raises(ProcessLookupError):
        ProcessRecord.create(2**22 + 1)


def test_record_is_written_without_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"

    ProcessRecord(1, 2).write(path)

    assert msgspec.json.decode(path.read_bytes()) == {"pid": 1, "start_ticks": 2, "url": ""}
    assert list(tmp_path.iterdir()) == [path]


LOCK_HOLDER = """
import sys, time
from pathlib import Path
from app.local.state import lock_folder
print("started", flush=True)
with lock_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(1000)
"""


def start_lock_holder(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", LOCK_HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)


def test_lock_folder_waits_until_the_lock_is_released(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        second = start_lock_holder(tmp_path)
        assert second.stdout is not None
        assert second.stdout.readline() == "started\n"
        assert not select.select([second.stdout], [], [], 0.5)[0]

    with second:
        assert second.stdout.readline() == "locked\n"
        second.kill()


def test_lock_folder_succeeds_after_the_holder_was_killed(tmp_path: Path) -> None:
    with start_lock_holder(tmp_path) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "started\n"
        assert first.stdout.readline() == "locked\n"
        first.kill()

    with lock_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []

"""Process records: a pid alone is no proof, as another process may have it by now."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from app.local.state import ProcessRecord, StateFolder, start_ticks


def test_a_record_leads_back_to_its_process(tmp_path: Path) -> None:
    path = StateFolder.of_repository(tmp_path).record("me")

    ProcessRecord.of(os.getpid(), "http://127.0.0.1:1").write(path)

    assert path == tmp_path / ".pyxec" / "run" / "me.json"
    assert ProcessRecord.read(path) == ProcessRecord.of(os.getpid(), "http://127.0.0.1:1")


def test_a_process_that_has_ended_is_not_alive_even_as_a_zombie() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        record = ProcessRecord.of(process.pid)
        assert record.is_alive()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert not record.is_alive()

    assert start_ticks(process.pid) is None


def test_another_process_with_the_same_pid_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    mine = ProcessRecord.of(os.getpid())

    ProcessRecord(mine.pid, mine.start_ticks - 1).write(path)

    assert ProcessRecord.read(path) is None


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"pid": "x", "start_ticks": 1}'])
def test_no_record_and_a_broken_one_are_the_same(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)

    assert ProcessRecord.read(path) is None


def test_a_process_that_is_not_there_has_no_record() -> None:
    with pytest.raises(ProcessLookupError):
        ProcessRecord.of(2**22 + 1)


def test_a_record_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.json"

    ProcessRecord(1, 2).write(path)

    assert msgspec.json.decode(path.read_bytes()) == {"pid": 1, "start_ticks": 2, "url": ""}
    assert list(tmp_path.iterdir()) == [path]

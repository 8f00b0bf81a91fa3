"""The log of a supervisor that nobody watches: bounded, and nothing is lost where one file ends and the next begins."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from app.local.rotating_log import RotatingLog

ROOT = Path(__file__).parents[2]


def lines_of(folder: Path) -> list[str]:
    """All lines that are kept, the oldest first."""
    files = [*sorted(folder.glob("pyxec.log.*"), reverse=True), folder / "pyxec.log"]
    return [line for file in files for line in file.read_text().splitlines()]


def ends_with(file: Path, text: bytes) -> bool:
    with suppress(FileNotFoundError):  # between two files there is none for a moment
        return file.read_bytes().endswith(text)
    return False


def test_a_full_file_is_put_aside_and_every_line_is_in_one_of_them(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "pyxec.log", limit_bytes=1000)

    for number in range(300):
        print(f"line {number}", file=log, flush=True)
    log.close()

    assert lines_of(tmp_path) == [f"line {number}" for number in range(300)]
    assert (tmp_path / "pyxec.log.1").stat().st_size <= 1000


def test_the_oldest_file_goes(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "pyxec.log", limit_bytes=1000, kept=2)

    for number in range(1000):
        print(f"line {number}", file=log, flush=True)
    log.close()

    kept = lines_of(tmp_path)
    assert kept == [f"line {number}" for number in range(1000 - len(kept), 1000)]
    assert {file.name for file in tmp_path.iterdir()} == {"pyxec.log", "pyxec.log.1", "pyxec.log.2"}


def test_what_the_process_itself_prints_follows_into_the_new_file(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "elsewhere", os.O_CREAT | os.O_WRONLY)
    log = RotatingLog(tmp_path / "pyxec.log", descriptors=[descriptor], limit_bytes=100)

    os.write(descriptor, b"before\n")
    print("x" * 99, file=log, flush=True)
    os.write(descriptor, b"after\n")
    os.close(descriptor)
    log.close()

    assert (tmp_path / "pyxec.log.1").read_text() == "before\n"
    assert (tmp_path / "pyxec.log").read_text().endswith("x\nafter\n")


def test_a_full_disk_stops_nobody() -> None:
    log = RotatingLog(Path("/dev/full"))

    print("a line", file=log, flush=True)


def test_the_supervisor_of_a_talkative_process_keeps_to_its_files_and_goes_on(tmp_path: Path) -> None:
    # In long lines, more than three files hold; then a line that tells the end.
    talk = "sh -c 'head -c 70000000 /dev/zero | tr \"\\0\" x | fold -w 10000; echo; echo said; exec sleep 1000'"
    (tmp_path / "Procfile").write_text(f"talker: {talk}\n")
    log = tmp_path / "pyxec.log"
    with subprocess.Popen(
        [sys.executable, "-m", "app.local.supervisor", "--log", log],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as supervisor:
        try:
            deadline = time.monotonic() + 60
            while not ends_with(log, b"| said\n"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            supervisor.terminate()

    assert {file.name for file in tmp_path.glob("pyxec.log*")} == {"pyxec.log", *(f"pyxec.log.{n}" for n in (1, 2, 3))}
    assert all(file.stat().st_size <= 20 * 2**20 for file in tmp_path.glob("pyxec.log*"))
    assert log.read_text().splitlines()[-1].endswith("| talker was killed by SIGTERM")

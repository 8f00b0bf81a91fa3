"""A folder that two processes want at once."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path

from app.local.locks import locked

HOLDER = """
import sys, time
from pathlib import Path
from app.local.locks import locked
print("asks", flush=True)
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(1000)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)


def test_who_asks_for_a_folder_that_somebody_has_waits_until_its_end(tmp_path: Path) -> None:
    with locked(tmp_path):
        second = holder(tmp_path)
        assert second.stdout is not None
        assert second.stdout.readline() == "asks\n"
        assert not select.select([second.stdout], [], [], 0.5)[0]

    with second:
        assert second.stdout.readline() == "held\n"
        second.kill()


def test_a_killed_holder_leaves_nothing(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "asks\n"
        assert first.stdout.readline() == "held\n"
        first.kill()

    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []

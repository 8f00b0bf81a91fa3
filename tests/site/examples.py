"""Every command and example of the pages for new users, in order, in a clean folder, against a real service.

The file has no prefix `test_`, so that `make test` does not collect it. `make test-site` names it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site.code_blocks import read_code_blocks
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

PAGES = {
    "README.md": [],
    "docs/getting-started.md": ["45", "data:", "6 words", "ok 42", "python"],
    "docs/guides/classroom.md": ["accepted", "accepted"],
    "docs/guides/run-button.md": ["from a page"],
}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_run_in_order(page: str, stack: Stack, tmp_path: Path) -> None:
    # Given a clean folder, and `pyxec` and `python3` on the PATH
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in (("pyxec", "-m app.cli"), ("python3", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYXEC_URL": stack.url,
        "REDIS_URL": stack.redis_url,
        "PYXEC_NAMESPACE": stack.namespace,
        "COLUMNS": "200",
    }
    # When its blocks run in order
    printed = ""
    for block in read_code_blocks(ROOT / page):
        if block.language in ("bash", "python"):
            command = ["bash", "-eu"] if block.language == "bash" else [sys.executable, "-"]
            done = subprocess.run(
                command, input=block.text, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, block.text + done.stdout + done.stderr
            printed += done.stdout
    # Then they print what the page states, in this order
    position = 0
    for text in PAGES[page]:
        position = printed.index(text, position) + len(text)

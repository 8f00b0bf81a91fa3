"""The commands of docs/operations.md, in order, in one terminal, against docker-compose.yml.

tests/site/pages.py lists the commands that need another machine, with the reason.
"""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import termios
from pathlib import Path

import httpx
import pytest

from tests.compose.project import Project
from tests.site.code_blocks import keep_variables, read_code_blocks
from tests.stack import ROOT, eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

# Texts that the commands print, in this order.
_PRINTED = ["maintenance", "queued", "pauseQueue", "worker", "used_memory_human"]


def test_commands_of_the_operations_page_run_in_order(project: Project, tmp_path: Path) -> None:
    # Given a folder with the files of the checkout that the page names, and `docker-compose`
    programs, folder = tmp_path / "bin", tmp_path / "folder"
    programs.mkdir()
    folder.mkdir()
    (folder / "deploy").symlink_to(ROOT / "deploy")
    (programs / "docker-compose").write_text(f'#!/bin/sh\nexec {shlex.join(project.command)} "$@"\n')
    (programs / "docker-compose").chmod(0o755)
    environment = {
        **project.environment,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "COMPOSE_FILE": f"{ROOT}/docker-compose.yml:{ROOT}/docker-compose.override.yml",
        "COLUMNS": "200",
        "STATE": str(tmp_path / "state"),
    }
    # When its blocks run in order
    printed = ""
    for block in read_code_blocks(ROOT / "docs" / "operations.md"):
        if block.language == "bash":
            text = block.text.replace("http://localhost", project.url).replace("/var/backups", str(tmp_path))
            printed += run_on_terminal(keep_variables(text), folder, environment)
    # Then they print what the page states, the backups exist, and the restored service runs jobs
    position = 0
    for text in _PRINTED:
        assert text in printed[position:], printed
        position = printed.index(text, position) + len(text)
    assert {path.suffix for path in (tmp_path / "pyxec").iterdir()} == {".rdb", ".tar"}
    eventually(lambda: runs_a_job(project), 60, 1)


def runs_a_job(project: Project) -> bool:
    """Return whether the service, which may still be starting, runs a job."""
    try:
        response = project.http.post("/v1/jobs?wait=10", json={"language": "python", "source": "print(6 * 7)"})
    except httpx.TransportError:
        return False
    return response.is_success and response.json().get("stdout") == "42\n"


def run_on_terminal(script: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a script of Bash on a terminal, as a reader of the page does, and return what it prints."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (50, 200))  # tables are not truncated
    process = subprocess.Popen(
        ["bash", "-euc", script],
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    printed = b""
    try:
        while data := os.read(controller, 65536):
            printed += data
    except OSError:  # EIO: every process has closed the terminal
        pass
    finally:
        os.close(controller)
    assert process.wait(60) == 0, script + printed.decode(errors="replace")
    return printed.decode(errors="replace")

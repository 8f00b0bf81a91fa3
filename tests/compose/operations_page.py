"""The commands of docs/operations.md, in order, in one terminal, against docker-compose.yml.

tests/site/pages.py lists the commands that need another machine, with the reason.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import termios
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.cli.checks.limits import TRIALS
from tests.compose.project import Project
from tests.site.code_blocks import keep_variables, read_code_blocks
from tests.stack import ROOT, eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

# Texts that the commands print, in this order.
_PRINTED = ["maintenance", "queued", "pauseQueue", "worker", "used_memory_human"]

# Checks of `pyxec doctor` that must not be skipped: Redis, the engine, its kernel, a sandbox and the limits.
_CHECKS: Final = (
    *(
        "Redis version",
        "Redis persistence",
        "Redis eviction",
        "Docker Engine",
        "kernel of the engine",
        "OCI runtime",
        "cgroups",
    ),
    *("system call filter", "core dumps", "sandbox", "cell", *(trial.name for trial in TRIALS)),
)
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")


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
    # And `pyxec doctor` has checked each part from inside the container of a worker
    statuses = read_findings(printed)
    assert {check: statuses.get(check) for check in _CHECKS if statuses.get(check) not in ("ok", "warning")} == {}
    eventually(lambda: runs_a_job(project), 60, 1)


def read_findings(printed: str) -> dict[str, str]:
    """Return the status of each check in the tables of `pyxec doctor`, by name. Long names are wrapped."""
    rows: list[list[str]] = []
    for line in printed.splitlines():
        cells = [cell.strip() for cell in _COLOUR.sub("", line).split("│")[1:-1]]
        if len(cells) == 3 and cells[1]:
            rows.append(cells)
        elif len(cells) == 3 and rows and cells[0]:
            rows[-1][0] += f" {cells[0]}"
    return {check: status for check, status, _ in rows}


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

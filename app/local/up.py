"""`make up`: from a bare machine to a service that has run its first job. What is there already is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from app.core.errors import PyxecError
from app.local.address import SUPERVISOR_RECORD, service_url, web_url
from app.local.errors import SetupError, exit_with
from app.local.images import prepare_engine_and_images
from app.local.launch import launch_plan
from app.local.nginx import ensure_nginx
from app.local.service import is_ready, run_first_job, wait_until_ready
from app.local.state import ProcessRecord, StateFolder
from app.local.steps import Step, Steps
from app.local.web_page import build_page
from app.sandbox.images.catalogue import load_languages

__all__ = ["bring_up"]

_LOG = "pyxec"
_TAIL_LINES = 20
# The processes of a supervisor that was killed stop by themselves, and hold their ports until then.
_STOPPING_SECONDS = 10.0
_FIRST_LANGUAGE = "python"


def bring_up(root: Path, console: Console) -> None:
    """Bring everything up and say where it is.

    Raises:
        PyxecError: what is missing or failed.
    """
    state, started = StateFolder.of_repository(root), time.monotonic()
    supervisor = ProcessRecord.read(state.record(SUPERVISOR_RECORD))
    if supervisor is not None and is_ready(supervisor.url):
        console.print(f"Pyxec is up already: [bold]{web_url()}[/], its API at {supervisor.url}", highlight=False)
        return
    with Steps(console) as steps:
        prepare_engine_and_images(root, state, steps)
        with steps.step("web page") as step:
            ensure_nginx(state, step)
            build_page(root, state, step)
        supervisor = supervisor or _start_supervisor(root, state)
        with steps.step("processes") as step:
            _wait(supervisor, state, step)
        with steps.step("first job") as step:
            language = load_languages(root / "languages")[_FIRST_LANGUAGE]
            step.outcome = run_first_job(supervisor.url, language).strip()
    _tell(console, supervisor.url, time.monotonic() - started)


def _wait(supervisor: ProcessRecord, state: StateFolder, step: Step) -> None:
    try:
        wait_until_ready(supervisor.url, supervisor.is_alive, step)
        wait_until_ready(web_url(), supervisor.is_alive, step)
    except SetupError as e:
        log = state.log(_LOG)
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise SetupError(f"{e}; the end of {log}:\n{tail}") from e
    step.outcome = f"ready at {supervisor.url}"


def _start_supervisor(root: Path, state: StateFolder) -> ProcessRecord:
    """Start the supervisor so that it outlives us and our terminal."""
    launch_plan(root, os.environ).check_addresses(_STOPPING_SECONDS)
    log = state.log(_LOG)
    with log.open("ab") as sink:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "app.local.supervisor", "--log", log],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    return ProcessRecord.of(supervisor.pid, service_url())


def _tell(console: Console, url: str, seconds: float) -> None:
    request = '{"language": "python", "source": "print(6 * 7)"}'
    console.print(f"\nPyxec is up at [bold]{web_url()}[/] after {seconds:.1f} s.", highlight=False)
    console.print(f"Its API is at {url}. Try:\n", highlight=False)
    console.print("  make run FILE=examples/sieve.c", highlight=False)
    console.print(f"  curl '{url}/v1/jobs?wait=10' -H 'Content-Type: application/json' -d '{request}'", soft_wrap=True)
    console.print("\n[dim]Logs: .pyxec/log/pyxec.log. `make down` stops it.[/]", highlight=False)


def main() -> None:
    """Bring up the repository in this folder."""
    try:
        bring_up(Path.cwd(), Console())
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()

"""`make down`: stops what `make up` started, by pid, and nothing else; data and images stay."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rich.console import Console

from app.core.errors import PyxecError
from app.local import engine
from app.local.address import SUPERVISOR_RECORD
from app.local.errors import SetupError, exit_with
from app.local.sandboxes import remove_orphans
from app.local.state import ProcessRecord, StateFolder
from app.local.steps import Steps

__all__ = ["bring_down"]

# Longer than everything in it may take: three waves of the supervisor's grace, and dockerd's own 15 s for containers.
_SUPERVISOR_SECONDS = 75.0
_ENGINE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_NAMESPACE = "pyxec"


def bring_down(root: Path, console: Console) -> None:
    """Stop the processes, then the engine if it is ours.

    Raises:
        SetupError: something does not stop.
    """
    state = StateFolder.of_repository(root)
    with Steps(console) as steps:
        _stop("processes", state.record(SUPERVISOR_RECORD), _SUPERVISOR_SECONDS, steps)
        client = engine.connect(engine.engine_host())
        if client is not None:
            with steps.step("sandboxes") as step:
                removed = remove_orphans(client, os.environ.get("PYXEC_NAMESPACE") or _NAMESPACE)
                step.outcome = f"{removed} left over, removed" if removed else "none left"
        _stop("Docker Engine", state.record(engine.RECORD), _ENGINE_SECONDS, steps)


def _stop(title: str, path: Path, seconds: float, steps: Steps) -> None:
    record = ProcessRecord.read(path)
    if record is None:
        path.unlink(missing_ok=True)
        steps.console.print(f"  [dim]- {title}: nothing of ours runs[/]", highlight=False)
        return
    with steps.step(title) as step:
        _terminate(title, record, seconds)
        path.unlink(missing_ok=True)
        step.outcome = "stopped"


def _terminate(title: str, record: ProcessRecord, seconds: float) -> None:
    os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while record.is_alive():
        if time.monotonic() > deadline:
            raise SetupError(f"{title} (pid {record.pid}) did not stop within {seconds:g} s")
        time.sleep(_POLL_SECONDS)


def main() -> None:
    """Stop what belongs to the repository in this folder."""
    try:
        bring_down(Path.cwd(), Console())
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()

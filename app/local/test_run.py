"""`make test`: runs the linters, the tests of the web page, the fuzzer and pytest, and prints how long each took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from app.local.images import prepare_engine_and_images
from app.local.state import StateFolder, tail
from app.local.test_tools import ensure_test_tools

__all__ = ["DURATIONS_VARIABLE", "run_checks"]

#: Environment variable with the durations of the parts before pytest: a JSON object, name to seconds.
DURATIONS_VARIABLE: Final = "TEST_DURATIONS"

# These use one core each, so they run at once. pytest uses all cores and its tests measure time, so it runs alone.
_CHECKS: Final = {"lint": ["make", "lint"], "web": ["make", "web-test"], "fuzzer": ["make", "fuzz", "SECONDS=60"]}
# Most tests wait most of the time. The tests of a file share its fixtures and run one after the other. Groups of xdist
# 3.8 (loadgroup) have no effect with pytest 9.2.
_ALL_TESTS: Final = ["-n", "2", "--dist", "loadfile"]
_LOG_LINES = 60
_POLL_SECONDS = 0.1


def run_checks(checks: Mapping[str, Sequence[str]], state: StateFolder, steps: Steps) -> dict[str, float]:
    """Run commands at the same time.

    Args:
        checks: Commands by name.
        state: Folder for the logs of the commands.
        steps: Shows the progress.

    Returns:
        The duration of each command in seconds.

    Raises:
        SetupError: Commands failed. The message contains the ends of their logs.
    """
    started = time.monotonic()
    shown = {name: steps.start(name) for name in checks}
    running = {name: _start(command, state.log(f"test-{name}")) for name, command in checks.items()}
    seconds: dict[str, float] = {}
    failed: list[str] = []
    while running:
        time.sleep(_POLL_SECONDS)
        for name in [name for name, process in running.items() if process.poll() is not None]:
            seconds[name] = time.monotonic() - started
            if running.pop(name).returncode == 0:
                shown[name].succeed("passed")
            else:
                shown[name].fail()
                failed.append(name)
    if failed:
        raise SetupError("\n".join(f"{name} failed:\n{tail(state.log(f'test-{name}'), _LOG_LINES)}" for name in failed))
    return seconds


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as sink:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)


def main() -> None:
    """Run all tests, or the tests that the pytest arguments select."""
    root, selected = Path.cwd(), sys.argv[1:]
    state, console, started = StateFolder.for_checkout(root), Console(), time.monotonic()
    with exit_on_error(), Steps(console) as steps:
        ensure_test_tools(state, steps)
        prepare_engine_and_images(root, state, steps)
        seconds = {"tools and images": time.monotonic() - started}
        checks = {name: command for name, command in _CHECKS.items() if name != "fuzzer" or not selected}
        seconds |= run_checks(checks, state, steps)
    # The tests start some 150 processes, each of which would compile all modules.
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(state.data("pycache"))
    # pytest replaces this process, so that its summary is the last output. tests/conftest.py prints the durations.
    os.environ[DURATIONS_VARIABLE] = json.dumps({**seconds, "before pytest": time.monotonic() - started})
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *(selected or _ALL_TESTS)])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()

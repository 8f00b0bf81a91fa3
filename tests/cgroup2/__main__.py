"""`make test-cgroup2`: runs tests/sandbox and tests/adversarial with cgroup version 2, for both cgroup drivers.

    python -m tests.cgroup2 [--only NAME,...] [--patience N] [--list] [PYTEST_ARGUMENT...]

The engines run in guests with user-mode Linux, which has one slow processor. The tests run on this machine and multiply
their time-outs by PYXEC_TEST_PATIENCE. The images are copied from the engine of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from rich.console import Console

from app.local.console import SetupError, Steps, exit_on_error
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools
from app.sandbox.engine.client import connect_docker
from tests.cgroup2.machine import TOOLS, start_machine
from tests.cgroup2.variants import RUNS, Run
from tests.engines.suite_run import Result, exclusive_lock, print_table, provide_images, run_pytest, select_suites
from tests.patience import VARIABLE

_ROOT = Path(__file__).resolve().parents[2]
# Containers run at a third of the speed of the machine, and all of them share one processor with the engine.
_DEFAULT_PATIENCE = 3


def main() -> int:
    """Run the selected suites. Return 1 if a test failed or an engine did not start."""
    parser = argparse.ArgumentParser(prog="make test-cgroup2", description="Tests the sandbox with cgroup version 2.")
    parser.add_argument("--only", default="", metavar="NAME,...", help="names of engines or of engine/suite")
    parser.add_argument(
        "--patience", type=float, default=_DEFAULT_PATIENCE, help="factor for the time-outs of the tests"
    )
    parser.add_argument("--list", action="store_true", help="only print the names")
    options, pytest_arguments = parser.parse_known_args()
    console = Console()
    selected = _select(options.only)
    if not selected:
        parser.error(f"--only: {options.only}: must be some of {', '.join(RUNS)}")
    if options.list:
        console.print("\n".join(run.name for run in selected))
        return 0
    state = StateFolder.for_checkout(_ROOT)
    # SIGTERM stops the guest as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with exit_on_error(), Steps(console) as steps:
        if os.geteuid() != 0:
            raise SetupError("make test-cgroup2 creates network interfaces and mounts in namespaces. It requires root")
        ensure_test_tools(state, steps, TOOLS)
    results: list[Result] = []
    with exclusive_lock(state.path / "cgroup2.lock"):
        try:
            for run in selected:
                console.rule(run.name)
                results.append(_test(run, state, options.patience, pytest_arguments))
        finally:
            print_table(console, results)
    return 0 if all(result.is_success for result in results) else 1


def _select(only: str) -> list[Run]:
    """Return the runs with one of the names, each of which is that of a run or of an engine. None if one is unknown."""
    names = [name for name in only.split(",") if name]
    if any(name not in RUNS and not any(run.variant.name == name for run in RUNS.values()) for name in names):
        return []
    return [run for run in RUNS.values() if not names or run.name in names or run.variant.name in names]


def _test(run: Run, state: StateFolder, patience: float, pytest_arguments: list[str]) -> Result:
    started = time.monotonic()
    version = ""
    try:
        with start_machine(run.variant, state.path / "cgroup2", provide_images) as host:
            with contextlib.closing(connect_docker(host)) as client:
                details = client.info()
            version = f"{details['ServerVersion']}, {details['CgroupDriver']}, cgroup v{details['CgroupVersion']}"
            environment = {
                "DOCKER_HOST": host,
                "PYXEC_CONTAINER_RUNTIME": run.variant.runtime,
                VARIABLE: str(patience),
            }
            return run_pytest(run.name, version, environment, select_suites(pytest_arguments, run.paths))
    except Exception as e:  # noqa: BLE001 - the other engines are tested nevertheless
        traceback.print_exc()
        return Result(run.name, version, seconds=time.monotonic() - started, error=f"{type(e).__name__}: {e}")


if __name__ == "__main__":
    sys.exit(main())

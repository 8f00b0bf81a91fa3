"""``python -m tests.drill.drill [--only NAME ...] [--seed N]``: runs scenarios under load and checks the invariants.

Prints the seed and a table, and writes the rows to docs/reliability.md. Installs what the scenarios need, as root on
Debian and Ubuntu. The exit status is 1 if an invariant is violated.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog
from rich.console import Console

from app.local.console import Steps, exit_on_error
from app.local.packages import PACKAGES, find_install_obstacle
from app.local.state import StateFolder
from app.local.test_tools import ensure_test_tools
from tests.drill.broker.kill_points import drill as drill_broker
from tests.drill.checker import History, find_duplicated, find_lost, violations
from tests.drill.clocks import LIBRARY
from tests.drill.deployment import Deployment
from tests.drill.history import count_dead_letter_reasons, write_history
from tests.drill.load import Load
from tests.drill.report import Row, format_row, write_row
from tests.drill.restarts import LOST_LEASE, UNKNOWN
from tests.drill.scenarios import SCENARIOS, Scenario

__all__ = ["main", "run"]

_BROKER = "broker"
_BROKER_FAULT = "broker without containers: 200 random kills, suspensions and losses of workers and server"
_BROKER_POINTS = 200
_DRAIN_SECONDS = 240.0
_HISTORY_FILE = "history.json"
_PROGRAMS = {"ip": PACKAGES["ip"], "mount": PACKAGES["mount"], str(LIBRARY): ("libfaketime",)}


def run(name: str, scenario: Scenario, folder: Path, seed: int) -> Row:
    """Run one scenario in an empty folder and check its history."""
    if missing_requirement := scenario.missing_requirement():
        return Row(name, scenario.fault, seed, skipped=missing_requirement)
    started = time.monotonic()
    with Deployment(folder, scenario.settings) as deployment:
        load = Load(deployment.stack.url, scenario.jobs, scenario.kinds)
        load.start()
        summary = scenario.inject(deployment, load, random.Random(seed))
        history = deployment.drain(load, _DRAIN_SECONDS)
        summary += f"; dead letters: {text}" if (text := count_dead_letter_reasons(deployment.broker)) else ""
        history = dataclasses.replace(history, containers=deployment.count_leftover_containers())
    if not scenario.takes_leases:
        history = _expect_kept_leases(history)
    write_history(folder / _HISTORY_FILE, name, seed, summary, history)
    return _create_row(name, scenario.fault, seed, summary, history, started)


def _expect_kept_leases(history: History) -> History:
    """Add a violation for each reason for which a live worker lost an attempt."""
    lost = [
        f"live workers lost attempts: {reason} {history.restarts[reason]} times"
        for reason in (LOST_LEASE, UNKNOWN)
        if history.restarts.get(reason)
    ]
    return dataclasses.replace(history, others=[*history.others, *lost])


def _run_scenario(name: str, folder: Path, seed: int) -> Row:
    """Run a scenario. An error of the drill itself is reported as a violation, and the next scenario runs."""
    try:
        return _run_broker(folder, seed) if name == _BROKER else run(name, SCENARIOS[name], folder, seed)
    except Exception as e:  # noqa: BLE001 - the other scenarios must run
        fault = _BROKER_FAULT if name == _BROKER else SCENARIOS[name].fault
        return Row(name, fault, seed, violations=[f"the drill failed: {type(e).__name__}: {e}"])


def _run_broker(folder: Path, seed: int) -> Row:
    started = time.monotonic()
    report = drill_broker(folder, _BROKER_POINTS, seed)
    write_history(folder / _HISTORY_FILE, _BROKER, seed, report.table(), report.history)
    return _create_row(_BROKER, _BROKER_FAULT, seed, "", report.history, started)


def _create_row(name: str, fault: str, seed: int, summary: str, history: History, started: float) -> Row:
    return Row(
        name,
        fault,
        seed,
        summary=summary,
        accepted=len(history.accepted),
        finished=len(history.finished),
        dead=len(history.dead),
        lost=len(find_lost(history)),
        duplicated=len(find_duplicated(history)),
        violations=violations(history),
        restarted=history.restarted,
        restarts=history.restarts,
        recovery_seconds=history.recovery_seconds,
        seconds=round(time.monotonic() - started),
    )


def _install_programs() -> None:
    """Install what is missing. Where nothing can be installed, the scenarios that need it are skipped."""
    if find_install_obstacle() is None:
        with exit_on_error(), Steps(Console()) as steps:
            ensure_test_tools(StateFolder.for_checkout(Path.cwd()), steps, list(_PROGRAMS), _PROGRAMS)


def main() -> int:
    """Run the command line."""
    names = [_BROKER, *SCENARIOS]
    parser = argparse.ArgumentParser(prog="drill", description="Run fault scenarios under load.")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", type=Path, help="folder for data and logs, which are kept")
    options = parser.parse_args()
    # The checker itself recovers messages and removes containers; the table does not need their log lines.
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    _install_programs()
    print(f"seed {options.seed}", flush=True)  # noqa: T201
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="pyxec-drill-", ignore_cleanup_errors=True) as temporary:
        for name in options.only or names:
            folder = (options.keep or Path(temporary)) / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            row = _run_scenario(name, folder, options.seed)
            rows.append(row)
            write_row(row)
            print(format_row(row), flush=True)  # noqa: T201
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if any(row.violations for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

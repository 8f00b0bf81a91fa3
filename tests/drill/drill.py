"""``python -m tests.drill.drill [--only NAME ...] [--seed N]``: runs scenarios under load and checks the invariants.

Prints a table and writes its rows to docs/reliability.md. The exit status is 1 if an invariant is violated.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.drill.broker.kill_points import drill as drill_broker
from tests.drill.checker import History, violations
from tests.drill.deployment import Deployment
from tests.drill.history import count_dead_letter_reasons
from tests.drill.load import Load
from tests.drill.report import Row, format_row, write_row
from tests.drill.scenarios import SCENARIOS, Scenario

__all__ = ["main", "run"]

_BROKER = "broker"
_BROKER_FAULT = "broker without containers: 200 random kills, suspensions and losses of workers and server"
_BROKER_POINTS = 200
_DRAIN_SECONDS = 150.0


def run(name: str, scenario: Scenario, folder: Path, seed: int) -> Row:
    """Run one scenario in an empty folder and check its history."""
    if missing_requirement := scenario.missing_requirement():
        return Row(name, scenario.fault, skipped=missing_requirement)
    started = time.monotonic()
    with Deployment(folder, scenario.settings) as deployment:
        load = Load(deployment.stack.url, scenario.jobs)
        load.start()
        summary = scenario.inject(deployment, load, random.Random(seed))
        history = deployment.drain(load, _DRAIN_SECONDS)
        history = dataclasses.replace(history, containers=deployment.count_leftover_containers())
        summary += f"; {deployment.count_restarted()} jobs started more than once"
        summary += f"; dead letters: {text}" if (text := count_dead_letter_reasons(deployment.broker)) else ""
    return _row(name, scenario.fault, summary, history, started)


def _run_scenario(name: str, folder: Path, seed: int) -> Row:
    """Run a scenario. An error of the drill itself is reported as a violation, and the next scenario runs."""
    try:
        return _run_broker(folder, seed) if name == _BROKER else run(name, SCENARIOS[name], folder, seed)
    except Exception as e:  # noqa: BLE001 - the other scenarios must run
        fault = _BROKER_FAULT if name == _BROKER else SCENARIOS[name].fault
        return Row(name, fault, violations=[f"the drill failed: {type(e).__name__}: {e}"])


def _run_broker(folder: Path, seed: int) -> Row:
    started = time.monotonic()
    report = drill_broker(folder, _BROKER_POINTS, seed)
    summary = f"{report.restarted} messages started more than once"
    return _row(_BROKER, _BROKER_FAULT, summary, report.history, started)


def _row(name: str, fault: str, summary: str, history: History, started: float) -> Row:
    return Row(
        name,
        fault,
        summary=summary,
        accepted=len(history.accepted),
        finished=len(history.finished),
        dead=len(history.dead),
        violations=violations(history),
        seconds=round(time.monotonic() - started),
    )


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
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="pyxec-drill-", ignore_cleanup_errors=True) as temporary:
        for name in options.only or names:
            folder = (options.keep or Path(temporary)) / name
            folder.mkdir(parents=True)
            row = _run_scenario(name, folder, options.seed)
            rows.append(row)
            write_row(row)
            print(format_row(row), flush=True)  # noqa: T201
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if any(row.violations for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

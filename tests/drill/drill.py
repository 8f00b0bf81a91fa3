"""``python -m tests.drill.drill [--only NAME ...] [--seed N]``: every fault of the table, under load, then count.

Prints a table, writes its rows into docs/reliability.md, and exits with 1 when the checker objects.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.drill.broker.kill_points import drill as drill_broker
from tests.drill.checker import History, violations
from tests.drill.evidence import reasons
from tests.drill.load import Load
from tests.drill.report import Row, as_text, write_row
from tests.drill.scenarios import SCENARIOS, Scenario
from tests.drill.site import Site

__all__ = ["main", "run"]

_BROKER = "broker"
_BROKER_FAULT = "the broker alone: 200 random kills, stops and losses of workers and server, no containers"
_BROKER_POINTS = 200
_DRAIN_SECONDS = 150.0


def run(name: str, scenario: Scenario, folder: Path, seed: int) -> Row:
    """One scenario from an empty folder to its history."""
    if why_not := scenario.why_not():
        return Row(name, scenario.fault, skipped=why_not)
    began = time.monotonic()
    with Site(folder, scenario.settings) as site:
        load = Load(site.stack.url, scenario.jobs)
        load.start()
        done = scenario.act(site, load, random.Random(seed))
        history = site.drain(load, _DRAIN_SECONDS)
        history = dataclasses.replace(history, containers=site.containers_left())
        done += f"; {site.started_again()} jobs started more than once"
        done += f"; dead: {why}" if (why := reasons(site.judge)) else ""
    return _row(name, scenario.fault, done, history, began)


def _attempt(name: str, folder: Path, seed: int) -> Row:
    """A drill that breaks down itself is a violation like others, and keeps nobody from the next."""
    try:
        return _run_broker(folder, seed) if name == _BROKER else run(name, SCENARIOS[name], folder, seed)
    except Exception as e:  # noqa: BLE001 - the edge of one scenario, whatever it was
        fault = _BROKER_FAULT if name == _BROKER else SCENARIOS[name].fault
        return Row(name, fault, violations=[f"the drill did not come to its end: {type(e).__name__}: {e}"])


def _run_broker(folder: Path, seed: int) -> Row:
    began = time.monotonic()
    report = drill_broker(folder, _BROKER_POINTS, seed)
    done = f"{report.started_again} messages started more than once"
    return _row(_BROKER, _BROKER_FAULT, done, report.history, began)


def _row(name: str, fault: str, done: str, history: History, began: float) -> Row:
    return Row(
        name,
        fault,
        done=done,
        accepted=len(history.accepted),
        finished=len(history.finished),
        dead=len(history.dead),
        violations=violations(history),
        seconds=round(time.monotonic() - began),
    )


def main() -> int:
    """From the command line."""
    names = [_BROKER, *SCENARIOS]
    parser = argparse.ArgumentParser(prog="drill", description="Break everything under load, then count.")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", type=Path, help="a folder for data and logs, which stay")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="pyxec-drill-", ignore_cleanup_errors=True) as temporary:
        for name in options.only or names:
            folder = (options.keep or Path(temporary)) / name
            folder.mkdir(parents=True)
            begun = _attempt(name, folder, options.seed)
            rows.append(begun)
            write_row(begun)
            print(as_text(begun), flush=True)  # noqa: T201
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if any(row.violations for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

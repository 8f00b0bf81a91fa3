"""Benchmarks of the gateway: submission rate, idle WebSockets, viewers, accuracy of the rate limiter.

    python -m bench.gateway [rate|sockets|viewers|limiter]...

Each part starts its own services on the loopback interface; the server syncs every write to disk. Values that are
compared are measured alternately in one run. Results are medians. Exits with 0 even if a target is missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.core.errors import PyxecError
from app.sandbox.engine.client import connect_docker
from bench.gateway import limiter, rate, sockets, viewers
from bench.machine import describe_machine
from bench.sandbox.under_test import docker_host
from bench.target import Target

__all__ = ["main"]

RESULTS: Final = Path(__file__).resolve().parents[1] / "results" / "gateway.json"

Measure = Callable[[Callable[[], None]], list[Target]]


def main() -> None:
    """Measure the selected parts, print the results and save them under bench/results/."""
    try:
        report = _report(sys.argv[1:] or list(_PARTS))
    except PyxecError as e:
        sys.exit(f"bench.gateway: {e}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    _print(report, Console())


def _report(parts: list[str]) -> dict[str, Any]:
    unknown = set(parts) - set(_PARTS)
    if unknown:
        raise PyxecError(f"unknown part: {', '.join(sorted(unknown))}. Available: {', '.join(_PARTS)}")
    targets: list[Target] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for part in parts:
            steps, measure = _PARTS[part]
            task = progress.add_task(part, total=steps)
            targets += measure(partial(progress.advance, task))
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(connect_docker(docker_host())),
        "targets": [target.to_json() for target in targets],
        "table": [target.row() for target in targets],
    }


def _print(report: dict[str, Any], console: Console) -> None:
    for name, value in report["machine"].items():
        console.print(f"{name:>10}: {value}", highlight=False)
    table = Table("", "target", "measured", "", title="the gateway", title_justify="left")
    for cells in report["table"]:
        table.add_row(*cells)
    console.print(table)


_PARTS: Final[dict[str, tuple[int, Measure]]] = {
    "rate": (rate.STEPS, rate.measure_rate),
    "sockets": (sockets.STEPS, sockets.measure_sockets),
    "viewers": (viewers.STEPS, viewers.measure_viewers),
    "limiter": (limiter.STEPS, limiter.measure_limiter),
}


if __name__ == "__main__":
    main()

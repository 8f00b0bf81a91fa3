"""How long a one-line Python job takes over HTTP, beside ``docker run --rm`` of the same program on the same image.

    python -m bench.latency [PAIRS]

The two alternate in one run, and which one goes first alternates too, so that what else happens on the machine meets
both. Before each measurement there is a pause in which the service's pool refills: otherwise ``docker run`` would be
measured while another container is being made. Exits with 0 whatever the figures are: it measures, it does not judge.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import docker
import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from app.config import OPTIONS
from app.core.errors import PyxecError
from bench.docker_run import docker_run
from bench.machine import describe_machine
from bench.service_under_test import service_under_test
from bench.summary import Summary
from pyxec import Client
from pyxec import PyxecError as ClientError

__all__ = ["main", "measure"]

PROGRAM: Final = "print(6 * 7)"
PRINTED: Final = "42\n"
IMAGE: Final = "pyxec/python"
PAIRS: Final = 40
WARM_UP_PAIRS: Final = 4
PAUSE_SECONDS: Final = 0.4
WAIT_SECONDS: Final = 30
TARGET_RATIO: Final = 0.35
RESULTS: Final = Path(__file__).with_name("results")

Measured = Callable[[], None]


def measure(
    first: Measured, second: Measured, pairs: int, pause_seconds: float = PAUSE_SECONDS
) -> tuple[list[float], list[float]]:
    """Seconds that each call took, alternating; the first calls are thrown away."""
    seconds: dict[Measured, list[float]] = {first: [], second: []}
    for index in track(range(WARM_UP_PAIRS + pairs), "measuring", console=Console(stderr=True), transient=True):
        for call in (first, second) if index % 2 else (second, first):
            time.sleep(pause_seconds)
            started = time.perf_counter()
            call()
            seconds[call].append(time.perf_counter() - started)
    return seconds[first][WARM_UP_PAIRS:], seconds[second][WARM_UP_PAIRS:]


def main() -> None:
    """Measure, print, and keep the figures under bench/results/."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    console = Console()
    try:
        with service_under_test(Console(stderr=True)) as service:
            report = _report(service, pairs)
    except (PyxecError, ClientError) as e:
        sys.exit(f"bench.latency: {e}")
    _print(report, console)
    RESULTS.mkdir(exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (RESULTS / "latency.json").write_bytes(encoded + b"\n")
    sys.stdout.write(encoded.decode() + "\n")


def _report(service: Client, pairs: int) -> dict[str, Any]:
    option = OPTIONS["docker_host"]
    docker_host = os.environ.get(option.variable) or option.default
    client = docker.APIClient(base_url=docker_host, version="auto")
    peer, run = docker_run(client, docker_host)

    def over_http() -> None:
        job = service.run("python", PROGRAM, timeout_seconds=WAIT_SECONDS)
        _check("the service", job.stdout)

    def with_docker() -> None:
        _check(peer, run(IMAGE, ["python3", "-c", PROGRAM]).decode())

    http_seconds, docker_seconds = measure(over_http, with_docker, pairs)
    http, beside = Summary.of(http_seconds), Summary.of(docker_seconds)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(client),
        "program": PROGRAM,
        "image": IMAGE,
        "pairs": pairs,
        "series": {"POST /v1/jobs?wait=": asdict(http), peer: asdict(beside)},
        "ratio_of_p50": round(http.p50_ms / beside.p50_ms, 4),
        "target_ratio": TARGET_RATIO,
        "target_met": http.p50_ms <= TARGET_RATIO * beside.p50_ms,
    }


def _check(who: str, printed: str) -> None:
    """A fast answer that is wrong is no answer."""
    if printed != PRINTED:
        raise PyxecError(f"{who} printed {printed!r}, not {PRINTED!r}")


def _print(report: dict[str, Any], console: Console) -> None:
    for name, value in report["machine"].items():
        console.print(f"{name:>10}: {value}", highlight=False)
    table = Table("", "n", "p50", "p95", "min", "max", title=f"{report['program']!r} on {report['image']}, ms")
    for name, series in report["series"].items():
        figures = (f"{series[key]:.1f}" for key in ("p50_ms", "p95_ms", "min_ms", "max_ms"))
        table.add_row(name, str(series["count"]), *figures)
    console.print(table)
    verdict = "met" if report["target_met"] else "missed"
    console.print(f"ratio of p50: {report['ratio_of_p50']:.3f}; target: at most {TARGET_RATIO} ({verdict})")


if __name__ == "__main__":
    main()

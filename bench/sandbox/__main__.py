"""Benchmark of the sandbox against the engine itself and against no sandbox at all.

    python -m bench.sandbox [start|rate|isolation|output|cases]...

All sides of a comparison are measured alternately in one run, on one engine with one image. The results are medians.
The exit code is 0 even if a target is missed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import docker
import msgspec
import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.config import Settings
from app.core.errors import PyxecError
from app.sandbox.engine.client import connect_docker
from bench.machine import describe_machine
from bench.sandbox import cases, isolation, output, rate, start
from bench.sandbox.docker_run import docker_run
from bench.sandbox.peers import PEERS, Peer, open_peers
from bench.sandbox.under_test import docker_host, sandbox_under_test
from bench.target import Target

__all__ = ["main"]

RESULTS: Final = Path(__file__).resolve().parents[1] / "results"
_FLOOR: Final = Settings.model_fields["pool_floor"].default
_CEILING: Final = Settings.model_fields["pool_ceiling"].default
_ENGINE_SECONDS: Final = 120

AdvanceProgress = Callable[[], None]


def main() -> None:
    """Measure, print the results and write them to bench/results/sandbox.json."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console()
    try:
        report = _measure(sys.argv[1:] or list(_PARTS))
    except PyxecError as e:
        sys.exit(f"bench.sandbox: {e}")
    RESULTS.mkdir(exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (RESULTS / "sandbox.json").write_bytes(encoded + b"\n")
    sys.stdout.write(encoded.decode() + "\n")
    _print_report(report, console)


def _measure(parts: list[str]) -> dict[str, Any]:
    unknown = set(parts) - set(_PARTS)
    if unknown:
        raise PyxecError(f"unknown part {', '.join(sorted(unknown))}: must be one of {', '.join(_PARTS)}")
    client = connect_docker(docker_host(), _ENGINE_SECONDS)
    targets: list[Target] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for part in parts:
            steps, measure = _PARTS[part]
            task = progress.add_task(part, total=steps)
            targets += measure(client, partial(progress.advance, task))
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(client),
        "pool": {"floor": _FLOOR, "ceiling": _CEILING},
        "targets": [target.to_json() for target in targets],
        "table": [target.row() for target in targets],
    }


def _measure_start(client: docker.APIClient, advance: AdvanceProgress) -> list[Target]:
    _, run = docker_run(client, docker_host())
    with sandbox_under_test(_FLOOR, _CEILING, ["python"]) as sandbox, _open_peers(client) as (peers, missing):
        return [*start.measure_start(sandbox, run, peers, advance), *missing]


@contextmanager
def _open_peers(client: docker.APIClient) -> Iterator[tuple[list[Peer], list[Target]]]:
    """Yield the other libraries. If they cannot be installed, yield their rows with the reason."""
    try:
        opened = open_peers(client, docker_host())
        peers = opened.__enter__()
    except PyxecError as e:
        yield [], [start.peer_target(title, None, str(e)) for title in PEERS.values()]
        return
    try:
        yield peers, []
    finally:
        opened.__exit__(None, None, None)


def _measure_rate(client: docker.APIClient, advance: AdvanceProgress) -> list[Target]:
    with sandbox_under_test(_FLOOR, _CEILING, ["python"]) as sandbox:
        return rate.measure_rate(sandbox, advance)


def _measure_isolation(client: docker.APIClient, advance: AdvanceProgress) -> list[Target]:
    return isolation.measure_isolation(client, _FLOOR, _CEILING, advance)


def _measure_output(client: docker.APIClient, advance: AdvanceProgress) -> list[Target]:
    with sandbox_under_test(_FLOOR, _CEILING, ["python"]) as sandbox:
        return output.measure_output(sandbox, docker_host(), advance)


def _measure_cases(client: docker.APIClient, advance: AdvanceProgress) -> list[Target]:
    with sandbox_under_test(_FLOOR, _CEILING, ["cpp"]) as sandbox:
        return cases.measure_cases(sandbox, docker_host(), advance)


def _print_report(report: dict[str, Any], console: Console) -> None:
    for name, value in report["machine"].items():
        console.print(f"{name:>10}: {value}", highlight=False)
    table = Table("", "target", "measured", "", title="sandbox", title_justify="left")
    for row in report["table"]:
        table.add_row(*row)
    console.print(table)


_PARTS: Final[dict[str, tuple[int, Callable[[docker.APIClient, AdvanceProgress], list[Target]]]]] = {
    "start": (start.STEPS, _measure_start),
    "rate": (rate.steps(2), _measure_rate),
    "isolation": (isolation.STEPS, _measure_isolation),
    "output": (output.ROUNDS, _measure_output),
    "cases": (cases.ROUNDS, _measure_cases),
}


if __name__ == "__main__":
    main()

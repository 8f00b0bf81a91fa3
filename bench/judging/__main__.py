"""Benchmark of judging.

    python -m bench.judging [checker|interactor|references]...

Both sides of a comparison are measured alternately in one run, on one engine. The results are medians. The exit code is
0 even if a target is missed. PYXEC_ISOLATION selects containers or cells.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.config import Settings
from app.core.errors import PyxecError
from app.sandbox.engine.client import connect_docker
from bench.judging import checker, interactor, references
from bench.machine import describe_machine
from bench.sandbox.under_test import SandboxUnderTest, docker_host, sandbox_under_test
from bench.target import Target

__all__ = ["main"]

#: The row that runs the whole stack instead of a sandbox.
REFERENCES: Final = "references"
RESULTS: Final = Path(__file__).resolve().parents[1] / "results"
_CEILING: Final = Settings.model_fields["pool_ceiling"].default
_ENGINE_SECONDS: Final = 120


def main() -> None:
    """Measure, print the results and write them to bench/results/judging.json."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        report = _measure(sys.argv[1:] or [*_ROWS, REFERENCES], os.environ.get("PYXEC_ISOLATION", "container"))
    except PyxecError as e:
        sys.exit(f"bench.judging: {e}")
    RESULTS.mkdir(exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(report), indent=2)
    (RESULTS / "judging.json").write_bytes(encoded + b"\n")
    sys.stdout.write(encoded.decode() + "\n")
    table = Table("", "target", "measured", "", title="judging", title_justify="left")
    for row in report["table"]:
        table.add_row(*row)
    Console().print(table)


def _measure(rows: list[str], isolation: str) -> dict[str, Any]:
    known = [*_ROWS, REFERENCES]
    unknown = set(rows) - set(known)
    if unknown:
        raise PyxecError(f"unknown row {', '.join(sorted(unknown))}: must be one of {', '.join(known)}")
    client = connect_docker(docker_host(), _ENGINE_SECONDS)
    targets: list[Target] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for row in rows:
            if row == REFERENCES:
                task = progress.add_task(row, total=references.STEPS)
                targets += references.measure_references(partial(progress.advance, task))
                continue
            languages, steps, measure = _ROWS[row]
            task = progress.add_task(row, total=steps)
            with sandbox_under_test(2, _CEILING, languages, isolation) as sandbox:
                targets += measure(sandbox, partial(progress.advance, task))
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(client),
        "isolation": isolation,
        "targets": [target.to_json() for target in targets],
        "table": [target.row() for target in targets],
    }


_ROWS: Final[dict[str, tuple[list[str], int, Callable[[SandboxUnderTest, Callable[[], None]], list[Target]]]]] = {
    "checker": (["cpp"], checker.ROUNDS, checker.measure_checker),
    "interactor": (["python"], interactor.ROUNDS, interactor.measure_interactor),
}


if __name__ == "__main__":
    main()

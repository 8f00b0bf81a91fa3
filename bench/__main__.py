"""``make bench``: measures the whole stack end to end, compared with its lower bounds.

Exits with 0 even if a target is missed, and with 1 if a part could not be measured: a job had a wrong result, or a
dependency is missing.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any, Final

import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.core.errors import PyxecError
from bench.document import DOCUMENT, PLOTS, render_page, render_plots
from bench.part import Extent, Part
from bench.results_folder import create_report, load_report, save_report
from bench.whole import burst, cost, latency, load, storage, throughput, trainers, viewers

__all__ = ["PARTS", "main"]

PARTS: Final[Mapping[str, Part]] = {
    "latency": latency.PART,
    "throughput": throughput.PART,
    "burst": burst.PART,
    "load": load.PART,
    "viewers": viewers.PART,
    "cost": cost.PART,
    "storage": storage.PART,
    "trainers": trainers.PART,
}
QUICK: Final = Extent(
    pairs=5, jobs=500, drain=50, rate_seconds=4, viewer_rounds=1, cost_jobs=30, stored_jobs=30, trainer_jobs=300
)


def main() -> None:
    """Measure the selected parts. Unless the measurement is quick, save the results and write the page."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    options = _options()
    console = Console()
    failed = [name for name in options.parts or PARTS if not _measure(name, _extent(options), options.quick, console)]
    if not options.quick:
        write_page()
    sys.exit(f"bench: not measured: {', '.join(failed)}" if failed else 0)


def write_page() -> None:
    """Write the page and the plots from all saved reports."""
    reports = {name: report for name in PARTS if (report := load_report(name)) is not None}
    DOCUMENT.write_text(render_page(PARTS, reports))
    PLOTS.mkdir(parents=True, exist_ok=True)
    for name, svg in render_plots(PARTS, reports).items():
        (PLOTS / name).write_text(svg)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench BENCH_ARGS=...", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="measure a small sample and save nothing")
    parser.add_argument("--jobs", type=int, help="number of jobs of a burst (10,000)")
    parser.add_argument("--drain", type=int, help="number of jobs of a burst that run; the rest is cancelled (1,000)")
    parser.add_argument("--pairs", type=int, help="number of jobs compared with `docker run` (40)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}. Available: {', '.join(PARTS)}")
    return options


def _extent(options: argparse.Namespace) -> Extent:
    extent = QUICK if options.quick else Extent()
    named = {field.name: getattr(options, field.name, None) for field in fields(Extent)}
    return replace(extent, **{name: value for name, value in named.items() if value is not None})


def _measure(name: str, extent: Extent, quick: bool, console: Console) -> bool:
    """Measure one part. Returns False if it failed; the other parts continue."""
    part = PARTS[name]
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(name, total=part.steps(extent))
            report = create_report(partial(part.measure, extent, partial(progress.advance, task)))
    except PyxecError as e:
        Console(stderr=True).print(f"{name}: {e}", highlight=False, markup=False)
        return False
    except Exception:  # noqa: BLE001 - whatever it was, minutes of the other parts must not be lost with it
        Console(stderr=True).print_exception()
        return False
    _print(name, part, report, console)
    if not quick:
        save_report(name, report)
    return True


def _print(name: str, part: Part, report: dict[str, Any], console: Console) -> None:
    table = Table("", "target", "measured", "", title=f"{part.title} ({report['seconds']} s)", title_justify="left")
    for cells in report["table"]:
        table.add_row(*cells)
    if report["table"]:
        console.print(table)
    console.print(f"{name}:\n{part.table(report['measurements'])}\n", highlight=False, markup=False)


if __name__ == "__main__":
    main()

"""docs/performance.md and its plots, made of what the parts found; nobody edits them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.part import Part

__all__ = ["DOCUMENT", "PLOTS", "document", "plots"]

_DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
DOCUMENT: Final = _DOCS / "performance.md"
PLOTS: Final = _DOCS / "images" / "performance"

Reports = Mapping[str, Mapping[str, Any]]

_HEAD: Final = """\
# How fast it is, and where the time goes

Made by `make bench` of `bench/results/*.json`; do not edit. `make bench` measures everything anew on your machine, in
less than twelve minutes, and writes this page; `make bench BENCH_ARGS="load cost"` measures two parts of it,
`BENCH_ARGS="--help"` tells what else there is. What is compared is measured in turns, in one run, so that what else
happens on the machine meets both: the ratio is the figure, the times are for orientation. Each section says how busy
the machine was: a load well above what the benchmark itself makes (about its number of processors) means that others
took part of it.

Benchmarks of single parts: `make bench-broker` ([broker.md](broker.md)), `make bench-sandbox`
([sandbox.md](sandbox.md)), `make bench-gateway` (submissions a second, sockets, the limiter).
"""


def document(parts: Mapping[str, Part], reports: Reports) -> str:
    """The page. A part without a report has a section that says so."""
    sections = [_section(name, part, reports.get(name)) for name, part in parts.items()]
    return "\n".join([_HEAD, _promises(reports, parts), *sections])


def plots(parts: Mapping[str, Part], reports: Reports) -> dict[str, str]:
    """SVG documents by the name of their file."""
    return {
        f"{file}.svg": plot(reports[name]["figures"])
        for name, part in parts.items()
        if name in reports
        for file, plot in part.plots.items()
    }


def _promises(reports: Reports, parts: Mapping[str, Part]) -> str:
    rows = [
        f"| {' | '.join(cells)} | `make bench BENCH_ARGS={name}` |"
        for name in parts
        if name in reports
        for cells in reports[name]["table"]
    ]
    return "\n".join(["| | target | measured | | reproduce |", "|---|---|---|---|---|", *rows, ""])


def _section(name: str, part: Part, report: Mapping[str, Any] | None) -> str:
    lines = [f"## {part.title}", "", part.about, ""]
    if report is None:
        return "\n".join([*lines, f"Not measured yet: `make bench BENCH_ARGS={name}`.", ""])
    lines += [part.table(report["figures"]), ""]
    lines += [f"![{part.title}](images/performance/{file}.svg)\n" for file in part.plots]
    return "\n".join([*lines, _conditions(name, report), ""])


def _conditions(name: str, report: Mapping[str, Any]) -> str:
    machine, load = report["machine"], report["load"]
    return (
        f"<sub>`make bench BENCH_ARGS={name}`, {report['measured_at'][:10]}, {report['seconds']} s; "
        f"{machine['processor']}, {machine['memory']}, Linux {machine['kernel']}, engine {machine['engine']}, "
        f"{machine['storage']}; load over a minute {load['start'][0]:.1f} before, {load['end'][0]:.1f} after.</sub>"
    )

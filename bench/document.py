"""Generates docs/performance.md and its plots from the results of the parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.part import Part

__all__ = ["DOCUMENT", "PLOTS", "render_page", "render_plots"]

_DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
DOCUMENT: Final = _DOCS / "performance.md"
PLOTS: Final = _DOCS / "images" / "performance"

Reports = Mapping[str, Mapping[str, Any]]

_HEAD: Final = """\
# Performance

`make bench` generates this page and its plots from the results in `docs/images/performance/*.json`; do not edit it.
A complete run takes about fifteen minutes. `make bench BENCH_ARGS="load cost"` measures two parts;
`BENCH_ARGS="--help"` lists all options.

Values that are compared are measured alternately in one run, so that other load on the machine affects both:
compare the ratios, not the times. Each section shows the load of the machine. A load average far above the number
of processors means that other programs were running.

Benchmarks of single components: `make bench-broker` ([broker.md](broker.md)), `make bench-sandbox`
([sandbox.md](sandbox.md)), `make bench-gateway` (submissions per second, WebSockets, rate limiter).
[measurements.md](measurements.md) summarises all of them.
"""


def render_page(parts: Mapping[str, Part], reports: Reports) -> str:
    """Return the page. A part without a report has a section that says that it was not measured."""
    sections = [_section(name, part, reports.get(name)) for name, part in parts.items()]
    return "\n".join([_HEAD, _targets(reports, parts), *sections])


def render_plots(parts: Mapping[str, Part], reports: Reports) -> dict[str, str]:
    """Return the plots: file name to SVG document."""
    return {
        f"{file}.svg": plot(reports[name]["measurements"])
        for name, part in parts.items()
        if name in reports
        for file, plot in part.plots.items()
    }


def _targets(reports: Reports, parts: Mapping[str, Part]) -> str:
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
    lines += [part.table(report["measurements"]), ""]
    lines += [f"![{part.title}](images/performance/{file}.svg)\n" for file in part.plots]
    return "\n".join([*lines, _conditions(name, report), ""])


def _conditions(name: str, report: Mapping[str, Any]) -> str:
    machine, load = report["machine"], report["load"]
    return (
        f"<sub>`make bench BENCH_ARGS={name}`, {report['measured_at'][:10]}, {report['seconds']} s; "
        f"{machine['processor']}, {machine['memory']}, Linux {machine['kernel']}, engine {machine['engine']}, "
        f"{machine['storage']}; load average {load['start'][0]:.1f} before, {load['end'][0]:.1f} after.</sub>"
    )

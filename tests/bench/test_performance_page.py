"""The generated page docs/performance.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bench.__main__ import PARTS
from bench.document import DOCUMENT, PLOTS, render_page, render_plots
from bench.part import Findings, Part
from bench.results_folder import load_report, save_report
from bench.target import Target

MACHINE = dict.fromkeys(("processor", "memory", "kernel", "engine", "storage"), "x")


def part(table: str = "a table") -> Part:
    return Part(
        title="A title",
        about="How.",
        steps=lambda extent: 1,
        measure=lambda extent, advance: Findings([]),
        table=lambda measurements: f"{table} of {measurements['rate']}",
        plots={"a-plot": lambda measurements: f"<svg>{measurements['rate']}</svg>"},
    )


def report(rate: float) -> dict[str, Any]:
    return {
        "measured_at": "2026-01-02T03:04:05+00:00",
        "seconds": 12,
        "machine": MACHINE,
        "load": {"start": [0.5, 1, 1], "end": [2.25, 1, 1]},
        "table": [Target("jobs a second", 0.9, False, rate).row()],
        "measurements": {"rate": rate},
    }


def test_page_shows_table_plot_and_load_of_a_part() -> None:
    page = render_page({"rates": part()}, {"rates": report(0.95)})

    assert "a table of 0.95" in page
    assert "![A title](images/performance/a-plot.svg)" in page
    assert "0.5 before, 2.2 after" in page
    assert "| jobs a second | ≥ 0.9 | 0.95 | met | `make bench BENCH_ARGS=rates` |" in page
    assert render_plots({"rates": part()}, {"rates": report(0.95)}) == {"a-plot.svg": "<svg>0.95</svg>"}


def test_page_marks_parts_that_were_not_measured() -> None:
    page = render_page({"rates": part()}, {})

    assert "Not measured yet: `make bench BENCH_ARGS=rates`" in page
    assert "a-plot.svg" not in page
    assert render_plots({"rates": part()}, {}) == {}


def test_save_report_and_load_report_are_inverse(tmp_path: Path) -> None:
    assert load_report("rates", tmp_path) is None

    save_report("rates", {"measurements": {"rate": 1.5}}, tmp_path)

    assert load_report("rates", tmp_path) == {"measurements": {"rate": 1.5}}


def test_committed_page_has_all_parts_and_plots() -> None:
    page = DOCUMENT.read_text()

    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == [part.title for part in PARTS.values()]
    assert all((PLOTS / name).exists() for name in re.findall(r"performance/([a-z-]+\.svg)\)", page))

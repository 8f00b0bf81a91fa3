"""The plots of docs/performance.md."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from bench.plot import Axis, bars, lines

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> set[str]:
    return {(element.text or "").strip() for element in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_lines_show_title_axes_and_legend() -> None:
    svg = lines("Latency", Axis("rate"), Axis("ms", logarithmic=True), {"p50": [(1, 10), (2, 40)], "p99": [(1, 99)]})

    assert {"Latency", "rate", "ms", "p50", "p99"} <= texts(svg)


def test_bars_show_the_sum_of_their_parts_with_the_unit() -> None:
    svg = bars("Cost", " ms", {"ours": {"api": 10, "worker": 30}, "bare": {"worker": 20}})

    assert {"Cost", "ours", "bare", "api", "worker", "40 ms", "20 ms"} <= texts(svg)


def test_plots_escape_names() -> None:
    assert {"<script>", "a & b <c>"} <= texts(bars("<script>", "", {"a & b <c>": {"": 1}}))


def test_plots_of_the_same_data_are_identical() -> None:
    assert bars("title", "", {"a": {"b": 1}}) == bars("title", "", {"a": {"b": 1}})

"""Plots: what is drawn is where it belongs, and an SVG document that a browser can read."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plot import Axis, bars, lines
from bench.plot.scale import Scale, said

SVG = "{http://www.w3.org/2000/svg}"


def shapes(svg: str, tag: str) -> list[dict[str, str]]:
    return [element.attrib for element in ElementTree.fromstring(svg).iter(f"{SVG}{tag}")]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@given(
    values=st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20),
    logarithmic=st.booleans(),
)
def test_every_figure_is_on_the_plot_and_the_ticks_go_from_end_to_end(values: list[float], logarithmic: bool) -> None:
    scale = Scale.of(values, 0, 100, logarithmic=logarithmic)

    assert all(-1e-6 <= scale.at(value) <= 100 + 1e-6 for value in values)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 40
    assert math.isclose(ticks[0], scale.low, abs_tol=1e-12)
    assert math.isclose(ticks[-1], scale.high, rel_tol=1e-6)


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.0456, "0.0456"), (12.34, "12.3"), (10000, "10,000")])
def test_figures_are_written_with_three_digits(value: float, text: str) -> None:
    assert said(value) == text


def test_higher_figures_are_higher_up_and_later_ones_further_right() -> None:
    svg = lines("latency", Axis("rate"), Axis("ms"), {"p50": [(1, 10), (2, 40)]})

    [line] = shapes(svg, "polyline")
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in line["points"].split())
    assert x1 < x2
    assert y1 > y2


def test_on_a_logarithmic_axis_equal_factors_are_equally_far_apart() -> None:
    svg = lines("latency", Axis("rate"), Axis("ms", logarithmic=True), {"p99": [(1, 10), (2, 100), (3, 1000)]})

    [line] = shapes(svg, "polyline")
    first, second, third = (float(point.split(",")[1]) for point in line["points"].split())
    assert first - second == pytest.approx(second - third, abs=0.11)


def test_the_parts_of_a_bar_lie_end_to_end_and_their_sum_is_written() -> None:
    svg = bars("cost", " ms", {"ours": {"api": 10, "worker": 30}, "bare": {"worker": 20}})

    parts = [box for box in shapes(svg, "rect") if box["height"] == "24.0"]
    ours_api, ours_worker, bare_worker = (float(box["x"]) for box in parts)
    assert ours_worker == pytest.approx(ours_api + float(parts[0]["width"]), abs=0.11)
    assert bare_worker == ours_api
    assert float(parts[1]["width"]) == pytest.approx(3 * float(parts[0]["width"]), abs=0.3)
    assert {"40 ms", "20 ms", "api", "worker"} <= set(texts(svg))


def test_names_cannot_break_out_of_the_document() -> None:
    svg = bars("<script>", "", {"a & b <c>": {"": 1}})

    assert {"<script>", "a & b <c>"} <= set(texts(svg))


def test_the_reader_chooses_light_or_dark() -> None:
    assert "prefers-color-scheme: dark" in bars("title", "", {"a": {"": 1}})

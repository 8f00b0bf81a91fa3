"""The plots of docs/performance.md, drawn with matplotlib as SVG documents."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

__all__ = ["Axis", "bars", "lines"]

Points = Sequence[tuple[float, float]]

# "none" keeps texts as text, and the fixed salt keeps ids the same, so that an unchanged plot is an unchanged file.
_STYLE: Final[Any] = {"svg.fonttype": "none", "svg.hashsalt": "pyxec", "font.family": "sans-serif", "font.size": 10}
_WIDTH_INCHES: Final = 8.0
_LINES_HEIGHT_INCHES: Final = 4.0
_BAR_HEIGHT_INCHES: Final = 0.45
_MARGIN_INCHES: Final = 1.3
# A series with more points is drawn without markers.
_MAX_MARKERS: Final = 24


@dataclass(frozen=True)
class Axis:
    """An axis of a line plot.

    Attributes:
        label: Text next to the axis.
        logarithmic: Whether the scale is logarithmic. All values must be above zero.
    """

    label: str
    logarithmic: bool = False


def lines(title: str, x: Axis, y: Axis, series: Mapping[str, Points]) -> str:
    """Draw several series as lines and return an SVG document. A series is a sequence of (x, y) points."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, _LINES_HEIGHT_INCHES), layout="constrained")
        axes: Any = figure.subplots()
        for name, points in series.items():
            marker = "o" if len(points) <= _MAX_MARKERS else None
            axes.plot(*zip(*points, strict=True), label=name, marker=marker, markersize=4)
        axes.set(title=title, xlabel=x.label, ylabel=y.label)
        for axis, scale, limit in ((x, axes.set_xscale, axes.set_xlim), (y, axes.set_yscale, axes.set_ylim)):
            if axis.logarithmic:
                scale("log")
            else:
                limit(0, None)
        if y.logarithmic:
            axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.grid(alpha=0.3)
        if len(series) > 1:
            axes.legend()
        return _to_svg(figure)


def bars(title: str, unit: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """Draw horizontal, stacked bars and return an SVG document.

    Args:
        title: Title of the plot.
        unit: Unit of the values, with a leading space; printed after the sum of each bar.
        rows: Name of each bar to its parts, in the same order for all bars. Parts can be missing.
    """
    parts = list(dict.fromkeys(part for values in rows.values() for part in values))
    names = list(rows)
    with mpl.rc_context(_STYLE):
        height = _MARGIN_INCHES + _BAR_HEIGHT_INCHES * len(rows)
        figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
        axes: Any = figure.subplots()
        starts = dict.fromkeys(names, 0.0)
        for part in parts:
            widths = [rows[name].get(part, 0.0) for name in names]
            drawn = axes.barh(names, widths, left=list(starts.values()), height=0.6, label=part)
            starts = {name: starts[name] + width for name, width in zip(names, widths, strict=True)}
        axes.bar_label(drawn, labels=[f"{total:,.3g}{unit}" for total in starts.values()], padding=4)
        axes.set_title(title)
        axes.set_xlim(0, 1.15 * max(starts.values(), default=1))
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        if len(parts) > 1:
            figure.legend(loc="outside lower center", ncols=4, frameon=False)
        return _to_svg(figure)


def _to_svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()

"""Several series over one axis, as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bench.plot.drawing import Drawing
from bench.plot.scale import Axis, Scale, said

__all__ = ["lines"]

_WIDTH: Final = 760
_HEIGHT: Final = 380
_LEFT: Final = 76
_RIGHT: Final = 24
_TOP: Final = 78
_BOTTOM: Final = 54
# More points than these are a curve, on which dots would only blur.
_MOST_DOTS: Final = 24

Points = Sequence[tuple[float, float]]


def lines(title: str, x: Axis, y: Axis, series: Mapping[str, Points]) -> str:
    """An SVG document. Each series needs a point, and a logarithmic axis figures above zero."""
    drawing = Drawing(_WIDTH, _HEIGHT, title)
    across = _scale(x, [point[0] for points in series.values() for point in points], _LEFT, _WIDTH - _RIGHT)
    up = _scale(y, [point[1] for points in series.values() for point in points], _HEIGHT - _BOTTOM, _TOP)
    _draw_axes(drawing, x, y, across, up)
    for index, points in enumerate(series.values()):
        places = [(across.at(right), up.at(high)) for right, high in points]
        drawing.path(places, index, dots=len(points) <= _MOST_DOTS)
    if len(series) > 1:
        drawing.legend(list(series), _LEFT, 52)
    return str(drawing)


def _scale(axis: Axis, values: list[float], start: float, end: float) -> Scale:
    return Scale.of(values, start, end, logarithmic=axis.logarithmic)


def _draw_axes(drawing: Drawing, x: Axis, y: Axis, across: Scale, up: Scale) -> None:
    for value in up.ticks():
        drawing.rule(_LEFT, up.at(value), _WIDTH - _RIGHT, up.at(value))
        drawing.text(_LEFT - 8, up.at(value) + 4, said(value), anchor="end")
    for value in across.ticks():
        drawing.text(across.at(value), _HEIGHT - _BOTTOM + 18, said(value), anchor="middle")
    drawing.rule(_LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, "axis")
    drawing.text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, x.label, anchor="middle")
    drawing.text(16, _TOP - 10, y.label)

"""Bars that lie, one below the other, each made of one part or of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bench.plot.drawing import Drawing
from bench.plot.scale import Scale, said

__all__ = ["bars"]

_WIDTH: Final = 760
_RIGHT: Final = 96
_TOP: Final = 52
_LEGEND: Final = 24
_ROW: Final = 40
_BAR: Final = 24
_BOTTOM: Final = 30
_PIXELS_A_LETTER: Final = 7.2
_NAMES_A_LINE: Final = 4


def bars(title: str, unit: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """An SVG document.

    Parameters:
        rows: the name of each bar, and its parts by their names: the same ones in the same order for all, but some may
            be missing. The sum stands at the bar's end, with the unit.
    """
    names = list(dict.fromkeys(name for parts in rows.values() for name in parts))
    keys = [names[index : index + _NAMES_A_LINE] for index in range(0, len(names), _NAMES_A_LINE)]
    top = _TOP + (_LEGEND * len(keys) if len(names) > 1 else 0)
    drawing = Drawing(_WIDTH, top + _ROW * len(rows) + _BOTTOM, title)
    left = 24 + _PIXELS_A_LETTER * max(map(len, rows), default=0)
    scale = Scale.of([sum(parts.values()) for parts in rows.values()], left, _WIDTH - _RIGHT)
    if len(names) > 1:
        _draw_legend(drawing, keys)
    _draw_grid(drawing, scale, top, top + _ROW * len(rows))
    for index, (name, parts) in enumerate(rows.items()):
        _draw_bar(drawing, scale, top + _ROW * index, name, parts, names, unit)
    return str(drawing)


def _draw_legend(drawing: Drawing, keys: list[list[str]]) -> None:
    for line, key in enumerate(keys):
        drawing.legend(key, 16, _TOP + _LEGEND * line, line * _NAMES_A_LINE)


def _draw_grid(drawing: Drawing, scale: Scale, top: float, bottom: float) -> None:
    for value in scale.ticks():
        drawing.rule(scale.at(value), top - 4, scale.at(value), bottom)
        drawing.text(scale.at(value), bottom + 18, said(value), anchor="middle")


def _draw_bar(
    drawing: Drawing, scale: Scale, y: float, name: str, parts: Mapping[str, float], names: list[str], unit: str
) -> None:
    drawing.text(16, y + _BAR / 2 + 9, name, "value")
    reached = 0.0
    for part, value in parts.items():
        x = scale.at(reached)
        reached += value
        drawing.box(x, y + 4, scale.at(reached) - x, _BAR, names.index(part), f"{part}: {said(value)}{unit}")
    drawing.text(scale.at(reached) + 8, y + _BAR / 2 + 9, f"{said(reached)}{unit}", "value")

"""Plots as SVG, without a library: lines and bars, readable on a light and on a dark page."""

from __future__ import annotations

from bench.plot.bars import bars
from bench.plot.lines import lines
from bench.plot.scale import Axis

__all__ = ["Axis", "bars", "lines"]

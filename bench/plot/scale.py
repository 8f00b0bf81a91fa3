"""From figures to places on a plot: where each belongs, and which round ones are written beside the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["Axis", "Scale", "said"]

_STEPS: Final = (1, 2, 5, 10)
_DECADE: Final = (1, 2, 5)


@dataclass(frozen=True)
class Axis:
    """What is written beside it; ``logarithmic`` for figures above zero that span more than a factor of ten or so."""

    label: str
    logarithmic: bool = False


@dataclass(frozen=True)
class Scale:
    """Figures from ``low`` to ``high`` on the pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    @classmethod
    def of(cls, values: list[float], start: float, end: float, *, logarithmic: bool = False) -> Scale:
        """Wide enough for all of them: from zero on a linear axis, between round figures on either."""
        top = max(values, default=0)
        if not logarithmic:
            step = _round_step(top)
            return cls(0, max(step, math.ceil(top / step - 1e-9) * step), start, end)
        low, high = min(values, default=1), top or 1
        return cls(max(_rounds_to(low), default=low), min(_rounds_from(high), default=high), start, end, True)

    def at(self, value: float) -> float:
        """The pixel of a figure."""
        low, high, here = (math.log(x) if self.logarithmic else x for x in (self.low, self.high, value))
        part = (here - low) / (high - low) if high > low else 0
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round figures, both ends among them."""
        if self.logarithmic:
            return [value for value in _rounds_from(self.low) if value <= self.high * (1 + 1e-9)]
        step = _round_step(self.high)
        return [index * step for index in range(round(self.high / step) + 1)]


def said(value: float) -> str:
    """A figure as people write it: three digits, but all those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _round_step(top: float) -> float:
    """That makes about five steps up to here."""
    rough = (top or 1) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def _rounds_from(value: float) -> list[float]:
    """1, 2, 5, 10 ...: the next twelve from here upwards."""
    first = math.floor(math.log10(value))
    candidates = [digit * 10.0**power for power in range(first, first + 6) for digit in _DECADE]
    return [round_one for round_one in candidates if round_one >= value * (1 - 1e-9)][:12]


def _rounds_to(value: float) -> list[float]:
    """Those of the decade of this figure that are not above it."""
    power = 10.0 ** math.floor(math.log10(value))
    return [digit * power for digit in _DECADE if digit * power <= value * (1 + 1e-9)]

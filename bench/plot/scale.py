"""From figures to places on a plot: where each belongs, and which round ones are written beside the axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["Axis", "Scale", "said"]

_STEPS: Final = (1, 2, 5, 10)
_DECADE: Final = (1, 2, 5)
_MOST_TICKS: Final = 12


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
        rounds = _rounds(min(values, default=1), top or 1)
        low = max(one for one in rounds if one <= min(values, default=1))
        return cls(low, min(one for one in rounds if one > low and one >= top), start, end, True)

    def at(self, value: float) -> float:
        """The pixel of a figure."""
        low, high, here = (math.log(x) if self.logarithmic else x for x in (self.low, self.high, value))
        part = (here - low) / (high - low) if high > low else 0
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round figures, both ends among them."""
        if self.logarithmic:
            rounds = [one for one in _rounds(self.low, self.high) if self.low <= one <= self.high]
            return [
                one for one in rounds if len(rounds) <= _MOST_TICKS or one in _ends(rounds) or _is_power_of_ten(one)
            ]
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


def _rounds(low: float, high: float) -> list[float]:
    """1, 2, 5, 10 ...: from one that is not above the lower figure to one that is above the higher."""
    powers = range(math.floor(math.log10(low)) - 1, math.floor(math.log10(high)) + 2)
    return [float(f"{digit}e{power}") for power in powers for digit in _DECADE]


def _ends(rounds: list[float]) -> tuple[float, float]:
    return rounds[0], rounds[-1]


def _is_power_of_ten(value: float) -> bool:
    return f"{value:e}".startswith("1.000")

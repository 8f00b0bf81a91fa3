"""The numbers that a submission may name, in one table: their ranges, and what they are in our table of limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.core.limits import LIMITS, LimitOverrides, maximum_of, resolve_limits

__all__ = ["KIB", "KNOBS", "Knob", "config_info"]

KIB: Final = 1024
_NO_OVERRIDES: Final = LimitOverrides()


@dataclass(frozen=True)
class Knob:
    """One number.

    Parameters:
        minimum: the least that Judge0 takes, though here it may mean a little more (docs/compat.md).
        limit: the row of our table that it is; then the maximum is that row's, below the caller's ceiling.
        unit: so many of our units are one of Judge0's.
        most: the maximum where it is no limit of ours.
        usual: what it is when nothing is asked for, where it is no limit of ours.
    """

    minimum: float
    limit: str | None = None
    unit: int = 1
    most: float = 0
    usual: float = 0
    is_integer: bool = False

    def maximum(self, ceiling: LimitOverrides) -> float:
        """The most that may be asked for, in Judge0's unit."""
        return self._typed(self.most if self.limit is None else maximum_of(self.limit, ceiling) / self.unit)

    def default(self, ceiling: LimitOverrides) -> float:
        """What is got for nothing, in Judge0's unit, by a language that has no default of its own."""
        if self.limit is None:
            return self._typed(self.usual)
        return self._typed(getattr(resolve_limits(_NO_OVERRIDES, _NO_OVERRIDES, ceiling), self.limit) / self.unit)

    def check(self, value: float, ceiling: LimitOverrides) -> str | None:
        """What is wrong with it, in Judge0's words."""
        if value < self.minimum:
            if self.minimum == 1 and self.is_integer:
                return "must be greater than 0"
            return f"must be greater than or equal to {self.minimum:g}"
        maximum = self.maximum(ceiling)
        return None if value <= maximum else f"must be less than or equal to {maximum}"

    def in_ours(self, value: float) -> float:
        """In our unit, and not below what we have at all."""
        assert self.limit is not None, "a limit of ours"
        return max(value * self.unit, LIMITS[self.limit].minimum)

    def _typed(self, value: float) -> float:
        return int(value) if self.is_integer else float(value)


KNOBS: Final[Mapping[str, Knob]] = {
    "number_of_runs": Knob(1, most=20, usual=1, is_integer=True),
    "cpu_time_limit": Knob(0, "cpu_seconds"),
    "cpu_extra_time": Knob(0, most=5, usual=0),
    "wall_time_limit": Knob(1, "wall_seconds"),
    "memory_limit": Knob(2048, "memory_bytes", KIB, is_integer=True),
    "stack_limit": Knob(0, most=128_000, usual=65_536, is_integer=True),
    "max_processes_and_or_threads": Knob(1, "processes", is_integer=True),
    "max_file_size": Knob(0, "output_bytes", KIB, is_integer=True),
}


def config_info(ceiling: LimitOverrides) -> dict[str, Any]:
    """The part of ``/config_info`` that is numbers of a submission: defaults, and most of them with a maximum."""
    defaults = {name: knob.default(ceiling) for name, knob in KNOBS.items()}
    return defaults | {f"max_{name}": knob.maximum(ceiling) for name, knob in KNOBS.items()}

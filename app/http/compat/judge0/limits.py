"""The numeric fields of a submission: their ranges, units and corresponding limits of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.core.limits import LIMITS, LimitOverrides, max_limit, resolve_limits

__all__ = ["KIB", "NUMBER_FIELDS", "NumberField", "create_limits_config"]

KIB: Final = 1024
_NO_OVERRIDES: Final = LimitOverrides()


@dataclass(frozen=True)
class NumberField:
    """A numeric field of a submission.

    Attributes:
        minimum: The minimum that Judge0 accepts. A smaller minimum of the job's limit applies silently.
        limit: The name of the job's limit. Its maximum, below the ceiling of the caller's tier, is the maximum.
        unit: Judge0's unit, in units of the job's limit.
        own_maximum: The maximum of a field without a job's limit.
        own_default: The default of a field without a job's limit.
        is_integer: Whether the value is a whole number.
    """

    minimum: float
    limit: str | None = None
    unit: int = 1
    own_maximum: float = 0
    own_default: float = 0
    is_integer: bool = False

    def maximum(self, ceiling: LimitOverrides) -> float:
        """Return the maximum for a caller, in Judge0's unit."""
        return self._cast(self.own_maximum if self.limit is None else max_limit(self.limit, ceiling) / self.unit)

    def default(self, ceiling: LimitOverrides) -> float:
        """Return the default for a caller, in Judge0's unit. Some languages have other defaults."""
        if self.limit is None:
            return self._cast(self.own_default)
        return self._cast(getattr(resolve_limits(_NO_OVERRIDES, _NO_OVERRIDES, ceiling), self.limit) / self.unit)

    def find_error(self, value: float, ceiling: LimitOverrides) -> str | None:
        """Return Judge0's message for a value that is out of range, or None."""
        if value < self.minimum:
            if self.minimum == 1 and self.is_integer:
                return "must be greater than 0"
            return f"must be greater than or equal to {self.minimum:g}"
        maximum = self.maximum(ceiling)
        return None if value <= maximum else f"must be less than or equal to {maximum}"

    def to_job_limit(self, value: float) -> float:
        """Convert a value to the unit of the job's limit, and raise it to the minimum of that limit."""
        assert self.limit is not None, "the field has a job's limit"
        return max(value * self.unit, LIMITS[self.limit].minimum)

    def _cast(self, value: float) -> float:
        return int(value) if self.is_integer else float(value)


NUMBER_FIELDS: Final[Mapping[str, NumberField]] = {
    "number_of_runs": NumberField(1, own_maximum=20, own_default=1, is_integer=True),
    "cpu_time_limit": NumberField(0, "cpu_seconds"),
    "cpu_extra_time": NumberField(0, own_maximum=5, own_default=0),
    "wall_time_limit": NumberField(1, "wall_seconds"),
    "memory_limit": NumberField(2048, "memory_bytes", KIB, is_integer=True),
    "stack_limit": NumberField(0, "stack_bytes", KIB, is_integer=True),
    "max_processes_and_or_threads": NumberField(1, "processes", is_integer=True),
    "max_file_size": NumberField(0, "output_bytes", KIB, is_integer=True),
}


def create_limits_config(ceiling: LimitOverrides) -> dict[str, Any]:
    """Create the part of ``/config_info`` that contains the defaults and maximums of the numeric fields."""
    defaults = {name: field.default(ceiling) for name, field in NUMBER_FIELDS.items()}
    return defaults | {f"max_{name}": field.maximum(ceiling) for name, field in NUMBER_FIELDS.items()}

"""A target value and its measurement."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """One row of a benchmark table.

    Attributes:
        title: What is measured.
        bound: The target value.
        at_most: Whether the measurement must be at most ``bound``. If false, it must be at least ``bound``.
        measured: The measurement. None if it is not available.
        unit: Unit of both values, with a leading space.
        reason: Why there is no measurement.
        details: The values from which the measurement was computed.
    """

    title: str
    bound: float
    at_most: bool
    measured: float | None
    unit: str = ""
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is met. None without a measurement."""
        if self.measured is None:
            return None
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def row(self) -> tuple[str, str, str, str]:
        """Return title, target, measurement and verdict."""
        limit = f"{'≤' if self.at_most else '≥'} {self.bound:g}{self.unit}"
        if self.measured is None:
            return self.title, limit, self.reason, "not measured"
        return self.title, limit, f"{self.measured:.3g}{self.unit}", "met" if self.met else "missed"

    def to_json(self) -> dict[str, Any]:
        """Return all fields and the verdict."""
        return {**asdict(self), "met": self.met}

"""A figure that was promised, beside the one that was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """``measured`` must be at most, or at least, ``bound``; ``details`` are all the figures it was made from.

    Where it could not be measured, ``measured`` is None and ``why`` says why.
    """

    what: str
    bound: float
    at_most: bool
    measured: float | None
    unit: str = ""
    why: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """None where it could not be measured."""
        if self.measured is None:
            return None
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound

    def cells(self) -> tuple[str, str, str, str]:
        """What, target, measured, verdict: a row of the table."""
        limit = f"{'≤' if self.at_most else '≥'} {self.bound:g}{self.unit}"
        if self.measured is None:
            return self.what, limit, self.why, "not measured"
        return self.what, limit, f"{self.measured:.3g}{self.unit}", "met" if self.met else "missed"

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**asdict(self), "met": self.met}

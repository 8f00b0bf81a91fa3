"""The limits of a job, in one table. Adding a limit is adding a row, a field, and its place in the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec

from app.core.constraints import told
from app.core.errors import InvalidRequest

__all__ = [
    "LIMITS",
    "MIB",
    "CpuSeconds",
    "LimitOverrides",
    "LimitRange",
    "Limits",
    "OpenFiles",
    "OutputBytes",
    "WallSeconds",
    "maximum_of",
    "resolve_limits",
]

MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class LimitRange:
    """What a client may ask for, both ends included, and what it gets when it asks for nothing.

    A language may have another default (the JVM wants more processes), never another range.
    """

    minimum: float
    default: float
    maximum: float
    unit: str
    description: str


LIMITS: Final[dict[str, LimitRange]] = {
    "wall_seconds": LimitRange(0.1, 10, 300, "s", "elapsed time of each phase"),
    "cpu_seconds": LimitRange(0.1, 10, 300, "s", "processor time of each phase, all its processes together"),
    "memory_bytes": LimitRange(16 * MIB, 256 * MIB, 2048 * MIB, "bytes", "memory of the whole sandbox, its files too"),
    "processes": LimitRange(1, 64, 512, "", "processes and threads at one time"),
    "output_bytes": LimitRange(1, 1 * MIB, 64 * MIB, "bytes", "stdout and stderr together, each phase"),
    "disk_bytes": LimitRange(1 * MIB, 64 * MIB, 512 * MIB, "bytes", "files under /work"),
    "open_files": LimitRange(16, 256, 1024, "", "open file descriptors of one process"),
}


def _told(name: str) -> msgspec.Meta:
    allowed = LIMITS[name]
    sentence = f"{allowed.description[0].upper()}{allowed.description[1:]}"
    description = f"{sentence}; {allowed.default:.10g} unless the language says otherwise."
    return told(minimum=allowed.minimum, maximum=allowed.maximum, description=description)


WallSeconds = Annotated[float, _told("wall_seconds")]
CpuSeconds = Annotated[float, _told("cpu_seconds")]
MemoryBytes = Annotated[int, _told("memory_bytes")]
Processes = Annotated[int, _told("processes")]
OutputBytes = Annotated[int, _told("output_bytes")]
DiskBytes = Annotated[int, _told("disk_bytes")]
OpenFiles = Annotated[int, _told("open_files")]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """A job's limits, complete and within their ranges."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    processes: int
    output_bytes: int
    disk_bytes: int
    open_files: int


class LimitOverrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits a client or a language names; what is left out takes the default."""

    wall_seconds: WallSeconds | None = None
    cpu_seconds: CpuSeconds | None = None
    memory_bytes: MemoryBytes | None = None
    processes: Processes | None = None
    output_bytes: OutputBytes | None = None
    disk_bytes: DiskBytes | None = None
    open_files: OpenFiles | None = None


_NO_CEILING: Final = LimitOverrides()


@lru_cache(maxsize=1024)  # most jobs ask for what the one before did
def resolve_limits(asked: LimitOverrides, language: LimitOverrides, ceiling: LimitOverrides = _NO_CEILING) -> Limits:
    """Fill what was not asked for from the language, then from the table.

    Parameters:
        ceiling: what this caller cannot go above; a default above it is lowered to it.

    Raises:
        InvalidRequest: a limit is out of its range; names ``limits.<name>`` and the range.
    """
    return Limits(**{name: _resolve(name, asked, language, ceiling) for name in LIMITS})


def maximum_of(name: str, ceiling: LimitOverrides) -> float:
    """The most that may be asked for below a ceiling."""
    lowered = getattr(ceiling, name)
    return LIMITS[name].maximum if lowered is None else min(lowered, LIMITS[name].maximum)


def _resolve(name: str, asked: LimitOverrides, language: LimitOverrides, ceiling: LimitOverrides) -> Any:
    allowed, maximum = LIMITS[name], maximum_of(name, ceiling)
    value = getattr(asked, name)
    if value is None:
        default = getattr(language, name)
        value = min(allowed.default if default is None else default, maximum)
    # A NaN compares false with everything: the test is written so that it is refused.
    if not allowed.minimum <= value <= maximum:
        span = f"must be between {allowed.minimum:.10g} and {maximum:.10g} {allowed.unit}"
        raise InvalidRequest(f"limits.{name}", span.rstrip())
    return float(value) if name.endswith("_seconds") else int(value)

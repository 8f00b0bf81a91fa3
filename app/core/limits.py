"""The limits of a job.

To add a limit, add a row to ``LIMITS``, a field to ``Limits`` and ``LimitOverrides``, and its enforcement in
app/sandbox/.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec

from app.core.constraints import schema
from app.core.errors import InvalidRequest

__all__ = [
    "LIMITS",
    "MAX_COMPILE_OUTPUT_BYTES",
    "MAX_COMPILE_SECONDS",
    "MAX_OUTPUT_BYTES",
    "MAX_TOTAL_SECONDS",
    "MIB",
    "MIN_COMPILE_SECONDS",
    "CompileLimits",
    "CpuSeconds",
    "LimitOverrides",
    "LimitRange",
    "Limits",
    "OpenFiles",
    "OutputBytes",
    "TotalLimits",
    "WallSeconds",
    "check_compile_limits",
    "max_limit",
    "resolve_limits",
]

MIB: Final = 1024 * 1024
MAX_COMPILE_SECONDS: Final = 30.0
MIN_COMPILE_SECONDS: Final = 0.1
MAX_COMPILE_OUTPUT_BYTES: Final = 256 * 1024
#: The tests of a job run one after the other in one worker.
MAX_TOTAL_SECONDS: Final = 1000.0


@dataclass(frozen=True)
class LimitRange:
    """The range of a limit, both ends included, and its default.

    A language can have another default (the JVM needs more processes), but not another range.

    Attributes:
        follows: Name of the limit whose value is the default. ``default`` is the default of that limit.
    """

    minimum: float
    default: float
    maximum: float
    unit: str
    description: str
    follows: str | None = None


LIMITS: Final[dict[str, LimitRange]] = {
    "wall_seconds": LimitRange(0.1, 10, 300, "s", "elapsed time of each phase"),
    "cpu_seconds": LimitRange(0.1, 10, 300, "s", "processor time of each phase, all its processes together"),
    "memory_bytes": LimitRange(16 * MIB, 256 * MIB, 2048 * MIB, "bytes", "memory of the whole sandbox, its files too"),
    "processes": LimitRange(1, 64, 512, "", "processes and threads at one time"),
    "output_bytes": LimitRange(1, 1 * MIB, 64 * MIB, "bytes", "stdout and stderr together, each phase"),
    "disk_bytes": LimitRange(1 * MIB, 64 * MIB, 512 * MIB, "bytes", "files under /work"),
    "open_files": LimitRange(16, 256, 1024, "", "open file descriptors of one process"),
    "stack_bytes": LimitRange(
        1 * MIB, 256 * MIB, 2048 * MIB, "bytes", "stack of the main thread of each process", follows="memory_bytes"
    ),
}


#: The output of all phases of a job together, without the compiler.
MAX_OUTPUT_BYTES: Final = int(LIMITS["output_bytes"].maximum)


def _limit_schema(name: str) -> msgspec.Meta:
    limit = LIMITS[name]
    sentence = f"{limit.description[0].upper()}{limit.description[1:]}"
    if limit.follows is None:
        default = f"{limit.default:.10g} unless the language has another default"
    else:
        default = f"by default the same as `{limit.follows}`"
    description = f"{sentence}; {default}."
    return schema(minimum=limit.minimum, maximum=limit.maximum, description=description)


WallSeconds = Annotated[float, _limit_schema("wall_seconds")]
CpuSeconds = Annotated[float, _limit_schema("cpu_seconds")]
MemoryBytes = Annotated[int, _limit_schema("memory_bytes")]
Processes = Annotated[int, _limit_schema("processes")]
OutputBytes = Annotated[int, _limit_schema("output_bytes")]
DiskBytes = Annotated[int, _limit_schema("disk_bytes")]
OpenFiles = Annotated[int, _limit_schema("open_files")]
StackBytes = Annotated[int, _limit_schema("stack_bytes")]
CompileSeconds = Annotated[float, schema(minimum=MIN_COMPILE_SECONDS, maximum=MAX_COMPILE_SECONDS)]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The complete limits of a job. Every limit is within its range."""

    wall_seconds: float
    cpu_seconds: float
    memory_bytes: int
    processes: int
    output_bytes: int
    disk_bytes: int
    open_files: int
    # Jobs that an earlier version queued do not have this limit. It was constant.
    stack_bytes: int = 64 * MIB


class LimitOverrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that a request or a language sets. None stands for the default."""

    wall_seconds: WallSeconds | None = None
    cpu_seconds: CpuSeconds | None = None
    memory_bytes: MemoryBytes | None = None
    processes: Processes | None = None
    output_bytes: OutputBytes | None = None
    disk_bytes: DiskBytes | None = None
    open_files: OpenFiles | None = None
    stack_bytes: StackBytes | None = None


class CompileLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of the compiler, which are independent of the limits of the program.

    Attributes:
        wall_seconds: Elapsed time.
        cpu_seconds: Processor time of all its processes.
    """

    wall_seconds: CompileSeconds = MAX_COMPILE_SECONDS
    cpu_seconds: CompileSeconds = MAX_COMPILE_SECONDS


class TotalLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of all phases of a job together: the compiler and every test.

    Attributes:
        wall_seconds: Elapsed time.
        cpu_seconds: Processor time of all processes.
    """

    wall_seconds: float = MAX_TOTAL_SECONDS
    cpu_seconds: float = MAX_TOTAL_SECONDS


_NO_CEILING: Final = LimitOverrides()


@lru_cache(maxsize=1024)  # most requests set the same limits
def resolve_limits(
    requested: LimitOverrides, language: LimitOverrides, ceiling: LimitOverrides = _NO_CEILING
) -> Limits:
    """Fill in the limits that a request does not set.

    Args:
        requested: The limits of the request.
        language: The defaults of the language; a limit that it does not set has the default of the table.
        ceiling: The maximum for this caller. It also lowers defaults.

    Raises:
        InvalidRequest: A limit is out of its range. Names ``limits.<name>`` and the range.
    """
    resolved: dict[str, Any] = {}
    for name, limit in LIMITS.items():
        default = limit.default if limit.follows is None else resolved[limit.follows]
        resolved[name] = _resolve_limit(name, default, requested, language, ceiling)
    return Limits(**resolved)


def max_limit(name: str, ceiling: LimitOverrides) -> float:
    """Return the maximum of a limit for a caller with this ceiling."""
    lowered = getattr(ceiling, name)
    return LIMITS[name].maximum if lowered is None else min(lowered, LIMITS[name].maximum)


def check_compile_limits(limits: CompileLimits) -> CompileLimits:
    """Return the limits if they are within their range.

    Raises:
        InvalidRequest: Names ``compile_limits.<name>`` and the range.
    """
    for name in limits.__struct_fields__:
        # NaN fails every comparison; it must be rejected.
        if not MIN_COMPILE_SECONDS <= getattr(limits, name) <= MAX_COMPILE_SECONDS:
            reason = f"must be between {MIN_COMPILE_SECONDS:g} and {MAX_COMPILE_SECONDS:g} s"
            raise InvalidRequest(f"compile_limits.{name}", reason)
    return limits


def _resolve_limit(
    name: str, default: float, requested: LimitOverrides, language: LimitOverrides, ceiling: LimitOverrides
) -> Any:
    limit, maximum = LIMITS[name], max_limit(name, ceiling)
    value = getattr(requested, name)
    if value is None:
        of_language = getattr(language, name)
        value = min(default if of_language is None else of_language, maximum)
    # NaN fails every comparison; it must be rejected.
    if not limit.minimum <= value <= maximum:
        reason = f"must be between {limit.minimum:.10g} and {maximum:.10g} {limit.unit}"
        raise InvalidRequest(f"limits.{name}", reason.rstrip())
    return float(value) if name.endswith("_seconds") else int(value)

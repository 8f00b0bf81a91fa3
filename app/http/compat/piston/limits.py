"""Converts Piston's limits of each stage, in milliseconds and bytes, to the limits of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.core.errors import InvalidRequest
from app.core.languages import LanguageInfo
from app.core.limits import (
    LIMITS,
    MAX_COMPILE_SECONDS,
    MIN_COMPILE_SECONDS,
    CompileLimits,
    LimitOverrides,
    max_limit,
    resolve_limits,
)

__all__ = ["StageLimits", "compile_limits", "read_stage_limits", "run_limits"]

# Piston's defaults: https://github.com/engineer-man/piston/blob/master/docs/configuration.md
_RUN_MS: Final = 3_000
_COMPILE_MS: Final = 10_000

StageLimits = Mapping[str, float | None]


def read_stage_limits(body: Mapping[str, Any], ceiling: LimitOverrides) -> StageLimits:
    """Return every limit of the request by its name; None for a limit that the request does not set.

    Args:
        body: The body of an execution.
        ceiling: The maximum values of the caller's tier.

    Raises:
        InvalidRequest: A limit is not a number, or exceeds its maximum.
    """
    max_memory_bytes = max_limit("memory_bytes", ceiling)
    max_wall_ms, max_cpu_ms = (1000 * max_limit(name, ceiling) for name in ("wall_seconds", "cpu_seconds"))
    max_compile_ms = 1000 * MAX_COMPILE_SECONDS
    return {
        # As in Piston, any negative number means no limit.
        "compile_memory_limit": _read_limit(body, "compile_memory_limit", max_memory_bytes, minimum=None),
        "run_memory_limit": _read_limit(body, "run_memory_limit", max_memory_bytes, minimum=None),
        "compile_timeout": _read_limit(body, "compile_timeout", max_compile_ms),
        "run_timeout": _read_limit(body, "run_timeout", max_wall_ms),
        "compile_cpu_time": _read_limit(body, "compile_cpu_time", max_compile_ms),
        "run_cpu_time": _read_limit(body, "run_cpu_time", max_cpu_ms),
    }


def run_limits(limits: StageLimits, language: LanguageInfo, ceiling: LimitOverrides) -> LimitOverrides:
    """Return the limits of the program."""
    return LimitOverrides(
        wall_seconds=_run_seconds("wall_seconds", limits["run_timeout"], ceiling),
        cpu_seconds=_run_seconds("cpu_seconds", limits["run_cpu_time"], ceiling),
        memory_bytes=_memory_bytes(limits, language, ceiling),
    )


def compile_limits(limits: StageLimits) -> CompileLimits:
    """Return the limits of the compiler."""
    return CompileLimits(
        wall_seconds=max(MIN_COMPILE_SECONDS, (limits["compile_timeout"] or _COMPILE_MS) / 1000),
        cpu_seconds=max(MIN_COMPILE_SECONDS, (limits["compile_cpu_time"] or _COMPILE_MS) / 1000),
    )


def _read_limit(body: Mapping[str, Any], name: str, maximum: float, minimum: float | None = 0) -> float | None:
    value = body.get(name)
    if not value:  # missing, null or 0
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"If specified, {name}", "must be a number")
    if value > maximum:
        raise InvalidRequest(name, f"cannot exceed the configured limit of {maximum:.10g}")
    if minimum is not None and value < minimum:
        raise InvalidRequest(name, "must be non-negative")
    return value if value > 0 else None


def _run_seconds(name: str, milliseconds: float | None, ceiling: LimitOverrides) -> float:
    seconds = (milliseconds or _RUN_MS) / 1000
    return min(max(seconds, LIMITS[name].minimum), max_limit(name, ceiling))


def _memory_bytes(limits: StageLimits, language: LanguageInfo, ceiling: LimitOverrides) -> int:
    """Return the memory of the sandbox.

    The compiler always has at least the default of its language. If it is to have more, the whole sandbox has more.
    """
    default = resolve_limits(LimitOverrides(), language.limits, ceiling).memory_bytes
    run, compiler = limits["run_memory_limit"] or default, limits["compile_memory_limit"] or 0
    memory_bytes = max(run, compiler) if language.compiled and compiler > default else run
    return int(max(memory_bytes, LIMITS["memory_bytes"].minimum))

"""Piston's limits: milliseconds and bytes for each stage, as the limits that our jobs have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.core.compile_limits import MAX_COMPILE_SECONDS, MIN_COMPILE_SECONDS, CompileLimits
from app.core.errors import InvalidRequest
from app.core.languages import LanguageInfo
from app.core.limits import LIMITS, LimitOverrides, maximum_of, resolve_limits

__all__ = ["check_constraints", "compile_limits_of", "limits_of"]

# What Piston gives where its configuration says nothing.
RUN_MS: Final = 3_000
COMPILE_MS: Final = 10_000

Constraints = Mapping[str, float | None]


def check_constraints(body: Mapping[str, Any], ceiling: LimitOverrides) -> Constraints:
    """Every limit that the client named, None for one that it did not.

    Raises:
        InvalidRequest: one is no number, or more than this caller may have.
    """
    memory_bytes = maximum_of("memory_bytes", ceiling)
    run_ms = {name: 1000 * maximum_of(name, ceiling) for name in ("wall_seconds", "cpu_seconds")}
    compile_ms = 1000 * MAX_COMPILE_SECONDS
    return {
        # Any negative number stands for no limit here, as it does for Piston.
        "compile_memory_limit": _at_most(body, "compile_memory_limit", memory_bytes, least=None),
        "run_memory_limit": _at_most(body, "run_memory_limit", memory_bytes, least=None),
        "compile_timeout": _at_most(body, "compile_timeout", compile_ms),
        "run_timeout": _at_most(body, "run_timeout", run_ms["wall_seconds"]),
        "compile_cpu_time": _at_most(body, "compile_cpu_time", compile_ms),
        "run_cpu_time": _at_most(body, "run_cpu_time", run_ms["cpu_seconds"]),
    }


def limits_of(asked: Constraints, language: LanguageInfo, ceiling: LimitOverrides) -> LimitOverrides:
    """The limits of the program."""
    return LimitOverrides(
        wall_seconds=_seconds("wall_seconds", asked["run_timeout"], ceiling),
        cpu_seconds=_seconds("cpu_seconds", asked["run_cpu_time"], ceiling),
        memory_bytes=_memory_bytes(asked, language, ceiling),
    )


def compile_limits_of(asked: Constraints) -> CompileLimits:
    """The limits of the compiler."""
    return CompileLimits(
        wall_seconds=max(MIN_COMPILE_SECONDS, (asked["compile_timeout"] or COMPILE_MS) / 1000),
        cpu_seconds=max(MIN_COMPILE_SECONDS, (asked["compile_cpu_time"] or COMPILE_MS) / 1000),
    )


def _at_most(body: Mapping[str, Any], name: str, most: float, least: float | None = 0) -> float | None:
    value = body.get(name)
    if not value:  # left out, null, or 0
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"If specified, {name}", "must be a number")
    if value > most:
        raise InvalidRequest(name, f"cannot exceed the configured limit of {most:.10g}")
    if least is not None and value < least:
        raise InvalidRequest(name, "must be non-negative")
    return value if value > 0 else None


def _seconds(name: str, asked_ms: float | None, ceiling: LimitOverrides) -> float:
    wanted = (asked_ms or RUN_MS) / 1000
    return min(max(wanted, LIMITS[name].minimum), maximum_of(name, ceiling))


def _memory_bytes(asked: Constraints, language: LanguageInfo, ceiling: LimitOverrides) -> int:
    """The program's. A compiler has what its language usually has, however little that is; one that is to have more can
    only have it from the whole sandbox's limit."""
    usual = resolve_limits(LimitOverrides(), language.limits, ceiling).memory_bytes
    run, compiler = asked["run_memory_limit"] or usual, asked["compile_memory_limit"] or 0
    wanted = max(run, compiler) if language.compiled and compiler > usual else run
    return int(max(wanted, LIMITS["memory_bytes"].minimum))

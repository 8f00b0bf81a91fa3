"""Resource limits of a container: those of the job, and those of the compiler before it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

from app.core.job.spec import JobSpec
from app.core.limits import LIMITS, LimitOverrides, Limits, resolve_limits
from app.sandbox.images.catalogue import Language
from app.sandbox.runner.execution_plan import compiler_limits, is_compiled

__all__ = [
    "CELL_PROCESSES",
    "RUNNER_PROCESSES",
    "ContainerResources",
    "StageResources",
    "default_resources",
    "maximum_resources",
    "resources_by_stage",
]

# The runner. All other processes of a container belong to the job.
RUNNER_PROCESSES: Final = 1
# PID 1 of a cell, in addition to the runner of its job.
CELL_PROCESSES: Final = 1
_NANO: Final = 1_000_000_000


@dataclass(frozen=True)
class ContainerResources:
    """The only values of a request that reach the Docker Engine. Each must be a positive integer.

    Attributes:
        memory_bytes: Memory limit. Swap is not available in addition.
        processes: Maximum number of processes and threads, those of the runner included.
        disk_bytes: Size of /work. It is fixed when the container is created; the other values can be updated.
        nano_cpus: Processors in units of 1e-9.
    """

    memory_bytes: int
    processes: int
    disk_bytes: int
    nano_cpus: int

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value <= 0:
                raise ValueError(f"{field.name}: must be a positive integer, not {value!r}")

    @classmethod
    def from_limits(cls, limits: Limits, cpus: float) -> ContainerResources:
        """Return the resources for the limits of a job, clamped to the allowed range of each limit.

        The API has checked the limits already. This is the last check before the engine.
        """
        return cls(
            memory_bytes=_clamp("memory_bytes", limits.memory_bytes),
            processes=_clamp("processes", limits.processes) + RUNNER_PROCESSES,
            disk_bytes=_clamp("disk_bytes", limits.disk_bytes),
            nano_cpus=int(cpus * _NANO),
        )


class StageResources(NamedTuple):
    """The resources of a container over the course of one job.

    Attributes:
        initial: From the first phase on.
        program: From the end of the compile phase on. None if they do not change.
    """

    initial: ContainerResources
    program: ContainerResources | None


def default_resources(language: Language, cpus: float) -> ContainerResources:
    """Return the resources of a job that sets no limits."""
    return ContainerResources.from_limits(resolve_limits(LimitOverrides(), language.limits), cpus)


def maximum_resources(cpus: float) -> ContainerResources:
    """Return the highest resources that a job can have."""
    return ContainerResources(
        memory_bytes=int(LIMITS["memory_bytes"].maximum),
        processes=int(LIMITS["processes"].maximum) + RUNNER_PROCESSES,
        disk_bytes=int(LIMITS["disk_bytes"].maximum),
        nano_cpus=int(cpus * _NANO),
    )


def resources_by_stage(spec: JobSpec, language: Language, cpus: float) -> StageResources:
    """Return the resources for a job. Its limits apply to its program; `compiler_limits` apply to the compiler."""
    program = ContainerResources.from_limits(spec.limits, cpus)
    if not is_compiled(spec, language):
        return StageResources(program, None)
    initial = ContainerResources.from_limits(compiler_limits(spec, language), cpus)
    return StageResources(initial, None if spec.compile_only or initial == program else program)


def _clamp(name: str, value: int) -> int:
    allowed = LIMITS[name]
    return int(min(max(value, allowed.minimum), allowed.maximum))

"""What a compiler needs is its language's matter: the limits of a job are its program's.

A job that asks for less memory or fewer processes than its language usually has is compiled with what the language
usually has, and gets its own numbers before its program begins.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from app.core.limits import LimitOverrides, resolve_limits
from app.core.spec import JobSpec
from app.sandbox.images.catalogue import Language
from app.sandbox.runner.execution_plan import is_compiled
from app.sandbox.template import ContainerResources

__all__ = ["Stages", "stages_of"]


class Stages(NamedTuple):
    """What a container may use from its first phase on, and from its program on; None: the same."""

    first: ContainerResources
    program: ContainerResources | None


def stages_of(spec: JobSpec, language: Language, cpus: float) -> Stages:
    """For this job. The disk is one for both: it is fixed when a container is made."""
    program = ContainerResources.of(spec.limits, cpus)
    if not is_compiled(spec, language):
        return Stages(program, None)
    usual = resolve_limits(LimitOverrides(), language.limits)
    roomy = msgspec.structs.replace(
        spec.limits,
        memory_bytes=max(spec.limits.memory_bytes, usual.memory_bytes),
        processes=max(spec.limits.processes, usual.processes),
    )
    first = ContainerResources.of(roomy, cpus)
    return Stages(first, None if first == program else program)

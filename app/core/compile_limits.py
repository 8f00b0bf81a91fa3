"""How long a compiler may take. It has limits of its own: those of the job are for its program."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from app.core.constraints import told
from app.core.errors import InvalidRequest

__all__ = ["MAX_COMPILE_SECONDS", "MIN_COMPILE_SECONDS", "CompileLimits", "check_compile_limits"]

MAX_COMPILE_SECONDS: Final = 30.0
MIN_COMPILE_SECONDS: Final = 0.1

CompileSeconds = Annotated[float, told(minimum=MIN_COMPILE_SECONDS, maximum=MAX_COMPILE_SECONDS)]


class CompileLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Elapsed time, and processor time of all its processes; what is left out is MAX_COMPILE_SECONDS."""

    wall_seconds: CompileSeconds = MAX_COMPILE_SECONDS
    cpu_seconds: CompileSeconds = MAX_COMPILE_SECONDS


def check_compile_limits(limits: CompileLimits) -> CompileLimits:
    """Raises InvalidRequest: one is out of range; names ``compile_limits.<name>`` and the range."""
    for name in limits.__struct_fields__:
        # A NaN compares false with everything: the test is written so that it is refused.
        if not MIN_COMPILE_SECONDS <= getattr(limits, name) <= MAX_COMPILE_SECONDS:
            reason = f"must be between {MIN_COMPILE_SECONDS:g} and {MAX_COMPILE_SECONDS:g} s"
            raise InvalidRequest(f"compile_limits.{name}", reason)
    return limits

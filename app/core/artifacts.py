"""Files that a program leaves and the client wants back."""

from __future__ import annotations

from typing import Final

import msgspec

from app.core.constraints import MAX_ARTIFACT_PATTERNS, MAX_PATTERN_BYTES
from app.core.errors import InvalidRequest
from app.core.fields import no_nul

__all__ = ["MAX_ARTIFACTS", "MAX_ARTIFACTS_BYTES", "Artifact", "ArtifactInfo", "check_patterns"]

MAX_ARTIFACTS: Final = 16
MAX_ARTIFACTS_BYTES: Final = 8 * 1024 * 1024


class Artifact(msgspec.Struct, frozen=True):
    """A file by its path below the working folder."""

    name: str
    data: bytes


class ArtifactInfo(msgspec.Struct, frozen=True):
    """What a result tells of one."""

    name: str
    size_bytes: int


def check_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns of paths below the working folder.

    Raises:
        InvalidRequest: names ``artifacts[<index>]``.
    """
    if len(patterns) > MAX_ARTIFACT_PATTERNS:
        raise InvalidRequest("artifacts", f"must be at most {MAX_ARTIFACT_PATTERNS} patterns")
    for index, pattern in enumerate(patterns):
        field = f"artifacts[{index}]"
        no_nul(field, pattern)
        if not 1 <= len(pattern.encode()) <= MAX_PATTERN_BYTES:
            raise InvalidRequest(field, f"must be 1 to {MAX_PATTERN_BYTES} bytes")
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise InvalidRequest(field, "must be relative to the working folder: no leading '/', no '..'")
    return patterns

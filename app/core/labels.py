"""What a client may write on its jobs, to find them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.core.errors import InvalidRequest

__all__ = ["check_labels"]

MAX_LABELS: Final = 16
MAX_VALUE_CHARACTERS: Final = 256
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")


def check_labels(labels: Mapping[str, str]) -> None:
    """Raises InvalidRequest, naming ``labels`` or ``labels.<name>``."""
    if len(labels) > MAX_LABELS:
        raise InvalidRequest("labels", f"must be at most {MAX_LABELS}")
    for name, value in labels.items():
        if not _NAME.fullmatch(name):
            raise InvalidRequest("labels", "names must be 1 to 63 letters, digits, '.', '_', '/' and '-'")
        if len(value) > MAX_VALUE_CHARACTERS or not value.isprintable():
            raise InvalidRequest(f"labels.{name}", f"must be at most {MAX_VALUE_CHARACTERS} printable characters")

"""What a client may write on its jobs, to find them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from app.core.constraints import LABEL_NAME, MAX_LABEL_CHARACTERS, MAX_LABELS
from app.core.errors import InvalidRequest

__all__ = ["check_labels"]

_NAME: Final = re.compile(LABEL_NAME)


def check_labels(labels: Mapping[str, str]) -> None:
    """Raises InvalidRequest, naming ``labels`` or ``labels.<name>``."""
    if len(labels) > MAX_LABELS:
        raise InvalidRequest("labels", f"must be at most {MAX_LABELS}")
    for name, value in labels.items():
        if not _NAME.fullmatch(name):
            raise InvalidRequest("labels", "names must be 1 to 63 letters, digits, '.', '_', '/' and '-'")
        if len(value) > MAX_LABEL_CHARACTERS or not value.isprintable():
            raise InvalidRequest(f"labels.{name}", f"must be at most {MAX_LABEL_CHARACTERS} printable characters")

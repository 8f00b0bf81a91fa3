"""The fenced code blocks of a Markdown document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CodeBlock", "read_code_blocks"]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class CodeBlock:
    """A code block: its language, which can be empty, and its text."""

    language: str
    text: str


def read_code_blocks(document: Path) -> list[CodeBlock]:
    """Return the code blocks in their order."""
    return [CodeBlock(match[1], match[2]) for match in _BLOCK.finditer(document.read_text())]

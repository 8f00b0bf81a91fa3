"""Truncation of long texts, always with a notice."""

from __future__ import annotations

import codecs
from typing import Final

__all__ = ["MAX_TEXT_CHARACTERS", "OutputDecoder", "truncate_middle"]

#: Characters of one text in the response of a tool: stdout, stderr, or a file.
MAX_TEXT_CHARACTERS: Final = 20_000


def truncate_middle(text: str, max_characters: int = MAX_TEXT_CHARACTERS) -> str:
    """Return a text that has at most ``max_characters`` of the original, from its start and its end, and a notice."""
    removed = len(text) - max_characters
    if removed <= 0:
        return text
    head = (max_characters + 1) // 2
    tail = max_characters - head
    notice = f"\n[... {removed} characters were removed here; the limit is {max_characters} characters ...]\n"
    return text[:head] + notice + (text[-tail:] if tail else "")


class OutputDecoder:
    """Decodes the two output streams of a program, whose chunks may end inside a character."""

    def __init__(self) -> None:
        self._decoders = {
            name: codecs.getincrementaldecoder("utf-8")(errors="replace") for name in ("stdout", "stderr")
        }

    def decode(self, stream: str, data: bytes) -> str:
        """Return the text of the next bytes of a stream."""
        return self._decoders[stream].decode(data)

"""Decoder for the log lines in the build stream of BuildKit.

The engine sends a Base64-encoded ``StatusResponse`` in each message ``moby.buildkit.trace``. It is a protobuf message,
defined in https://github.com/moby/buildkit/blob/master/api/services/control/control.proto.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

__all__ = ["BuildKitTrace"]

# Field numbers of StatusResponse, Vertex and VertexLog.
_VERTEXES: Final = 1
_LOGS: Final = 3
_VERTEX_NAME: Final = 3
_VERTEX_STARTED: Final = 5
_LOG_VERTEX: Final = 1
_LOG_TEXT: Final = 4


class BuildKitTrace:
    """Returns the started steps and their output as lines. A line may be split between two messages."""

    def __init__(self) -> None:
        self._started_steps: set[str] = set()
        self._partial_lines: dict[bytes, str] = {}

    def read_lines(self, encoded: str) -> list[str]:
        """Return the complete lines that one message adds.

        Args:
            encoded: Base64 text of the message. Invalid messages add nothing: the log is only informative.
        """
        lines: list[str] = []
        try:
            for number, value in _read_fields(base64.b64decode(encoded)):
                if number == _VERTEXES:
                    lines += self._read_step(dict(_read_fields(value)))
                elif number == _LOGS:
                    lines += self._read_log(dict(_read_fields(value)))
        except (ValueError, IndexError, binascii.Error):
            pass
        return lines

    def _read_step(self, vertex: dict[int, bytes]) -> list[str]:
        name = vertex.get(_VERTEX_NAME, b"").decode(errors="replace")
        if _VERTEX_STARTED not in vertex or name in self._started_steps:
            return []
        self._started_steps.add(name)
        return [name]

    def _read_log(self, log: dict[int, bytes]) -> list[str]:
        step = log.get(_LOG_VERTEX, b"")
        text = self._partial_lines.pop(step, "") + log.get(_LOG_TEXT, b"").decode(errors="replace")
        *lines, rest = text.split("\n")
        self._partial_lines[step] = rest
        return lines


def _read_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the value of each field. The value of a number is empty: no number is needed.

    Raises:
        ValueError, IndexError: The data is not a protobuf message.
    """
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        length = 0
        # The wire types varint, 64-bit, length-delimited and 32-bit (https://protobuf.dev/programming-guides/encoding/).
        match key & 7:
            case 0:
                _, position = _read_varint(data, position)
            case 1:
                position += 8
            case 2:
                length, position = _read_varint(data, position)
            case 5:
                position += 4
            case wire_type:
                raise ValueError(f"unknown wire type {wire_type}")
        yield key >> 3, data[position : position + length]
        position += length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7

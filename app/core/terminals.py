"""The terminal that a program may be given instead of three pipes."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["Cells", "TerminalSize"]

Cells = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class TerminalSize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In characters."""

    rows: Cells = 24
    cols: Cells = 80

    def pack(self) -> bytes:
        """As the ``data`` of an Input."""
        return self.rows.to_bytes(2) + self.cols.to_bytes(2)

    @classmethod
    def unpack(cls, data: bytes) -> TerminalSize:
        """What `pack` made."""
        return cls(rows=int.from_bytes(data[:2]), cols=int.from_bytes(data[2:4]))

"""Short links: programs of the web editor that the service keeps, so that their address is short."""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["FRAGMENT", "LINK_ID", "MAX_FRAGMENT_BYTES", "Link"]

LINK_ID: Final = r"^[A-Za-z0-9_-]{16}$"
#: The fragment of a share link (web/src/share/shareLink.ts) without ``#``: a version, and base64url.
FRAGMENT: Final = r"^v[0-9]{1,3}\.[A-Za-z0-9_-]+$"
MAX_FRAGMENT_BYTES: Final = 64 * 1024


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A short link.

    Attributes:
        id: The id. It cannot be guessed, and gives access to the program.
        fragment: The program. The service does not decode it.
        created_at_ms: When the link was created, in Unix milliseconds.
        expires_at_ms: When the link is removed, in Unix milliseconds.
    """

    id: str
    fragment: str
    created_at_ms: int
    expires_at_ms: int

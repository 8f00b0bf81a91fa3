"""The audit log: who changed what through the administration, and when. A stream of bounded length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from app.core.errors import InvalidRequest
from app.store.connection import translated
from app.store.keys import StoreKeys

__all__ = ["MAX_AUDIT_ENTRIES", "AuditEntry", "AuditLog", "AuditOutcome"]

#: The oldest entries are deleted. Together, the entries take less than 5 MB in Redis.
MAX_AUDIT_ENTRIES: Final = 10_000
_CURSOR: Final = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


class AuditOutcome(StrEnum):
    """Whether an action was carried out. An action is unknown until its end, and for ever if the process was killed."""

    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An action of an administrator.

    Attributes:
        at_ms: Start of the action in Unix milliseconds.
        actor: Id of the admin key, or ``command-line`` for a command that wrote to Redis without the API.
        actor_name: Name of the key, or the user and the host of the command.
        address: Address of the client; None for a command.
        action: Operation id in the OpenAPI document.
        target: Path of the changed object.
        request_id: The request; None for a command.
    """

    at_ms: int
    actor: str
    actor_name: str
    address: str | None
    action: str
    target: str
    request_id: str | None
    outcome: AuditOutcome = AuditOutcome.UNKNOWN


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(AuditEntry).decode


class AuditLog:
    """Writes and reads the audit log. Every method raises StoreUnavailable if Redis does not answer."""

    def __init__(self, client: Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    async def start(self, entry: AuditEntry) -> str:
        """Write an entry before its action. If this fails, the action must not be carried out.

        Returns:
            Id of the entry.
        """
        with translated():
            entry_id: Any = await self._client.xadd(
                self._keys.audit, {"entry": _encode(entry)}, maxlen=MAX_AUDIT_ENTRIES, approximate=False
            )
        return str(entry_id.decode())

    async def complete(self, entry_id: str, entry: AuditEntry) -> None:
        """Replace an entry by the same one with its outcome, in one transaction."""
        with translated():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.xdel(self._keys.audit, entry_id)
                pipeline.xadd(self._keys.audit, {"entry": _encode(entry)}, maxlen=MAX_AUDIT_ENTRIES, approximate=False)
                await pipeline.execute()

    async def read_page(self, before: str | None, count: int) -> tuple[Sequence[AuditEntry], str | None]:
        """Return up to ``count`` entries, newest first, and the cursor of the next page; None on the last page.

        Raises:
            InvalidRequest: The cursor is invalid; names ``after``.
        """
        if before is not None and not _CURSOR.fullmatch(before):
            raise InvalidRequest("after", "must be the cursor of an earlier page")
        newest = "+" if before is None else f"({before}"
        with translated():
            rows: Any = await self._client.xrevrange(self._keys.audit, max=newest, count=count)
        entries = [_decode(fields[b"entry"]) for _, fields in rows]
        return entries, rows[-1][0].decode() if len(rows) == count else None

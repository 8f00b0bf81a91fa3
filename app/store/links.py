"""The short links of the web editor."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from app.core.callers import Caller
from app.core.errors import NotAllowed, NotFound, TooManyLinks
from app.core.links import Link
from app.store.connection import StoreScript, read_lua, translated
from app.store.keys import StoreKeys

__all__ = ["LinkLimits", "LinkStore"]

# 96 random bits are 16 characters.
_ID_BYTES: Final = 12
_MISSING: Final = "no short link has this id, or it has expired"


@dataclass(frozen=True, kw_only=True)
class LinkLimits:
    """Limits of short links.

    Attributes:
        ttl_seconds: How long a link is kept.
        per_key: Links that an API key may have at one time.
        per_address: Links that an address without an API key may have at one time.
        all_bytes: Bytes of all links together.
    """

    ttl_seconds: int
    per_key: int
    per_address: int
    all_bytes: int


class LinkStore:
    """Stores short links. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
        limits: The quotas, and the time for which a link is kept.
    """

    def __init__(self, client: Redis, keys: StoreKeys, limits: LinkLimits) -> None:
        self._client = client
        self._keys = keys
        self._limits = limits
        self._create = StoreScript(client, read_lua("create_link"))
        self._delete = StoreScript(client, read_lua("delete_link"))

    async def create(self, caller: Caller, fragment: str) -> Link:
        """Store a program.

        Raises:
            NotAllowed: Callers of this kind may not create short links.
            TooManyLinks: The caller, or all callers together, have reached their quota.
        """
        max_links = self._limits.per_address if caller.is_anonymous else self._limits.per_key
        if max_links == 0:
            kind = "without an API key " if caller.is_anonymous else ""
            raise NotAllowed(f"this server does not store short links of callers {kind}".rstrip())
        link_id, now_ms = secrets.token_urlsafe(_ID_BYTES), int(time.time() * 1000)
        expires_at_ms = now_ms + 1000 * self._limits.ttl_seconds
        args: list[str | int] = [
            link_id,
            caller.account,
            fragment,
            now_ms,
            expires_at_ms,
            max_links,
            self._limits.all_bytes,
        ]
        with translated():
            reply: Any = await self._create(self._script_keys(link_id, caller.account), args)
        if reply == b"account":
            raise TooManyLinks(f"at most {max_links} short links exist at one time for a caller; delete one")
        if reply == b"service":
            raise TooManyLinks("this server has no room for more short links")
        return Link(id=link_id, fragment=fragment, created_at_ms=now_ms, expires_at_ms=expires_at_ms)

    async def get(self, link_id: str) -> Link:
        """Return a short link. Raises NotFound."""
        key = self._keys.link(link_id)
        with translated():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.hmget(key, "fragment", "created_ms")
                pipeline.pexpiretime(key)
                (fragment, created_ms), expires_at_ms = await pipeline.execute()
        if fragment is None:
            raise NotFound(_MISSING)
        return Link(
            id=link_id, fragment=fragment.decode(), created_at_ms=int(created_ms), expires_at_ms=int(expires_at_ms)
        )

    async def delete(self, link_id: str, caller: Caller) -> None:
        """Delete a short link of the caller. Raises NotFound."""
        with translated():
            was_deleted: Any = await self._delete(self._script_keys(link_id, caller.account), [link_id, caller.account])
        if not was_deleted:
            raise NotFound(_MISSING)

    def _script_keys(self, link_id: str, account: str) -> list[str]:
        keys = self._keys
        return [keys.link(link_id), keys.owned_links(account), keys.link_expiry, keys.link_bytes]

"""API keys: the store contains the SHA-256 of a secret of 256 random bits.

A key is written ``pyxec_<id>_<secret>``. The id finds the record; the digest of the key is compared in constant time. A
reader of the store cannot recover a key, but can sign webhooks, because their secrets are stored as they are.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final

import cachetools
import msgspec
from redis.asyncio import Redis

from app.core.callers import TICKET_SECONDS, ApiKey, NewApiKey, RotatedApiKey
from app.core.errors import StoreUnavailable
from app.store.connection import StoreScript, read_lua, translated
from app.store.keys import StoreKeys

__all__ = ["ApiKeyStore", "decode_webhook_secret"]

_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 8
_CACHE_SECONDS: Final = 2.0
_MAX_CACHED_KEYS: Final = 4096
# The last use of a key is written once within this time by each process.
_USE_SECONDS: Final = 60.0
_MAX_ROTATION_ATTEMPTS: Final = 5
# The key in the configuration. It cannot be revoked through the API: the operator changes the configuration.
_OPERATOR: Final = ApiKey(id="operator", name="operator", tier="trusted", is_admin=True, created_at_ms=0)


class _StoredKey(msgspec.Struct, frozen=True):
    """A stored key. ``previous_digest`` is that of the text before a rotation, which is valid for a while."""

    key: ApiKey
    digest: bytes
    webhook_secret: str
    previous_digest: bytes = b""
    previous_expires_at_ms: int = 0


_decoder: Final = msgspec.msgpack.Decoder(_StoredKey)


class ApiKeyStore:
    """Creates, finds, rotates and revokes API keys. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
        random_bytes: Returns that many cryptographically secure bytes.
        operator_key: Text of an admin key that is not stored in Redis; None for no such key.
        now_ms: Returns the current time in Unix milliseconds.
    """

    def __init__(
        self,
        client: Redis,
        keys: StoreKeys,
        random_bytes: Callable[[int], bytes],
        operator_key: str | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._client = client
        self._keys = keys
        self._random_bytes = random_bytes
        self._operator_digest = None if operator_key is None else _digest(operator_key)
        self._now_ms = now_ms
        self._replace = StoreScript(client, read_lua("callers/replace_api_key"))
        self._cache: cachetools.TTLCache[str, _StoredKey] = cachetools.TTLCache(_MAX_CACHED_KEYS, _CACHE_SECONDS)
        self._used: cachetools.TTLCache[str, bool] = cachetools.TTLCache(_MAX_CACHED_KEYS, _USE_SECONDS)

    async def find(self, text: str) -> ApiKey | None:
        """Return the key with this text, or None. A revoked or replaced key can be found for 2 more seconds."""
        digest = _digest(text)
        if self._operator_digest is not None and hmac.compare_digest(digest, self._operator_digest):
            return _OPERATOR
        key_id = _parse_id(text)
        if key_id is None:
            return None
        now_ms = self._now_ms()
        stored = self._cache.get(key_id)
        if stored is None or not _accepts(stored, digest, now_ms):
            # Another process may have rotated the key.
            stored = await self._read_stored(key_id)
        if not _accepts(stored, digest, now_ms):
            return None
        assert stored is not None
        await self._record_use(stored.key.id, now_ms)
        return stored.key

    async def create(
        self, name: str, tier: str, is_admin: bool, now_ms: int, expires_in_seconds: int | None = None
    ) -> NewApiKey:
        """Create a key.

        Args:
            name: Name for people.
            tier: Name of a tier.
            is_admin: Whether the key gives access to the administration routes.
            now_ms: Unix time in milliseconds.
            expires_in_seconds: How long the key is valid; None for no limit.
        """
        key_id = self._random_bytes(_ID_BYTES).hex()
        text = self._create_text(key_id)
        expires_at_ms = None if expires_in_seconds is None else now_ms + 1000 * expires_in_seconds
        key = ApiKey(
            id=key_id, name=name, tier=tier, is_admin=is_admin, created_at_ms=now_ms, expires_at_ms=expires_at_ms
        )
        webhook_secret = f"whsec_{base64.b64encode(self._random_bytes(_SECRET_BYTES)).decode()}"
        stored = _StoredKey(key, _digest(text), webhook_secret)
        with translated():
            await _untyped(self._client.hset(self._keys.api_keys, key_id, msgspec.msgpack.encode(stored)))
        return NewApiKey(key=key, text=text, webhook_secret=stored.webhook_secret)

    async def rotate(self, key_id: str, grace_seconds: int) -> RotatedApiKey | None:
        """Replace the text of a key. Its id, jobs, files and webhook secret do not change.

        Args:
            key_id: Id of the key.
            grace_seconds: How long the previous text stays valid. The text before it becomes invalid at once.

        Returns:
            The key with its new text, or None if there is no key with this id.
        """
        for _ in range(_MAX_ROTATION_ATTEMPTS):
            with translated():
                value: Any = await _untyped(self._client.hget(self._keys.api_keys, key_id))
            if value is None:
                return None
            stored = _decoder.decode(value)
            text = self._create_text(key_id)
            rotated = msgspec.structs.replace(
                stored,
                digest=_digest(text),
                previous_digest=stored.digest if grace_seconds else b"",
                previous_expires_at_ms=self._now_ms() + 1000 * grace_seconds,
            )
            with translated():
                was_replaced = await self._replace(
                    [self._keys.api_keys], [key_id, value, msgspec.msgpack.encode(rotated)]
                )
            if was_replaced:
                self._cache.pop(key_id, None)
                expires_at_ms = rotated.previous_expires_at_ms if grace_seconds else None
                return RotatedApiKey(key=rotated.key, text=text, previous_expires_at_ms=expires_at_ms)
        raise StoreUnavailable("the key was changed by other requests at the same time")

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.hvals(self._keys.api_keys)
                pipeline.hgetall(self._keys.api_key_uses)
                values, uses = await pipeline.execute()
        keys = [_decoder.decode(value).key for value in values]
        last_uses = {key_id.decode(): int(used_at_ms) for key_id, used_at_ms in uses.items()}
        keys = [msgspec.structs.replace(key, last_used_at_ms=last_uses.get(key.id)) for key in keys]
        return sorted(keys, key=lambda key: (key.created_at_ms, key.id))

    async def revoke(self, key_id: str) -> bool:
        """Delete a key. Returns False if there is no key with this id."""
        with translated():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.hdel(self._keys.api_keys, key_id)
                pipeline.hdel(self._keys.api_key_uses, key_id)
                removed, _ = await pipeline.execute()
        self._cache.pop(key_id, None)
        return bool(removed)

    async def issue_ticket(self, key_id: str) -> str:
        """Create a ticket, which replaces a key for one WebSocket within TICKET_SECONDS."""
        ticket = self._create_secret()
        with translated():
            await self._client.set(self._keys.ticket(_digest(ticket).hex()), key_id, ex=TICKET_SECONDS)
        return ticket

    async def redeem_ticket(self, ticket: str) -> ApiKey | None:
        """Return the key of a ticket and delete the ticket. Returns None if the ticket or the key does not exist."""
        with translated():
            key_id: Any = await self._client.getdel(self._keys.ticket(_digest(ticket).hex()))
        if key_id is None:
            return None
        if key_id.decode() == _OPERATOR.id:
            return _OPERATOR
        stored = await self._read(key_id.decode())
        return None if stored is None or _is_expired(stored.key, self._now_ms()) else stored.key

    async def _record_use(self, key_id: str, now_ms: int) -> None:
        if key_id in self._used:
            return
        self._used[key_id] = True
        # A full server refuses the write. This is no reason to reject the caller.
        with contextlib.suppress(StoreUnavailable), translated():
            await _untyped(self._client.hset(self._keys.api_key_uses, key_id, now_ms))

    async def _read(self, key_id: str) -> _StoredKey | None:
        return self._cache.get(key_id) or await self._read_stored(key_id)

    async def _read_stored(self, key_id: str) -> _StoredKey | None:
        with translated():
            value: Any = await _untyped(self._client.hget(self._keys.api_keys, key_id))
        if value is None:
            self._cache.pop(key_id, None)
            return None
        stored = self._cache[key_id] = _decoder.decode(value)
        return stored

    def _create_text(self, key_id: str) -> str:
        return f"pyxec_{key_id}_{self._create_secret()}"

    def _create_secret(self) -> str:
        return base64.urlsafe_b64encode(self._random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()


def decode_webhook_secret(value: bytes) -> str:
    """Return the webhook secret of a stored key: ``whsec_`` and standard Base64.

    Keys of earlier versions contain it in URL-safe Base64.
    """
    secret = _decoder.decode(value).webhook_secret.removeprefix("whsec_")
    return f"whsec_{secret.translate(str.maketrans('-_', '+/'))}"


def _accepts(stored: _StoredKey | None, digest: bytes, now_ms: int) -> bool:
    """Return whether a key is valid and has a text with this digest.

    The comparisons take the same time for a key that does not exist.
    """
    nothing = bytes(len(digest))
    current, previous = (nothing, nothing) if stored is None else (stored.digest, stored.previous_digest or nothing)
    is_current, is_previous = hmac.compare_digest(digest, current), hmac.compare_digest(digest, previous)
    if stored is None or _is_expired(stored.key, now_ms):
        return False
    return is_current or (is_previous and now_ms < stored.previous_expires_at_ms)


def _is_expired(key: ApiKey, now_ms: int) -> bool:
    return key.expires_at_ms is not None and now_ms >= key.expires_at_ms


def _untyped(reply: Any) -> Any:
    # redis-py declares the same return type for the hash commands of its blocking and its asyncio client.
    return reply


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _parse_id(text: str) -> str | None:
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "pyxec" or len(parts[1]) != 2 * _ID_BYTES:
        return None
    return parts[1] if parts[1].isascii() and parts[1].isalnum() else None

"""API keys: the store contains the SHA-256 of a secret of 256 random bits.

A key is written ``pyxec_<id>_<secret>``. The id finds the record; the digest of the key is compared in constant time. A
reader of the store cannot recover a key, but can sign webhooks, because their secrets are stored as they are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final

import cachetools
import msgspec
from redis.asyncio import Redis

from app.core.callers import TICKET_SECONDS, ApiKey, NewApiKey
from app.store.connection import translated
from app.store.keys import StoreKeys

__all__ = ["ApiKeyStore", "decode_webhook_secret"]

_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 8
_CACHE_SECONDS: Final = 2.0
_MAX_CACHED_KEYS: Final = 4096
# The key in the configuration. It cannot be revoked through the API: the operator changes the configuration.
_OPERATOR: Final = ApiKey(id="operator", name="operator", tier="trusted", is_admin=True, created_at_ms=0)


class _StoredKey(msgspec.Struct, frozen=True):
    key: ApiKey
    digest: bytes
    webhook_secret: str


_decoder: Final = msgspec.msgpack.Decoder(_StoredKey)


class ApiKeyStore:
    """Creates, finds and revokes API keys. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
        random_bytes: Returns that many cryptographically secure bytes.
        operator_key: Text of an admin key that is not stored in Redis; None for no such key.
    """

    def __init__(
        self,
        client: Redis,
        keys: StoreKeys,
        random_bytes: Callable[[int], bytes],
        operator_key: str | None = None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._random_bytes = random_bytes
        self._operator_digest = None if operator_key is None else _digest(operator_key)
        self._cache: cachetools.TTLCache[str, _StoredKey] = cachetools.TTLCache(_MAX_CACHED_KEYS, _CACHE_SECONDS)

    async def find(self, text: str) -> ApiKey | None:
        """Return the key with this text, or None. A revoked key can be found for 2 more seconds."""
        digest = _digest(text)
        if self._operator_digest is not None and hmac.compare_digest(digest, self._operator_digest):
            return _OPERATOR
        key_id = _parse_id(text)
        stored = None if key_id is None else await self._read(key_id)
        # The comparison takes the same time for an id that does not exist.
        expected = stored.digest if stored is not None else bytes(len(digest))
        matches = hmac.compare_digest(digest, expected)
        return stored.key if stored is not None and matches else None

    async def create(self, name: str, tier: str, is_admin: bool, now_ms: int) -> NewApiKey:
        """Create a key.

        Args:
            name: Name for people.
            tier: Name of a tier.
            is_admin: Whether the key gives access to the administration routes.
            now_ms: Unix time in milliseconds.
        """
        key_id = self._random_bytes(_ID_BYTES).hex()
        text = f"pyxec_{key_id}_{self._create_secret()}"
        key = ApiKey(id=key_id, name=name, tier=tier, is_admin=is_admin, created_at_ms=now_ms)
        webhook_secret = f"whsec_{base64.b64encode(self._random_bytes(_SECRET_BYTES)).decode()}"
        stored = _StoredKey(key, _digest(text), webhook_secret)
        with translated():
            await _untyped(self._client.hset(self._keys.api_keys, key_id, msgspec.msgpack.encode(stored)))
        return NewApiKey(key=key, text=text, webhook_secret=stored.webhook_secret)

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        with translated():
            values: Any = await _untyped(self._client.hvals(self._keys.api_keys))
        keys = [_decoder.decode(value).key for value in values]
        return sorted(keys, key=lambda key: (key.created_at_ms, key.id))

    async def revoke(self, key_id: str) -> bool:
        """Delete a key. Returns False if there is no key with this id."""
        with translated():
            removed: Any = await _untyped(self._client.hdel(self._keys.api_keys, key_id))
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
        return None if stored is None else stored.key

    async def _read(self, key_id: str) -> _StoredKey | None:
        cached = self._cache.get(key_id)
        if cached is not None:
            return cached
        with translated():
            value: Any = await _untyped(self._client.hget(self._keys.api_keys, key_id))
        if value is None:
            return None
        stored = self._cache[key_id] = _decoder.decode(value)
        return stored

    def _create_secret(self) -> str:
        return base64.urlsafe_b64encode(self._random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()


def decode_webhook_secret(value: bytes) -> str:
    """Return the webhook secret of a stored key: ``whsec_`` and standard Base64.

    Keys of earlier versions contain it in URL-safe Base64.
    """
    secret = _decoder.decode(value).webhook_secret.removeprefix("whsec_")
    return f"whsec_{secret.translate(str.maketrans('-_', '+/'))}"


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

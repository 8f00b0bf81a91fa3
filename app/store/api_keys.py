"""API keys: of a key's secret only the SHA-256 is kept, which is enough for 256 random bits.

A key is written ``pyxec_<id>_<secret>``. The id finds the record; the secret is compared in constant time. Whoever
reads the store learns no key, but could sign webhooks: their secret has to be kept as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from app.core.callers import TICKET_SECONDS, ApiKey, NewApiKey
from app.store.connection import translated
from app.store.keys import StoreKeys

__all__ = ["ApiKeyStore", "webhook_secret_of"]

_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 8
_CACHE_SECONDS: Final = 2.0
_MOST_CACHED: Final = 4096
# The key that the operator configured. It cannot be revoked over HTTP: its file can be changed.
_OPERATOR: Final = ApiKey(id="operator", name="operator", tier="trusted", is_admin=True, created_at_ms=0)


class _Kept(msgspec.Struct, frozen=True):
    key: ApiKey
    digest: bytes
    webhook_secret: str


_decoder: Final = msgspec.msgpack.Decoder(_Kept)


class ApiKeyStore:
    """Implements app.core.callers.ApiKeys.

    Parameters:
        random_bytes: that many bytes nobody can guess.
        operator_key: the text of a key that is no record: the way in before there is any. None for no such key.
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
        self._cache: OrderedDict[str, tuple[float, _Kept]] = OrderedDict()

    async def find(self, text: str) -> ApiKey | None:
        """See the port."""
        digest = _digest(text)
        if self._operator_digest is not None and hmac.compare_digest(digest, self._operator_digest):
            return _OPERATOR
        key_id = _id_in(text)
        kept = None if key_id is None else await self._read(key_id)
        # One that does not exist takes as long as one that does.
        expected = kept.digest if kept is not None else bytes(len(digest))
        matches = hmac.compare_digest(digest, expected)
        return kept.key if kept is not None and matches else None

    async def create(self, name: str, tier: str, is_admin: bool, now_ms: int) -> NewApiKey:
        """See the port."""
        key_id = self._random_bytes(_ID_BYTES).hex()
        text = f"pyxec_{key_id}_{self._secret()}"
        key = ApiKey(id=key_id, name=name, tier=tier, is_admin=is_admin, created_at_ms=now_ms)
        kept = _Kept(key, _digest(text), f"whsec_{base64.b64encode(self._random_bytes(_SECRET_BYTES)).decode()}")
        with translated():
            await self._awaitable(self._client.hset(self._keys.api_keys, key_id, msgspec.msgpack.encode(kept)))
        return NewApiKey(key=key, text=text, webhook_secret=kept.webhook_secret)

    async def list(self) -> Sequence[ApiKey]:
        """See the port."""
        with translated():
            values: Any = await self._awaitable(self._client.hvals(self._keys.api_keys))
        found = [_decoder.decode(value).key for value in values]
        return sorted(found, key=lambda key: (key.created_at_ms, key.id))

    async def revoke(self, key_id: str) -> bool:
        """See the port."""
        with translated():
            removed: Any = await self._awaitable(self._client.hdel(self._keys.api_keys, key_id))
        self._cache.pop(key_id, None)
        return bool(removed)

    async def issue_ticket(self, key_id: str) -> str:
        """See the port."""
        ticket = self._secret()
        with translated():
            await self._client.set(self._keys.ticket(_digest(ticket).hex()), key_id, ex=TICKET_SECONDS)
        return ticket

    async def redeem_ticket(self, ticket: str) -> ApiKey | None:
        """See the port."""
        with translated():
            key_id: Any = await self._client.getdel(self._keys.ticket(_digest(ticket).hex()))
        if key_id is None:
            return None
        if key_id.decode() == _OPERATOR.id:
            return _OPERATOR
        kept = await self._read(key_id.decode())
        return None if kept is None else kept.key

    async def _read(self, key_id: str) -> _Kept | None:
        cached = self._cache.get(key_id)
        if cached is not None and time.monotonic() < cached[0]:
            return cached[1]
        with translated():
            value: Any = await self._awaitable(self._client.hget(self._keys.api_keys, key_id))
        self._cache.pop(key_id, None)
        if value is None:
            return None
        kept = _decoder.decode(value)
        self._cache[key_id] = (time.monotonic() + _CACHE_SECONDS, kept)
        while len(self._cache) > _MOST_CACHED:
            self._cache.popitem(last=False)
        return kept

    def _secret(self) -> str:
        return base64.urlsafe_b64encode(self._random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()

    @staticmethod
    def _awaitable(reply: Any) -> Any:
        # redis-py declares the replies of hash commands for both of its clients at once.
        return reply


def webhook_secret_of(value: bytes) -> str:
    """Return the webhook secret of an encoded record, ``whsec_`` and standard Base64.

    Records of earlier versions contain it in URL-safe Base64.
    """
    secret = _decoder.decode(value).webhook_secret.removeprefix("whsec_")
    return f"whsec_{secret.translate(str.maketrans('-_', '+/'))}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _id_in(text: str) -> str | None:
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "pyxec" or len(parts[1]) != 2 * _ID_BYTES:
        return None
    return parts[1] if parts[1].isascii() and parts[1].isalnum() else None

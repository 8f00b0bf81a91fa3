"""Which worker processes are there: each writes a key that runs out when it falls silent."""

from __future__ import annotations

from typing import Final

import redis

from app.store.keys import StoreKeys

__all__ = ["BEAT_SECONDS", "Presence"]

BEAT_SECONDS: Final = 5
# Three missed beats and some: by then the worker's leases have run out as well.
_GONE_SECONDS: Final = 20


class Presence:
    """One process' sign of life, and the question for others'."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    def beat(self, worker: str) -> None:
        """Say that ``worker`` is there."""
        self._client.set(self._keys.presence(worker), b"", ex=_GONE_SECONDS)

    def is_alive(self, worker: str) -> bool:
        """Whether it was heard of within the last 20 s. Raises what the client raises: no answer is not a no."""
        return bool(self._client.exists(self._keys.presence(worker)))

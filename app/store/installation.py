"""The id of an installation. It distinguishes installations that use one engine and the same namespace."""

from __future__ import annotations

import secrets
from typing import Any

import redis

from app.store.keys import StoreKeys

__all__ = ["read_installation"]


def read_installation(client: redis.Redis, keys: StoreKeys) -> str:
    """Return the id of the installation that uses this Redis and namespace. The first call creates it.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    with client.pipeline(transaction=True) as pipeline:
        pipeline.set(keys.installation, secrets.token_hex(8), nx=True)
        pipeline.get(keys.installation)
        reply: Any = pipeline.execute()[-1]
    return str(reply.decode())

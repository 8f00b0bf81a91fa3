"""How the store's commands are sent: each once, with one time-out to be answered in."""

from __future__ import annotations

import redis.asyncio.retry
from redis.asyncio import Redis
from redis.backoff import NoBackoff

from app.broker.connection import copy_pool

__all__ = ["send_once"]


def send_once(client: Redis) -> Redis:
    """A copy of the client, with connections of its own, that sends each command once.

    redis-py sends a command up to ten times more when its reply is late: a caller would wait eleven time-outs for his
    503, and input whose first reply was lost would arrive twice.
    """
    never = redis.asyncio.retry.Retry(NoBackoff(), 0)
    return Redis(connection_pool=copy_pool(client.connection_pool, retry=never))

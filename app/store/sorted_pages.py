"""Reads a sorted set of ids page by page, from the highest score to the lowest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis

from app.core.errors import InvalidRequest

__all__ = ["read_page"]

_CURSOR: Final = re.compile(r"([0-9]{1,15})-([A-Za-z0-9_-]{1,64})")


async def read_page(client: Redis, key: str, after: str | None, count: int) -> tuple[Sequence[str], str | None]:
    """Return ids, and the cursor of the next page or None.

    Args:
        client: Redis client.
        key: The sorted set. The scores are whole numbers, such as times in milliseconds.
        after: Cursor of the previous page; None for the first page. It stays valid if its id is removed or gets another
            score.
        count: Maximum number of ids.

    Raises:
        InvalidRequest: The cursor is invalid; names ``after``.
    """
    start = 0 if after is None else await _find_position(client, key, after)
    entries: Any = await client.zrevrange(key, start, start + count - 1, withscores=True)
    ids = [encoded_id.decode() for encoded_id, _ in entries]
    return ids, None if len(entries) < count else f"{int(entries[-1][1])}-{ids[-1]}"


async def _find_position(client: Redis, key: str, cursor: str) -> int:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidRequest("after", "must be the cursor of an earlier page")
    score, item_id = match.groups()
    if await client.zscore(key, item_id) == float(score):
        rank: Any = await client.zrevrank(key, item_id)
        if rank is not None:
            return int(rank) + 1
    higher: Any = await client.zcount(key, f"({score}", "+inf")
    return int(higher)

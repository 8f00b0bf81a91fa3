"""A caller's jobs, newest first, page by page.

A cursor is the time and the id of the last job that was looked at: it holds when that job, or any other, has gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from app.core.errors import InvalidRequest
from app.core.results import JobPage, JobSummary
from app.store.connection import translated
from app.store.keys import StoreKeys
from app.store.records import SUMMARY_FIELDS, decode_summary

__all__ = ["JobList"]

_CURSOR: Final = re.compile(r"([0-9]{1,16})-([A-Za-z0-9_-]{1,64})")
_CHUNK: Final = 100
# A filter that nothing passes must not read a caller's whole history in one request.
_MOST_CHUNKS: Final = 10

_Place = tuple[int, str]  # acceptance time in ms, id


class JobList:
    """Reads the index of an owner's jobs, and of each the few fields that a list shows."""

    def __init__(self, client: Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    async def page(self, owner: str, after: str | None, count: int, wanted: Callable[[JobSummary], bool]) -> JobPage:
        """List jobs of an owner, newest first."""
        place = None if after is None else _parse(after)
        found: list[JobSummary] = []
        for _ in range(_MOST_CHUNKS):
            places = await self._places_behind(self._keys.owned(owner), place)
            for place, summary in zip(places, await self._summaries(owner, places), strict=True):
                if summary is not None and wanted(summary):
                    found.append(summary)
                    if len(found) == count:
                        return JobPage(jobs=tuple(found), next=_format(place))
            if len(places) < _CHUNK:
                return JobPage(jobs=tuple(found), next=None)
        return JobPage(jobs=tuple(found), next=_format(place))

    async def _places_behind(self, key: str, place: _Place | None) -> list[_Place]:
        """The next ones, newest first. Those of one moment are in the reverse order of their ids."""
        places: list[_Place] = []
        offset = 0
        while len(places) < _CHUNK:
            batch = await self._read(key, "+inf" if place is None else place[0], offset)
            places += [one for one in batch if place is None or one < place]
            if len(batch) < _CHUNK:
                break
            offset += _CHUNK
        return places[:_CHUNK]

    async def _read(self, key: str, most: int | str, offset: int) -> list[_Place]:
        with translated():
            rows: Any = await self._client.zrevrangebyscore(
                key, most, "-inf", start=offset, num=_CHUNK, withscores=True
            )
        return [(int(score), name.decode()) for name, score in rows]

    async def _summaries(self, owner: str, places: Sequence[_Place]) -> list[JobSummary | None]:
        if not places:
            return []
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                for _, job_id in places:
                    pipeline.hmget(self._keys.record(job_id), SUMMARY_FIELDS)
                rows = await pipeline.execute()
        summaries = [decode_summary(job_id, row) for (_, job_id), row in zip(places, rows, strict=True)]
        await self._forget(owner, [place for place, summary in zip(places, summaries, strict=True) if summary is None])
        return summaries

    async def _forget(self, owner: str, expired: Sequence[_Place]) -> None:
        if expired:
            with translated():
                await self._client.zrem(self._keys.owned(owner), *(job_id for _, job_id in expired))


def _parse(cursor: str) -> _Place:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidRequest("after", "must be the cursor of an earlier page")
    return int(found[1]), found[2]


def _format(place: _Place | None) -> str | None:
    return None if place is None else f"{place[0]}-{place[1]}"

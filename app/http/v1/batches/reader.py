"""Reads the ends of the jobs of a streamed batch, from the position of a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.store.jobs.batches import Batch, BatchEntry, BatchStore

__all__ = ["BatchReader"]

_PAGE_ENTRIES: Final = 64


class BatchReader:
    """A position in the stream of a batch.

    Attributes:
        batch: The batch.
        ended: The indexes of the jobs whose ends were read, before the position too.
    """

    def __init__(self, batches: BatchStore, batch: Batch, after: str | None) -> None:
        self._batches = batches
        self._cursor = after
        self.batch = batch
        self.ended: set[int] = set()

    @property
    def is_complete(self) -> bool:
        """Whether the end of every job was read."""
        return len(self.ended) == self.batch.jobs

    async def start(self) -> None:
        """Read the ends before the position, so that each job is reported once."""
        after = self._cursor
        await self._batches.read(self.batch.id, after, 1)  # raises InvalidRequest
        cursor = None
        while after is not None and (page := await self._batches.read(self.batch.id, cursor, 1000)):
            sent = [entry for entry in page if _entry_key(entry.cursor) <= _entry_key(after)]
            self.ended.update(entry.index for entry in sent)
            if len(sent) < len(page):
                return
            cursor = page[-1].cursor

    async def read(self) -> Sequence[BatchEntry]:
        """Return the next entries, without those of jobs that were reported. Empty only if there are none now."""
        while page := await self._batches.read(self.batch.id, self._cursor, _PAGE_ENTRIES):
            self._cursor = page[-1].cursor
            new: list[BatchEntry] = []
            for entry in page:
                if entry.index not in self.ended:
                    self.ended.add(entry.index)
                    new.append(entry)
            if new:
                return new
        return ()


def _entry_key(cursor: str) -> tuple[int, int]:
    milliseconds, _, sequence = cursor.partition("-")
    return int(milliseconds), int(sequence or 0)

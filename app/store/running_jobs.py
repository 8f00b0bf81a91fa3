"""What runs: the part of jobs' records that tells it without their programs, which may be megabytes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis

from app.store.keys import StoreKeys
from app.store.records import About

__all__ = ["RunningJob", "RunningJobs"]

_about_decoder: Final = msgspec.msgpack.Decoder(About)


class RunningJob(msgspec.Struct, frozen=True):
    """``seconds`` since it was begun, by the clocks of two hosts, so that it is about right; None when it was not."""

    language: str
    seconds: float | None


class RunningJobs:
    """For blocking code. Raises what the client raises."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys

    def of(self, job_ids: Sequence[str]) -> dict[str, RunningJob]:
        """Those of them whose records are there."""
        with self._client.pipeline(transaction=False) as pipeline:
            for job_id in job_ids:
                pipeline.hmget(self._keys.record(job_id), ["about", "started_at_ms"])
            rows: list[list[Any]] = pipeline.execute()
        return {
            job_id: RunningJob(_about_decoder.decode(about).language, _seconds_since(started_at_ms))
            for job_id, (about, started_at_ms) in zip(job_ids, rows, strict=True)
            if about is not None
        }


def _seconds_since(unix_ms: bytes | None) -> float | None:
    return None if unix_ms is None else round(max(0.0, time.time() - int(unix_ms) / 1000), 1)

"""The metrics of all processes in Redis: one hash with the totals, and one with the gauges of each live process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import redis
from redis.asyncio import Redis

from app.store.connection import translated
from app.store.keys import StoreKeys
from app.telemetry.metrics import Meter, Sample
from pyxec.version import VERSION

__all__ = ["PUBLISH_SECONDS", "MetricStore", "publish_metrics"]

PUBLISH_SECONDS: Final = 2.0
_GAUGES_EXPIRE_SECONDS: Final = 15.0


class _ProcessGauges(msgspec.Struct, frozen=True):
    """The gauges of one process. ``published_at`` is a Unix time in seconds."""

    published_at: float
    values: tuple[tuple[Sample, float], ...]


_sample_decoder: Final = msgspec.json.Decoder(Sample)
_gauges_decoder: Final = msgspec.json.Decoder(_ProcessGauges)


def publish_metrics(client: redis.Redis, keys: StoreKeys, process: str, meter: Meter) -> None:
    """Publish the metrics of a worker process. Blocks.

    Raises:
        redis.RedisError: Redis did not answer. The meter keeps the increments.
    """
    increments = meter.take_increments()
    try:
        with client.pipeline(transaction=True) as pipeline:
            _queue_commands(pipeline, keys, process, increments, meter.gauges())
            pipeline.execute()
    except BaseException:
        meter.restore(increments)
        raise


class MetricStore:
    """Publishes the metrics of a gateway and reads those of all processes.

    Args:
        client: Redis client.
        keys: Key names.
        process: Name of this process, unique among all processes.
        max_backlog: Number of queued jobs from which on submissions are rejected.
    """

    def __init__(self, client: Redis, keys: StoreKeys, process: str, max_backlog: int = 0) -> None:
        self._max_backlog = max_backlog
        self._client = client
        self._keys = keys
        self._process = process

    async def publish(self, meter: Meter) -> None:
        """Publish the metrics of this process.

        Raises:
            StoreUnavailable: Redis did not answer. The meter keeps the increments.
        """
        increments = meter.take_increments()
        try:
            with translated():
                async with self._client.pipeline(transaction=True) as pipeline:
                    _queue_commands(pipeline, self._keys, self._process, increments, meter.gauges())
                    await pipeline.execute()
        except BaseException:
            meter.restore(increments)
            raise

    async def read(self) -> dict[Sample, float]:
        """Return the totals of all processes, the sums of the gauges of all live processes, and the memory of Redis.

        Raises:
            StoreUnavailable: Redis did not answer.
        """
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.hgetall(self._keys.metrics)
                pipeline.hgetall(self._keys.gauges)
                pipeline.info("memory")
                totals, gauges, memory = await pipeline.execute()
        values: dict[Sample, float] = defaultdict(float)
        values[Sample("pyxec_build_info", (VERSION,))] = 1
        values[Sample("pyxec_max_backlog", ())] = self._max_backlog
        values[Sample("pyxec_redis_memory_bytes", ())] = memory.get("used_memory", 0)
        values[Sample("pyxec_redis_memory_max_bytes", ())] = memory.get("maxmemory", 0)
        for name, value in totals.items():
            values[_sample_decoder.decode(name)] += float(value)
        expired = []
        for process, encoded in gauges.items():
            process_gauges = _decode_gauges(encoded)
            if process_gauges is None:
                expired.append(process)
                continue
            for sample, number in process_gauges.values:
                values[sample] += number
        if expired:
            with translated():
                await self._delete_gauges(expired)
        return values

    async def gauges(self) -> dict[str, dict[Sample, float]]:
        """Return the gauges of each live process, by its name. Raises StoreUnavailable."""
        with translated():
            reply: Any = self._client.hgetall(self._keys.gauges)
            encoded_gauges: Any = await reply
        decoded = {name.decode(): _decode_gauges(encoded) for name, encoded in encoded_gauges.items()}
        return {name: dict(gauges.values) for name, gauges in decoded.items() if gauges is not None}

    async def _delete_gauges(self, processes: list[Any]) -> None:
        reply: Any = self._client.hdel(self._keys.gauges, *processes)
        await reply


def _decode_gauges(encoded: bytes) -> _ProcessGauges | None:
    """Return the gauges of a process, or None if it has ended or has another version of Pyxec."""
    try:
        gauges = _gauges_decoder.decode(encoded)
    except msgspec.DecodeError:
        return None
    return gauges if gauges.published_at >= time.time() - _GAUGES_EXPIRE_SECONDS else None


def _queue_commands(
    pipeline: Any, keys: StoreKeys, process: str, increments: Mapping[Sample, float], gauges: Mapping[Sample, float]
) -> None:
    for sample, value in increments.items():
        pipeline.hincrbyfloat(keys.metrics, msgspec.json.encode(sample), value)
    if gauges:
        pipeline.hset(keys.gauges, process, msgspec.json.encode(_ProcessGauges(time.time(), tuple(gauges.items()))))

"""The figures of all processes: totals are added up in one hash, gauges are kept for each process while it is there."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import redis
from redis.asyncio import Redis

from app.core.metrics import Meter, Sample
from app.store.errors import translated
from app.store.keys import StoreKeys

__all__ = ["PUBLISH_SECONDS", "MetricStore", "publish_metrics"]

PUBLISH_SECONDS: Final = 2.0
_SILENT_SECONDS: Final = 15.0


class _Gauges(msgspec.Struct, frozen=True):
    told_at: float
    values: tuple[tuple[Sample, float], ...]


_sample_decoder: Final = msgspec.json.Decoder(Sample)
_gauges_decoder: Final = msgspec.json.Decoder(_Gauges)


def publish_metrics(client: redis.Redis, keys: StoreKeys, process: str, meter: Meter) -> None:
    """For blocking code. Raises what the client raises; what was not handed on is kept for the next time."""
    taken = meter.take()
    try:
        with client.pipeline(transaction=True) as pipeline:
            _fill(pipeline, keys, process, taken, meter.gauges())
            pipeline.execute()
    except BaseException:
        meter.put_back(taken)
        raise


class MetricStore:
    """Implements app.core.metrics.MetricStore.

    Parameters:
        process: a name no other process has.
    """

    def __init__(self, client: Redis, keys: StoreKeys, process: str) -> None:
        self._client = client
        self._keys = keys
        self._process = process

    async def publish(self, meter: Meter) -> None:
        """See the port."""
        taken = meter.take()
        try:
            with translated():
                async with self._client.pipeline(transaction=True) as pipeline:
                    _fill(pipeline, self._keys, self._process, taken, meter.gauges())
                    await pipeline.execute()
        except BaseException:
            meter.put_back(taken)
            raise

    async def read(self) -> dict[Sample, float]:
        """See the port."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.hgetall(self._keys.metrics)
                pipeline.hgetall(self._keys.gauges)
                totals, gauges = await pipeline.execute()
        figures: dict[Sample, float] = defaultdict(float)
        for name, value in totals.items():
            figures[_sample_decoder.decode(name)] += float(value)
        silent = []
        for process, value in gauges.items():
            told = _gauges_decoder.decode(value)
            if told.told_at < time.time() - _SILENT_SECONDS:
                silent.append(process)
                continue
            for sample, number in told.values:
                figures[sample] += number
        if silent:
            with translated():
                await self._forget(silent)
        return figures

    async def _forget(self, processes: list[Any]) -> None:
        reply: Any = self._client.hdel(self._keys.gauges, *processes)
        await reply


def _fill(
    pipeline: Any, keys: StoreKeys, process: str, taken: Mapping[Sample, float], gauges: Mapping[Sample, float]
) -> None:
    for sample, value in taken.items():
        pipeline.hincrbyfloat(keys.metrics, msgspec.json.encode(sample), value)
    if gauges:
        pipeline.hset(keys.gauges, process, msgspec.json.encode(_Gauges(time.time(), tuple(gauges.items()))))

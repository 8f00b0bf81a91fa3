"""Messages that come again and again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from dramatiq import Message

from app.broker import StreamsBroker
from app.store.keys import JOBS_QUEUE, RUN_JOB, StoreKeys
from tests.drill.load import Load
from tests.drill.site import Site

__all__ = ["delivered_ten_times"]

_TIMES = 10


def delivered_ten_times(sweeps: int) -> Callable[[Site, Load, random.Random], str]:
    """Taken from living workers in the middle of their jobs; and, once they have a result, enqueued ten times more."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        for _ in range(sweeps):
            time.sleep(0.3)
            _take_all(site)
        keys, client = StoreKeys(site.stack.namespace), site.judge.client
        attempts = [int(client.hget(keys.record(job_id), "attempt") or 0) for job_id in list(load.accepted)]
        finished = [job_id for job_id in list(load.accepted) if client.hexists(keys.record(job_id), "result")]
        for job_id in finished:
            for _ in range(_TIMES):
                message: Message[Any] = Message(JOBS_QUEUE, RUN_JOB, (job_id,), {}, {})
                site.judge.enqueue(message)
        return f"up to {max(attempts)} attempts of one job; {len(finished)} finished jobs delivered {_TIMES} times more"

    return act


def _take_all(site: Site) -> None:
    """As if every lease had run out."""
    hasty = StreamsBroker(url=site.stack.redis_url, namespace=site.stack.namespace, lease_ms=1, max_deliveries=100)
    hasty.recover(JOBS_QUEUE)
    hasty.close()

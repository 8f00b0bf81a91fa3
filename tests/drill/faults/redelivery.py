"""Messages that are delivered repeatedly."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from dramatiq import Message

from app.broker import StreamsBroker
from app.store.keys import JOBS_QUEUE, RUN_JOB, StoreKeys
from tests.broker.delivery import expire
from tests.drill.deployment import Deployment
from tests.drill.load import Load

__all__ = ["delivered_ten_times"]

_TIMES = 10


def delivered_ten_times(sweeps: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Take all messages from live workers repeatedly, and enqueue the messages of finished jobs ten more times."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        for _ in range(sweeps):
            time.sleep(0.3)
            _recover_held_messages(deployment)
        keys, client = StoreKeys(deployment.stack.namespace), deployment.broker.client
        attempts = [int(client.hget(keys.record(job_id), "attempt") or 0) for job_id in list(load.accepted)]
        finished = [job_id for job_id in list(load.accepted) if client.hexists(keys.record(job_id), "result")]
        for job_id in finished:
            for _ in range(_TIMES):
                message: Message[Any] = Message(JOBS_QUEUE, RUN_JOB, (job_id,), {}, {})
                deployment.broker.enqueue(message)
        return f"up to {max(attempts)} attempts of one job; {len(finished)} finished jobs delivered {_TIMES} times more"

    return inject


def _recover_held_messages(deployment: Deployment) -> None:
    """Recover all held messages, as if every lease had expired."""
    other_broker = StreamsBroker(
        url=deployment.stack.redis_url, namespace=deployment.stack.namespace, max_deliveries=100
    )
    expire(other_broker, JOBS_QUEUE)
    other_broker.recover(JOBS_QUEUE)
    other_broker.close()

"""A Redis server that is killed, suspended or out of memory."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.load import Load

__all__ = ["frozen", "killed", "out_of_memory"]

#: Share of the memory limit above which new jobs are rejected.
_NEARLY_FULL = 0.92
_BALLAST_BYTES = 20_000_000
_SUSPENDED_LEASES = 0.9


def killed(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill Redis and restart it on its data up to a second later."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        for _ in range(times):
            time.sleep(1 + rng.random() * 2)
            deployment.server.kill()
            time.sleep(rng.random())
            deployment.server.start()
        return f"{times} kills"

    return inject


def frozen(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Suspend Redis for longer than every lease, while workers and programs continue."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        time.sleep(2)
        held = deployment.count_held()
        deployment.server.signal(signal.SIGSTOP)
        time.sleep(seconds)
        deployment.server.signal(signal.SIGCONT)
        return f"{seconds:g} s, leases of {deployment.lease_ms / 1000:g} s, {held} jobs held"

    return inject


def out_of_memory(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Reduce the memory limit of Redis.

    Nearly full: accepted jobs finish, new ones are rejected. Entirely full: jobs that are running still finish.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        client = deployment.broker.client
        client.set("ballast", b"x" * _BALLAST_BYTES)  # so that buffers of connections are a small part
        _accumulate_jobs(deployment)
        nearly = _limit_memory(deployment, load, 1 / _NEARLY_FULL, seconds)
        entirely = _limit_memory(deployment, load, 1.0, seconds / 2)
        client.config_set("maxmemory", 0)
        client.delete("ballast")
        return f"nearly full {nearly}; entirely full {entirely}"

    return inject


def _accumulate_jobs(deployment: Deployment) -> None:
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for worker in deployment.workers:
            worker.signal(number)
        time.sleep(_SUSPENDED_LEASES * deployment.lease_ms / 1000 if number == signal.SIGSTOP else 0)


def _limit_memory(deployment: Deployment, load: Load, share: float, seconds: float) -> str:
    """Set the memory limit to a share of the used memory for some time and describe the effects."""
    client = deployment.broker.client
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * share))
    rejections, finished, waiting = load.rejections, deployment.count_finished(), deployment.count_unfinished()
    time.sleep(seconds)
    finished = deployment.count_finished() - finished
    rejections = load.rejections - rejections
    return f"for {seconds:g} s: {rejections} submissions rejected, {finished} of {waiting} jobs finished"

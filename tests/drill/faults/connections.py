"""Connections to Redis that are cut or lose data, and an API that is killed before its response."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from app.store.keys import RUN_JOB
from tests.drill.deployment import Deployment
from tests.drill.links import ProxyLink, VethLink
from tests.drill.load import Load
from tests.stack import eventually

__all__ = ["api_cut", "api_killed", "lossy", "worker_cut", "worker_cut_one_way"]

_LOSSES = ("lose_requests", "lose_replies")
#: Only for the API: a submission that is executed twice is one job. Output that is written twice is duplicated
#: (docs/reliability.md).
_REPEATABLE = (*_LOSSES, "repeat_requests")


def worker_cut(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Cut the link of a worker, which continues to run with its programs, for longer than its lease."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        seconds = 2.5 * deployment.lease_ms / 1000
        for _ in range(times):
            time.sleep(1.5)
            link = rng.choice(deployment.workers).link
            link.cut()
            time.sleep(seconds)
            link.restore()
        return f"{times} cuts of {seconds:g} s, leases of {deployment.lease_ms / 1000:g} s"

    return inject


def worker_cut_one_way(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Drop the packets of a worker to Redis, then those from Redis to the worker, for longer than its lease."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        seconds = 2.5 * deployment.lease_ms / 1000
        for _ in range(times):
            for cut in (VethLink.cut_to_server, VethLink.cut_from_server, VethLink.cut):
                time.sleep(1.5)
                link = rng.choice(deployment.workers).link
                assert isinstance(link, VethLink)
                cut(link)
                time.sleep(seconds)
                link.restore()
        lease_seconds = deployment.lease_ms / 1000
        return f"{times} times each way and {times} times both ways, {seconds:g} s each, leases of {lease_seconds:g} s"

    return inject


def api_cut(times: int, seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Cut the link of the API. Clients get 503 and retry."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        for _ in range(times):
            time.sleep(1.5)
            deployment.api_link.cut()
            time.sleep(seconds)
            deployment.api_link.restore()
        return f"{times} cuts of {seconds:g} s, {load.rejections} rejections"

    return inject


def lossy(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Lose data on the links of the API and of the workers."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert isinstance(deployment.api_link, ProxyLink)
        for _ in range(times):
            time.sleep(rng.random() * 0.8)
            proxy = rng.choice(deployment.proxies).proxy
            losses = _REPEATABLE if deployment.api_link.proxy is proxy else _LOSSES
            setattr(proxy, rng.choice(losses), rng.randint(1, 2))
        return f"{times} losses, {load.rejections} rejections"

    return inject


def api_killed(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill the API when Redis has executed a submission and the reply is held back. Clients retry with the same key."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        link, unanswered = deployment.api_link, 0
        assert isinstance(link, ProxyLink)
        for _ in range(times):
            time.sleep(1.0)
            link.hold_reply_to(RUN_JOB.encode())
            eventually(lambda: link.holds_replies, 20, 0.01)
            eventually(lambda: deployment.job_ids() - load.accepted.keys() - deployment.accepted.keys(), 5, 0.01)
            unanswered += len(deployment.job_ids() - load.accepted.keys() - deployment.accepted.keys())
            deployment.api.kill()
            link.restore()
            deployment.start_api()
        return f"{times} kills, {unanswered} submissions without a response, {load.rejections} rejections"

    return inject

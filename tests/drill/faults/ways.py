"""The ways to Redis cut or lossy, and an API that dies while an answer is on its way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from app.store.keys import RUN_JOB
from tests.drill.links import ProxyLink
from tests.drill.load import Load
from tests.drill.site import Site
from tests.stack import eventually

__all__ = ["api_cut", "api_killed", "lossy", "worker_cut"]

_LOSSES = ("lose_requests", "lose_replies")
#: A submission executed twice is one job. A worker's output executed twice is there twice: docs/reliability.md.
_REPEATABLE = (*_LOSSES, "repeat_requests")


def worker_cut(times: int) -> Callable[[Site, Load, random.Random], str]:
    """The worker lives on, with its programs, and knows of nothing but silence."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        seconds = 2.5 * site.lease_ms / 1000
        for _ in range(times):
            time.sleep(1.5)
            link = chance.choice(site.members).link
            link.cut()
            time.sleep(seconds)
            link.mend()
        return f"{times} cuts of {seconds:g} s, leases of {site.lease_ms / 1000:g} s"

    return act


def api_cut(times: int, seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """Clients are told 503, and try again."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        for _ in range(times):
            time.sleep(1.5)
            site.api_link.cut()
            time.sleep(seconds)
            site.api_link.mend()
        return f"{times} cuts of {seconds:g} s, {load.refusals} refusals"

    return act


def lossy(moments: int) -> Callable[[Site, Load, random.Random], str]:
    """Of the API and of the workers, at once."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        assert isinstance(site.api_link, ProxyLink)
        for _ in range(moments):
            time.sleep(chance.random() * 0.8)
            proxy = chance.choice(site.proxies).proxy
            losses = _REPEATABLE if site.api_link.proxy is proxy else _LOSSES
            setattr(proxy, chance.choice(losses), chance.randint(1, 2))
        return f"{moments} losses, {load.refusals} refusals"

    return act


def api_killed(times: int) -> Callable[[Site, Load, random.Random], str]:
    """Redis does as asked, the answer stays on its way, the API dies. The client asks again, by the same name."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        link, unanswered = site.api_link, 0
        assert isinstance(link, ProxyLink)
        for _ in range(times):
            time.sleep(1.0)
            link.hold_reply_to(RUN_JOB.encode())
            eventually(lambda: link.holds_replies, 20, 0.01)
            eventually(lambda: site.job_ids() - load.accepted.keys() - site.accepted.keys(), 5, 0.01)
            unanswered += len(site.job_ids() - load.accepted.keys() - site.accepted.keys())
            site.api.kill()
            link.mend()
            site.start_api()
        return f"{times} kills, {unanswered} submissions written and not answered, {load.refusals} refusals"

    return act

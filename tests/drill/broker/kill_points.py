"""The broker alone: kill what can be killed at random moments, then count.

At each point one thing happens, chosen at random, while messages are enqueued, run, retried and recovered. In the end
nothing may be lost and nothing may have ended twice.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.broker import BrokerUnavailable
from tests.drill.broker.site import LEASE_MS, Site
from tests.drill.checker import History, violations

__all__ = ["Report", "drill"]

_WORKERS = 3
_MESSAGES_PER_POINT = 8
_SETTLING_SECONDS = 60.0


@dataclass(frozen=True)
class Report:
    """What was done, and what came of it."""

    seed: int
    seconds: float
    points: Counter[str]
    history: History
    started_again: int
    most_starts: int

    @property
    def violations(self) -> list[str]:
        return violations(self.history)

    def table(self) -> str:
        """For people."""
        rows = [*((f"point: {name}", count) for name, count in sorted(self.points.items()))]
        rows += [("points in all", self.points.total()), ("accepted", len(self.history.accepted))]
        rows += [("finished", len(self.history.finished)), ("dead", len(self.history.dead))]
        rows += [("started more than once", self.started_again), ("most starts of one", self.most_starts)]
        rows += [("left over", self.history.left), ("violations", len(self.violations))]
        rows += [("seconds", round(self.seconds)), ("seed", self.seed)]
        return "\n".join(f"  {name:<36}{count:>8}" for name, count in rows)


def drill(folder: Path, points: int, seed: int) -> Report:
    """Run one drill; the server's data goes to `folder`."""
    chance, started = random.Random(seed), time.monotonic()
    done: Counter[str] = Counter()
    with Site(folder, _WORKERS) as site:
        for _ in range(points):
            for _ in range(_MESSAGES_PER_POINT):
                site.enqueue(chance.choice(["interactive", "batch"]), chance.choice([None, None, None, 50, 500]))
            time.sleep(chance.random() * 0.5)
            name = chance.choices(list(_POINTS), [weight for weight, _ in _POINTS.values()])[0]
            _POINTS[name][1](site, chance)
            done[name] += 1
        history = site.settle(_SETTLING_SECONDS)
        starts = site.starts()
    again = sum(count > 1 for count in starts)
    return Report(seed, time.monotonic() - started, done, history, again, max(starts, default=0))


def _kill(site: Site, chance: random.Random) -> None:
    member = chance.choice(site.members)
    member.kill()
    member.start()


def _freeze(site: Site, chance: random.Random) -> None:
    """Suspended for less or more than a lease; the others go on meanwhile."""
    process = chance.choice(site.members).process
    process.send_signal(signal.SIGSTOP)
    thaw = threading.Timer(chance.random() * 2.5 * LEASE_MS / 1000, process.send_signal, [signal.SIGCONT])
    thaw.daemon = True
    thaw.start()


def _kill_server(site: Site, chance: random.Random) -> None:
    site.restart_server(chance.random() * 0.5)


def _meddle(what: str) -> Callable[[Site, random.Random], None]:
    def meddle(site: Site, chance: random.Random) -> None:
        for proxy in chance.sample([site.producers_proxy, *(member.proxy for member in site.members)], 3):
            setattr(proxy, what, chance.randint(1, 3))

    return meddle


def _sweep_at_once(site: Site, chance: random.Random) -> None:
    """Four that recover and promote at the same time, as several schedulers would."""

    def sweep() -> None:
        try:
            site.judge.recover("default")
            site.judge.promote("default")
        except BrokerUnavailable:
            return

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


#: Weight, and what is done.
_POINTS: dict[str, tuple[int, Callable[[Site, random.Random], None]]] = {
    "kill -9 a worker": (5, _kill),
    "SIGSTOP, later SIGCONT": (5, _freeze),
    "kill -9 the server": (2, _kill_server),
    "drop before execution": (3, _meddle("lose_requests")),
    "drop the reply": (3, _meddle("lose_replies")),
    "execute a request twice": (3, _meddle("repeat_requests")),
    "four sweeps at once": (1, _sweep_at_once),
}

"""The drill of the broker without sandboxes: random faults at random times.

At each point, one random fault is injected while messages are enqueued, run, retried and recovered. At the end, no
message may be lost, and none may have ended twice.
"""

from __future__ import annotations

import dataclasses
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.broker import BrokerUnavailable
from tests.broker.delivery import promote
from tests.drill.broker.deployment import LEASE_MS, Deployment
from tests.drill.checker import History, violations

__all__ = ["Report", "drill"]

_WORKERS = 3
_MESSAGES_PER_POINT = 8
_SETTLING_SECONDS = 60.0


@dataclass(frozen=True)
class Report:
    """The result of a drill.

    Attributes:
        seed: Seed of the random numbers.
        seconds: Duration.
        points: Number of injected faults by name.
        history: How the messages ended.
        most_starts: Largest number of starts of one message.
    """

    seed: int
    seconds: float
    points: Counter[str]
    history: History
    most_starts: int

    @property
    def violations(self) -> list[str]:
        return violations(self.history)

    def table(self) -> str:
        """Return the result as a table."""
        rows = [*((f"point: {name}", count) for name, count in sorted(self.points.items()))]
        rows += [("points in all", self.points.total()), ("accepted", len(self.history.accepted))]
        rows += [("finished", len(self.history.finished)), ("dead", len(self.history.dead))]
        rows += [("started more than once", self.history.restarted), ("most starts of one", self.most_starts)]
        rows += [("left over", self.history.left), ("violations", len(self.violations))]
        rows += [("seconds", round(self.seconds)), ("seed", self.seed)]
        return "\n".join(f"  {name:<36}{count:>8}" for name, count in rows)


def drill(folder: Path, points: int, seed: int) -> Report:
    """Run a drill.

    Args:
        folder: For the data of the server.
        points: Number of faults.
        seed: Seed of the random numbers. The times of the faults are not reproducible.
    """
    rng, started = random.Random(seed), time.monotonic()
    done: Counter[str] = Counter()
    with Deployment(folder, _WORKERS) as deployment:
        for _ in range(points):
            for _ in range(_MESSAGES_PER_POINT):
                deployment.enqueue(rng.choice(["interactive", "batch"]), rng.choice([None, None, None, 50, 500]))
            time.sleep(rng.random() * 0.5)
            name = rng.choices(list(_POINTS), [weight for weight, _ in _POINTS.values()])[0]
            _POINTS[name][1](deployment, rng)
            done[name] += 1
        history = deployment.settle(_SETTLING_SECONDS)
        starts = deployment.starts()
    history = dataclasses.replace(history, restarted=sum(count > 1 for count in starts))
    return Report(seed, time.monotonic() - started, done, history, max(starts, default=0))


def _kill(deployment: Deployment, rng: random.Random) -> None:
    worker = rng.choice(deployment.workers)
    worker.kill()
    worker.start()


def _freeze(deployment: Deployment, rng: random.Random) -> None:
    """Suspend a worker for up to two and a half leases, while the others continue."""
    process = rng.choice(deployment.workers).process
    process.send_signal(signal.SIGSTOP)
    thaw = threading.Timer(rng.random() * 2.5 * LEASE_MS / 1000, process.send_signal, [signal.SIGCONT])
    thaw.daemon = True
    thaw.start()


def _kill_server(deployment: Deployment, rng: random.Random) -> None:
    deployment.restart_server(rng.random() * 0.5)


def _disturb_proxies(disturbance: str) -> Callable[[Deployment, random.Random], None]:
    def inject(deployment: Deployment, rng: random.Random) -> None:
        for proxy in rng.sample([deployment.producers_proxy, *(worker.proxy for worker in deployment.workers)], 3):
            setattr(proxy, disturbance, rng.randint(1, 3))

    return inject


def _recover_concurrently(deployment: Deployment, rng: random.Random) -> None:
    """Recover and promote in four threads at the same time, as several schedulers would."""

    def recover() -> None:
        try:
            deployment.broker.recover("default")
            promote(deployment.broker)
        except BrokerUnavailable:
            return

    threads = [threading.Thread(target=recover) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


#: Weight and function of each fault.
_POINTS: dict[str, tuple[int, Callable[[Deployment, random.Random], None]]] = {
    "kill -9 a worker": (5, _kill),
    "SIGSTOP, later SIGCONT": (5, _freeze),
    "kill -9 the server": (2, _kill_server),
    "drop before execution": (3, _disturb_proxies("lose_requests")),
    "drop the reply": (3, _disturb_proxies("lose_replies")),
    "execute a request twice": (3, _disturb_proxies("repeat_requests")),
    "four concurrent recoveries": (1, _recover_concurrently),
}

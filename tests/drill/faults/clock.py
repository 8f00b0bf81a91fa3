"""Clocks that are set while processes run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.load import Load

__all__ = ["stepped"]


def stepped(pause_seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Set the clock of the workers and that of Redis an hour ahead and an hour back from the time of the machine.

    A worker is killed after each change.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        workers, server = deployment.workers_clock, deployment.server_clock
        steps = [(workers, 3600), (workers, 0), (workers, -3600), (server, 3600), (server, 0), (server, -3600)]
        for clock, offset_seconds in steps:
            time.sleep(pause_seconds)
            clock.step(offset_seconds)
            time.sleep(pause_seconds)
            worker = rng.choice(deployment.workers)
            deployment.kill(worker)
            deployment.start(worker)
        return f"{len(steps)} changes of an hour, {len(steps)} kills"

    return inject

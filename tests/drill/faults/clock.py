"""Clocks that are set while processes run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.load import Load

__all__ = ["stepped"]


def stepped(pause_seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Set the clock of the workers an hour ahead and an hour back, then that of Redis an hour ahead.

    A worker is killed after each change.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        steps = [(deployment.workers_clock, 3600), (deployment.workers_clock, -3600), (deployment.server_clock, 3600)]
        for clock, offset_seconds in steps:
            time.sleep(pause_seconds)
            clock.step(offset_seconds)
            time.sleep(pause_seconds)
            worker = rng.choice(deployment.workers)
            deployment.kill(worker)
            deployment.start(worker)
        return "3 changes, 3 kills"

    return inject

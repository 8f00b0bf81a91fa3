"""A Docker Engine that is down or does not answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.load import Load

__all__ = ["hung", "restarted"]


def restarted() -> Callable[[Deployment, Load, random.Random], str]:
    """Stop the engine and start it again, then kill it and start it again."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert deployment.engine
        for stop in (deployment.engine.stop, deployment.engine.kill):
            time.sleep(5)
            stop()
            time.sleep(2)
            deployment.engine.start()
        time.sleep(2)
        return "stopped once and killed once, down for at least 2 s each"

    return inject


def hung(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Suspend the engine: it accepts connections and does not answer."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert deployment.engine
        time.sleep(5)
        deployment.engine.suspend()
        time.sleep(seconds)
        deployment.engine.resume()
        time.sleep(2)
        return f"{seconds:g} s"

    return inject

"""Clocks that jump, without touching the machine's: libfaketime stands between the processes and it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.drill.load import Load
from tests.drill.site import Site

__all__ = ["stepped"]


def stepped(pause_seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """The workers' an hour on, then an hour back; Redis' an hour on. After each step a worker is killed, too."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        steps = [(site.workers_clock, 3600), (site.workers_clock, -3600), (site.server_clock, 3600)]
        for clock, offset_seconds in steps:
            time.sleep(pause_seconds)
            clock.step(offset_seconds)
            time.sleep(pause_seconds)
            member = chance.choice(site.members)
            site.kill(member)
            site.start(member)
        return "3 steps, 3 kills"

    return act

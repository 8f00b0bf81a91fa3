"""The Docker Engine gone, or deaf."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.drill.load import Load
from tests.drill.site import Site

__all__ = ["hung", "restarted"]


def restarted() -> Callable[[Site, Load, random.Random], str]:
    """Once as it is asked to, once by force."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        assert site.engine
        for end in (site.engine.stop, site.engine.kill):
            time.sleep(5)
            end()
            time.sleep(2)
            site.engine.start()
        time.sleep(2)
        return "stopped once and killed once, down for 2 s and more"

    return act


def hung(seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """It takes connections and answers nothing."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        assert site.engine
        time.sleep(5)
        site.engine.hang()
        time.sleep(seconds)
        site.engine.go_on()
        time.sleep(2)
        return f"{seconds:g} s"

    return act

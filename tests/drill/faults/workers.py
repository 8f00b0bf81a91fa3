"""Workers that die: at any moment, between any two steps, and faster than they are made."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tests.drill.load import Load
from tests.drill.site import Site
from tests.stack import eventually

__all__ = ["attrition", "killed", "killed_between_steps"]

_STEP_SECONDS = 30.0
_VICTIMS = 7


def killed(moments: int) -> Callable[[Site, Load, random.Random], str]:
    """One worker at a time, and another in its place at once."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        holding = 0
        for _ in range(moments):
            time.sleep(chance.random() * 0.4)
            member = chance.choice(site.members)
            holding += site.running() > 0
            site.kill(member)
            site.start(member)
        return f"{moments} kills, {holding} of them while jobs ran"

    return act


def killed_between_steps(most: int) -> Callable[[Site, Load, random.Random], str]:
    """One worker for each step, that dies in front of it; some at a time. Ends where a job has no more steps."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        died: list[str] = []
        for first in range(1, most + 1, _VICTIMS):
            victims = [site.add_member(dies_at=n) for n in range(first, min(first + _VICTIMS, most + 1))]
            for victim in victims:
                eventually(lambda one=victim: not one.is_alive, _STEP_SECONDS)
                died += [line.split(": ", 1)[1] for line in _deaths(victim.log.read_text(errors="replace"))]
                site.members.remove(victim)
        assert len(died) == most, f"{len(died)} of {most} died where they were to"
        return f"{most} deaths in front of {len(set(died))} kinds of steps: {', '.join(sorted(set(died)))}"

    return act


def _deaths(log: str) -> list[str]:
    return [line for line in log.splitlines() if line.startswith("died in front of: ")]


def attrition(share: float, every_seconds: float, seconds: float) -> Callable[[Site, Load, random.Random], str]:
    """This share of all workers dies again and again; what they leave undone must be done all the same."""

    def act(site: Site, load: Load, chance: random.Random) -> str:
        kills, deadline = 0, time.monotonic() + seconds
        number = max(1, round(share * len(site.members)))
        load.finish()
        while (load.is_running or site.unfinished()) and time.monotonic() < deadline:
            for member in chance.sample(site.members, number):
                site.kill(member)
                site.start(member)
                kills += 1
            time.sleep(every_seconds)
        drained = "drained meanwhile" if not site.unfinished() else f"{site.unfinished()} left for a quiet end"
        return f"{kills} kills; the backlog was {drained}"

    return act

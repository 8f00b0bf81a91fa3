"""The table of what is done to a Pyxec under load. Whatever it is, the same must be true afterwards: see checker.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.drill.clocks import why_no_clock
from tests.drill.engine import why_no_engine
from tests.drill.faults import clock, disks, engine, messages, redis_server, ways, workers
from tests.drill.links import why_no_networks
from tests.drill.load import Load
from tests.drill.site import Settings, Site

__all__ = ["SCENARIOS", "Act", "Scenario"]

#: What is done while the load runs. It returns what it did, in a few words.
Act = Callable[[Site, Load, random.Random], str]


@dataclass(frozen=True)
class Scenario:
    """One row of the table.

    Parameters:
        fault: what is done, for people.
        jobs: so many are submitted meanwhile, or more if it takes longer.
        why_not: why it cannot be done here; empty when it can.
    """

    fault: str
    act: Act
    jobs: int = 40
    settings: Settings = field(default_factory=Settings)
    why_not: Callable[[], str] = lambda: ""


_LEASES_15 = {"PYXEC_LEASE_SECONDS": "15"}

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "worker-killed": Scenario(
            "kill -9 of a worker at 200 random moments",
            workers.killed(200),
            jobs=100,
            settings=Settings(workers=4, threads=2, environment={"PYXEC_MAX_DELIVERIES": "20"}),
        ),
        "steps": Scenario(
            "kill -9 of a worker between every two steps of a job",
            workers.killed_between_steps(28),
            settings=Settings(workers=1, environment={"PYXEC_MAX_DELIVERIES": "20", "PYXEC_POOL_CEILING": "0"}),
        ),
        "attrition": Scenario(
            "a quarter of eight workers killed every 3 s until the backlog is drained",
            workers.attrition(0.25, 3, 75),
            jobs=80,
            settings=Settings(workers=8, threads=1, environment={"PYXEC_MAX_DELIVERIES": "10"}),
        ),
        "redis-killed": Scenario(
            "kill -9 and restart of Redis, `appendfsync always`, five times", redis_server.killed(5)
        ),
        "redis-frozen": Scenario(
            "Redis stopped (SIGSTOP) for 30 s, leases of 15 s",
            redis_server.frozen(30),
            settings=Settings(environment=_LEASES_15),
        ),
        "redis-full": Scenario(
            "Redis out of memory (`maxmemory`, `noeviction`) for 8 s", redis_server.out_of_memory(8)
        ),
        "worker-cut": Scenario(
            "a worker's network cut for longer than its lease, three times",
            ways.worker_cut(3),
            settings=Settings(networks=True),
            why_not=why_no_networks,
        ),
        "api-cut": Scenario(
            "the API's network cut for 5 s, three times",
            ways.api_cut(3, 5),
            settings=Settings(networks=True),
            why_not=why_no_networks,
        ),
        "replies": Scenario("replies and requests lost, submissions executed twice, at 60 moments", ways.lossy(60)),
        "api-killed": Scenario("kill -9 of the API after its write, before its reply, five times", ways.api_killed(5)),
        "ten-times": Scenario(
            "messages taken from living workers again and again, and, once finished, delivered ten times more",
            messages.delivered_ten_times(60),
            settings=Settings(environment={"PYXEC_MAX_DELIVERIES": "100"}),
        ),
        "engine-restarted": Scenario(
            "dockerd stopped, killed, and started again",
            engine.restarted(),
            settings=Settings(engine=True),
            why_not=why_no_engine,
        ),
        "engine-hung": Scenario(
            "dockerd suspended for 12 s, calls that give up after 4 s",
            engine.hung(12),
            settings=Settings(engine=True, environment={"PYXEC_ENGINE_TIMEOUT_SECONDS": "4"}),
            why_not=why_no_engine,
        ),
        "engine-disk": Scenario(
            "the engine's disk full for 8 s",
            disks.engine_full(8),
            settings=Settings(engine=True, engine_disk_megabytes=600),
            why_not=why_no_engine,
        ),
        "redis-disk": Scenario(
            "Redis' disk full until Redis ends, `appendfsync always`; started again once there is room",
            disks.server_full(),
            settings=Settings(server_disk_megabytes=48),
            why_not=disks.why_no_disk,
        ),
        "redis-disk-1s": Scenario(
            "Redis' disk full for 10 s, `appendfsync everysec`",
            disks.server_refuses(10),
            settings=Settings(server_disk_megabytes=48, redis={"appendfsync": "everysec"}),
            why_not=disks.why_no_disk,
        ),
        "clock": Scenario(
            "the workers' and Redis' clock an hour on, and the workers' an hour back",
            clock.stepped(4),
            settings=Settings(fake_clocks=True, environment={"PYXEC_RESULT_TTL_SECONDS": "86400"}),
            why_not=why_no_clock,
        ),
    }
)

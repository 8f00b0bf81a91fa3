"""The table of scenarios. After each of them, the same invariants must hold: see checker.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.drill.clocks import missing_for_clock
from tests.drill.deployment import Deployment, Settings
from tests.drill.engine import missing_for_engine
from tests.drill.faults import clock, connections, disks, engine, redelivery, redis_server, workers, workspaces
from tests.drill.links import missing_for_networks
from tests.drill.load import DEFAULT_KINDS, Load, ProgramKind, print_slowly_for, print_text, run_python

__all__ = ["SCENARIOS", "FaultInjection", "Scenario"]

#: Injects a fault while the load runs and returns a short description of its effects.
FaultInjection = Callable[[Deployment, Load, random.Random], str]


@dataclass(frozen=True)
class Scenario:
    """One row of the table.

    Attributes:
        fault: Description of the fault.
        inject: Injects the fault.
        jobs: Minimum number of jobs that are submitted in the meantime.
        kinds: Kinds of the programs, in turn.
        settings: Settings of the deployment.
        takes_leases: Whether live workers lose leases: their networks are cut, or messages are taken from them.
            Otherwise, an attempt that was lost in this way violates the guarantee that a live worker keeps its jobs.
        missing_requirement: Returns why the scenario cannot run here, an empty string if it can.
    """

    fault: str
    inject: FaultInjection
    jobs: int = 40
    kinds: Sequence[ProgramKind] = DEFAULT_KINDS
    settings: Settings = field(default_factory=Settings)
    takes_leases: bool = False
    missing_requirement: Callable[[], str] = lambda: ""


# Claim, create, attach, start the container, start the attempt, append output, finish.
_KINDS_OF_STEPS = 7
_LEASES_15 = {"PYXEC_LEASE_SECONDS": "15"}

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "worker-killed": Scenario(
            "kill -9 of a worker, 200 times at random",
            workers.killed(200),
            jobs=100,
            settings=Settings(workers=4, threads=2, environment={"PYXEC_MAX_DELIVERIES": "20"}),
        ),
        "steps": Scenario(
            "kill -9 of a worker between every two steps of a job",
            workers.killed_between_steps(28),
            settings=Settings(workers=1, environment={"PYXEC_MAX_DELIVERIES": "20", "PYXEC_POOL_CEILING": "0"}),
        ),
        "workspaces": Scenario(
            "kill -9 of a worker during each of 40 jobs that change the files of one workspace",
            workspaces.killed_while_files_change(40),
            settings=Settings(environment={"PYXEC_MAX_DELIVERIES": "20", "PYXEC_LEASE_SECONDS": "2"}),
        ),
        "rolling-restart": Scenario(
            "three workers restarted one after the other, four times, grace period of 8 s",
            workers.restarted_in_turn(4, "15 s"),
            kinds=(print_text, print_slowly_for(1.2), print_text, print_text, print_text, print_slowly_for(15)),
            settings=Settings(grace_seconds=8),
        ),
        "attrition": Scenario(
            "a quarter of eight workers killed every 3 s until the backlog is drained",
            workers.attrition(0.25, 3, 75),
            jobs=80,
            settings=Settings(workers=8, threads=1, environment={"PYXEC_MAX_DELIVERIES": "10"}),
        ),
        "dead-letters": Scenario(
            "a quarter of four workers killed every 2 s for 30 s, jobs of 4 s, `PYXEC_MAX_DELIVERIES=1`",
            workers.attrition(0.25, 2, 30),
            kinds=(print_slowly_for(4), print_text),
            settings=Settings(workers=4, threads=2, environment={"PYXEC_MAX_DELIVERIES": "1"}),
        ),
        "redis-killed": Scenario(
            "kill -9 and restart of Redis, `appendfsync always`, five times", redis_server.killed(5)
        ),
        "redis-killed-1s": Scenario(
            "kill -9 and restart of Redis, `appendfsync everysec`, five times",
            redis_server.killed(5),
            settings=Settings(redis={"appendfsync": "everysec"}),
        ),
        "redis-killed-steps": Scenario(
            "kill -9 and restart of Redis, `appendfsync always`, between every two steps of a job",
            redis_server.killed_between_steps(16, _KINDS_OF_STEPS),
            settings=Settings(workers=1, threads=2, environment={"PYXEC_POOL_CEILING": "0"}),
        ),
        "redis-frozen-steps": Scenario(
            "Redis suspended (SIGSTOP) for three renewal intervals between every two steps of a job",
            redis_server.frozen_between_steps(16, _KINDS_OF_STEPS),
            settings=Settings(
                workers=1, threads=2, environment={"PYXEC_POOL_CEILING": "0", "PYXEC_REDIS_TIMEOUT_SECONDS": "0.5"}
            ),
        ),
        "redis-frozen": Scenario(
            "Redis suspended (SIGSTOP) for 30 s, leases of 15 s",
            redis_server.frozen(30),
            settings=Settings(environment=_LEASES_15),
        ),
        "redis-full": Scenario(
            "Redis out of memory (`maxmemory`, `noeviction`) for 8 s", redis_server.out_of_memory(8)
        ),
        "worker-cut": Scenario(
            "network of a worker cut for longer than its lease, three times",
            connections.worker_cut(3),
            takes_leases=True,
            settings=Settings(networks=True),
            missing_requirement=missing_for_networks,
        ),
        "worker-cut-one-way": Scenario(
            "packets to Redis, packets from Redis, or both dropped for longer than the lease of a worker",
            connections.worker_cut_one_way(2),
            takes_leases=True,
            settings=Settings(networks=True),
            missing_requirement=missing_for_networks,
        ),
        "api-cut": Scenario(
            "network of the API cut for 5 s, three times",
            connections.api_cut(3, 5),
            settings=Settings(networks=True),
            missing_requirement=missing_for_networks,
        ),
        "replies": Scenario("60 times: requests or replies lost, or submissions executed twice", connections.lossy(60)),
        "api-killed": Scenario(
            "kill -9 of the API between its write and its response, five times", connections.api_killed(5)
        ),
        "ten-times": Scenario(
            "messages taken from live workers repeatedly, and delivered ten more times after they have finished",
            redelivery.delivered_ten_times(60),
            takes_leases=True,
            settings=Settings(environment={"PYXEC_MAX_DELIVERIES": "100"}),
        ),
        "engine-restarted": Scenario(
            "dockerd stopped, killed and restarted",
            engine.restarted(),
            settings=Settings(engine=True),
            missing_requirement=missing_for_engine,
        ),
        "engine-down": Scenario(
            "dockerd stopped for 60 s while 50 jobs are queued",
            engine.down(60),
            settings=Settings(engine=True),
            missing_requirement=missing_for_engine,
        ),
        "engine-down-600": Scenario(
            "dockerd stopped for 10 minutes while 50 jobs are queued; all waiting times of the workers and the outage "
            "divided by 10",
            engine.down(60),
            settings=Settings(
                engine=True,
                time_factor=10,
                environment={"PYXEC_LEASE_SECONDS": "1.5", "PYXEC_ENGINE_TIMEOUT_SECONDS": "3"},
            ),
            missing_requirement=missing_for_engine,
        ),
        "engine-slow": Scenario(
            "every request to the engine takes 5 s longer",
            engine.slow(5, 60),
            settings=Settings(engine_proxy=True),
        ),
        "image-missing": Scenario(
            "image of Bash removed while 50 jobs are queued, and installed again after 20 s",
            engine.image_missing(20),
            kinds=(print_text, run_python),
            settings=Settings(engine=True, languages=("bash", "python")),
            missing_requirement=missing_for_engine,
        ),
        "shared-engine": Scenario(
            "two installations with the same namespace on one engine, workers of the second one killed 30 times",
            engine.shared(30, 3),
            settings=Settings(workers=2),
        ),
        "engine-hung": Scenario(
            "dockerd suspended for 12 s, request time-out 4 s",
            engine.hung(12),
            settings=Settings(engine=True, environment={"PYXEC_ENGINE_TIMEOUT_SECONDS": "4"}),
            missing_requirement=missing_for_engine,
        ),
        "engine-disk": Scenario(
            "disk of the engine full for 8 s",
            disks.engine_full(8),
            settings=Settings(engine=True, engine_disk_megabytes=600),
            missing_requirement=missing_for_engine,
        ),
        "redis-disk": Scenario(
            "disk of Redis full until Redis exits, `appendfsync always`; restarted when the disk has space",
            disks.server_full(),
            settings=Settings(server_disk_megabytes=48),
            missing_requirement=disks.missing_for_disk,
        ),
        "redis-disk-1s": Scenario(
            "disk of Redis full for 10 s, `appendfsync everysec`",
            disks.server_refuses(10),
            settings=Settings(server_disk_megabytes=48, redis={"appendfsync": "everysec"}),
            missing_requirement=disks.missing_for_disk,
        ),
        "clock": Scenario(
            "clocks of workers and of Redis set an hour ahead and an hour back",
            clock.stepped(4),
            settings=Settings(fake_clocks=True, environment={"PYXEC_RESULT_TTL_SECONDS": "86400"}),
            missing_requirement=missing_for_clock,
        ),
    }
)

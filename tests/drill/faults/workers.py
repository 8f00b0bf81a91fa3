"""Workers that are killed at random times, between two steps and repeatedly, or restarted one after the other."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.fault_points import FaultPoint, read_reached_step
from tests.drill.load import Load
from tests.stack import eventually

__all__ = ["attrition", "killed", "killed_between_steps", "restarted_in_turn"]

_STEP_SECONDS = 30.0
_BATCH_SIZE = 7


def killed(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill one worker at a time and start a new process immediately."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        holding = 0
        for _ in range(times):
            time.sleep(rng.random() * 0.4)
            worker = rng.choice(deployment.workers)
            holding += deployment.count_held() > 0
            deployment.kill(worker)
            deployment.start(worker)
        return f"{times} kills, {holding} of them while jobs ran"

    return inject


def killed_between_steps(steps: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Start a worker for each step that kills itself before the step, several at a time."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        steps_reached: list[str | None] = []
        for first in range(1, steps + 1, _BATCH_SIZE):
            batch = [
                deployment.add_worker(FaultPoint(number, signal.SIGKILL))
                for number in range(first, min(first + _BATCH_SIZE, steps + 1))
            ]
            for worker in batch:
                eventually(lambda process=worker: not process.is_alive, _STEP_SECONDS)
                steps_reached.append(read_reached_step(worker.log))
                deployment.workers.remove(worker)
        kinds = sorted({step for step in steps_reached if step})
        assert None not in steps_reached, f"{steps_reached.count(None)} of {steps} workers did not kill themselves"
        return f"{steps} kills before {len(kinds)} kinds of steps: {', '.join(kinds)}"

    return inject


def attrition(share: float, every_seconds: float, seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill a share of all workers repeatedly until the backlog is drained."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        kills, deadline = 0, time.monotonic() + seconds
        number = max(1, round(share * len(deployment.workers)))
        load.finish()
        while (load.is_running or deployment.count_unfinished()) and time.monotonic() < deadline:
            for worker in rng.sample(deployment.workers, number):
                deployment.kill(worker)
                deployment.start(worker)
                kills += 1
            time.sleep(every_seconds)
        unfinished = deployment.count_unfinished()
        state = f"{unfinished} jobs were left" if unfinished else "the backlog was drained"
        return f"{kills} kills; {state}"

    return inject


def restarted_in_turn(rounds: int, long_kind: str) -> Callable[[Deployment, Load, random.Random], str]:
    """Restart all workers one after the other, several times, as a deployment of a new version does.

    Args:
        rounds: Number of restarts of each worker.
        long_kind: Kind of the programs that run longer than the grace period. No other may be started again.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        for _ in range(rounds):
            for worker in list(deployment.workers):
                time.sleep(1 + rng.random())
                deployment.terminate(worker)
                eventually(lambda process=worker: not process.is_alive, deployment.settings.grace_seconds + 20)
                deployment.start(worker)
        accepted = dict(load.accepted)
        short = {job_id for job_id, program in accepted.items() if program.kind != long_kind}
        deployment.expect_single_start(short)
        attempts = deployment.read_attempts()
        restarted = {job_id for job_id in accepted if attempts[job_id] > 1}
        long = accepted.keys() - short
        return (
            f"{rounds * len(deployment.workers)} restarts; {len(restarted & long)} of {len(long)} jobs of {long_kind} "
            f"and {len(restarted & short)} of {len(short)} shorter jobs were started again"
        )

    return inject

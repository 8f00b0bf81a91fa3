"""Workers that are killed: at random times, between two steps, and repeatedly."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.drill.deployment import Deployment
from tests.drill.load import Load
from tests.stack import eventually

__all__ = ["attrition", "killed", "killed_between_steps"]

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
        steps_reached: list[str] = []
        for first in range(1, steps + 1, _BATCH_SIZE):
            batch = [deployment.add_worker(kill_step=n) for n in range(first, min(first + _BATCH_SIZE, steps + 1))]
            for worker in batch:
                eventually(lambda one=worker: not one.is_alive, _STEP_SECONDS)
                steps_reached += _read_fault_points(worker.log)
                deployment.workers.remove(worker)
        assert len(steps_reached) == steps, f"{len(steps_reached)} of {steps} workers killed themselves"
        return f"{steps} kills before {len(set(steps_reached))} kinds of steps: {', '.join(sorted(set(steps_reached)))}"

    return inject


def _read_fault_points(log: Path) -> list[str]:
    """Return the steps before which a worker has killed itself."""
    prefix = "killed before: "
    lines = log.read_text(errors="replace").splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


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

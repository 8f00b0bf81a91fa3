"""A Redis server that is killed, suspended or out of memory."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

from tests.drill.deployment import Deployment
from tests.drill.fault_points import FaultPoint, read_reached_step
from tests.drill.load import Load
from tests.stack import eventually

__all__ = ["frozen", "frozen_between_steps", "killed", "killed_between_steps", "out_of_memory"]

#: Share of the memory limit above which new jobs are rejected.
_NEARLY_FULL = 0.92
_BALLAST_BYTES = 20_000_000
_SUSPENDED_LEASES = 0.9
_STEP_SECONDS = 60.0
_MAX_STEPS = 48
# A renewal interval is a quarter of a lease (app/broker/lua/recovery_rule.lua).
_FROZEN_LEASES = 0.75


def killed(times: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill Redis and restart it on its data up to a second later."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        for _ in range(times):
            time.sleep(1 + rng.random() * 2)
            deployment.server.kill()
            time.sleep(rng.random())
            deployment.server.start()
        return f"{times} kills"

    return inject


def frozen(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Suspend Redis for longer than every lease, while workers and programs continue."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        time.sleep(2)
        held = deployment.count_held()
        deployment.server.signal(signal.SIGSTOP)
        time.sleep(seconds)
        deployment.server.signal(signal.SIGCONT)
        return f"{seconds:g} s, leases of {deployment.lease_ms / 1000:g} s, {held} jobs held"

    return inject


def killed_between_steps(steps: int, kinds: int = 1) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill Redis before each step of a job, and restart it up to a second later; see `_at_steps`."""

    def restart(deployment: Deployment, rng: random.Random) -> None:
        eventually(lambda: not deployment.server.is_running, _STEP_SECONDS, 0.01)
        time.sleep(rng.random())
        deployment.server.start()

    return _at_steps(steps, kinds, signal.SIGKILL, restart)


def frozen_between_steps(steps: int, kinds: int = 1) -> Callable[[Deployment, Load, random.Random], str]:
    """Suspend Redis before each step of a job, for three renewal intervals; see `_at_steps`."""

    def resume(deployment: Deployment, rng: random.Random) -> None:
        eventually(lambda: deployment.server.is_suspended, _STEP_SECONDS, 0.01)
        time.sleep(_FROZEN_LEASES * deployment.lease_ms / 1000)
        deployment.server.signal(signal.SIGCONT)

    return _at_steps(steps, kinds, signal.SIGSTOP, resume)


def _at_steps(
    steps: int, kinds: int, number: signal.Signals, recover: Callable[[Deployment, random.Random], None]
) -> Callable[[Deployment, Load, random.Random], str]:
    """Return a fault that sends a signal to Redis before each step of the jobs of one worker thread.

    Args:
        steps: Number of steps.
        kinds: Number of kinds of steps that must be among them. More steps follow until they are.
        number: The signal.
        recover: Waits for the effect of the signal and ends it.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        reached: list[str] = []
        while len(reached) < steps or len(set(reached)) < kinds:
            assert len(reached) < _MAX_STEPS, f"only {len(set(reached))} kinds of steps: {sorted(set(reached))}"
            fault_point = FaultPoint(len(reached) + 1, number, deployment.server.pid)
            worker = deployment.add_worker(fault_point, threads=1)
            recover(deployment, rng)
            step = read_reached_step(worker.log)
            assert step, "the worker did not reach its step"
            reached.append(step)
            deployment.terminate(worker)
            deployment.workers.remove(worker)
        return f"{len(reached)} times, before {len(set(reached))} kinds of steps"

    return inject


def out_of_memory(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Reduce the memory limit of Redis.

    Nearly full: accepted jobs finish, new ones are rejected. Entirely full: jobs that are running still finish.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        client = deployment.broker.client
        client.set("ballast", b"x" * _BALLAST_BYTES)  # so that buffers of connections are a small part
        nearly = _limit_memory(deployment, load, 1 / _NEARLY_FULL, seconds)
        entirely = _limit_memory(deployment, load, 1.0, seconds / 2)
        client.delete("ballast")
        return f"nearly full {nearly}; entirely full {entirely}"

    return inject


def _accumulate_jobs(deployment: Deployment) -> None:
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for worker in deployment.workers:
            worker.signal(number)
        time.sleep(_SUSPENDED_LEASES * deployment.lease_ms / 1000 if number == signal.SIGSTOP else 0)


def _limit_memory(deployment: Deployment, load: Load, share: float, seconds: float) -> str:
    """Set the memory limit to a share of the used memory for some time and describe the effects."""
    client = deployment.broker.client
    _accumulate_jobs(deployment)
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * share))
    rejections, finished, waiting = load.rejections, deployment.count_finished(), deployment.count_unfinished()
    time.sleep(seconds)
    finished = deployment.count_finished() - finished
    rejections = load.rejections - rejections
    client.config_set("maxmemory", 0)
    return f"for {seconds:g} s: {rejections} submissions rejected, {finished} of {waiting} jobs finished"

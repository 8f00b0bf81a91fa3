"""A Docker Engine that is down, slow, does not answer or lacks an image."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.drill.checker import violations
from tests.drill.deployment import Deployment, Settings
from tests.drill.load import Load
from tests.stack import eventually

__all__ = ["down", "hung", "image_missing", "restarted", "shared", "slow"]

_QUEUED_JOBS = 50
_LOAD_SECONDS = 60.0
# Between two submissions of a client during a long outage, so that the backlog stays small.
_OUTAGE_PAUSE_SECONDS = 6.0
_SECOND_DRAIN_SECONDS = 120.0


def restarted() -> Callable[[Deployment, Load, random.Random], str]:
    """Stop the engine and start it again, then kill it and start it again."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert deployment.engine
        for stop in (deployment.engine.stop, deployment.engine.kill):
            time.sleep(5)
            stop()
            time.sleep(2)
            deployment.engine.start()
        return "stopped once and killed once, down for at least 2 s each"

    return inject


def down(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Stop the engine while 50 jobs are queued. They must run in their first attempt."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert deployment.engine
        time.sleep(3)
        deployment.engine.stop()
        time.sleep(1)
        started = {job_id for job_id, attempt in deployment.read_attempts().items() if attempt}
        _queue_jobs(deployment, load, pause_seconds=_OUTAGE_PAUSE_SECONDS)
        queued = deployment.count_unfinished()
        time.sleep(seconds)
        attempts = deployment.read_attempts()
        if any(attempts[job_id] for job_id in attempts.keys() - started):
            deployment.others.append("jobs were started without an engine")
        deployment.expect_single_start(attempts.keys() - started)
        deployment.engine.start()
        return f"{seconds:g} s with {queued} jobs queued"

    return inject


def slow(call_seconds: float, seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Delay every request to the engine. No job may be started again."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        time.sleep(3)
        deployment.engine_proxy.delay_seconds = call_seconds
        finished = deployment.count_finished()
        load.pause_seconds = _OUTAGE_PAUSE_SECONDS
        time.sleep(seconds)
        finished = deployment.count_finished() - finished
        deployment.engine_proxy.delay_seconds = 0.0
        deployment.expect_single_start(deployment.job_ids())
        pauses = sum(_count_pauses(worker.log) for worker in deployment.workers)
        return f"{seconds:g} s, {finished} jobs finished meanwhile, {pauses} workers paused"

    return inject


def hung(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Suspend the engine: it accepts connections and does not answer."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert deployment.engine
        time.sleep(5)
        deployment.engine.suspend()
        time.sleep(seconds)
        deployment.engine.resume()
        return f"{seconds:g} s"

    return inject


def image_missing(seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Remove the image of Bash while jobs are queued, and install it again. Jobs of Python run in the meantime.

    The API rejects new jobs of Bash while no worker has the image.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        assert deployment.engine
        time.sleep(3)
        _queue_jobs(deployment, load, pause_seconds=1.0)
        deployment.engine.remove_image("bash")
        before = _count_finished_by_language(deployment, load)
        time.sleep(seconds)
        after = _count_finished_by_language(deployment, load)
        pauses = sum(_count_pauses(worker.log) for worker in deployment.workers)
        deployment.engine.load_image("bash")
        deployment.expect_single_start(deployment.job_ids())
        finished = {language: after[language] - before[language] for language in after}
        if not finished["python"]:
            deployment.others.append("no job of Python finished while the image of Bash was missing")
        if pauses:
            deployment.others.append(f"{pauses} workers paused because of a missing image")
        if finished["bash"]:
            deployment.others.append(f"{finished['bash']} jobs of Bash finished without an image")
        return f"{load.rejections} submissions rejected, {finished['python']} jobs of Python finished meanwhile"

    return inject


def shared(times: int, pause_seconds: float) -> Callable[[Deployment, Load, random.Random], str]:
    """Run a second installation with the same namespace on the same engine, and kill its workers repeatedly.

    Each new worker runs its reaper at once. Nothing happens to the first installation: none of its jobs may be started
    again.
    """

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        settings = Settings(workers=2, namespace=deployment.stack.namespace, environment={"PYXEC_MAX_DELIVERIES": "20"})
        with Deployment(deployment.folder / "second", settings) as second:
            second_load = Load(second.stack.url, 20)
            second_load.start()
            for _ in range(times):
                time.sleep(rng.random() * pause_seconds)
                worker = rng.choice(second.workers)
                second.kill(worker)
                second.start(worker)
            history = second.drain(second_load, _SECOND_DRAIN_SECONDS)
            history = dataclasses.replace(history, containers=second.count_leftover_containers())
        deployment.others += [f"second installation: {line}" for line in violations(history)]
        deployment.expect_single_start(deployment.job_ids())
        return (
            f"{times} kills in the second installation, of whose {len(history.accepted)} jobs {len(history.finished)} "
            f"finished, {len(history.dead)} became dead letters and {history.restarted} were started again"
        )

    return inject


def _queue_jobs(deployment: Deployment, load: Load, pause_seconds: float) -> None:
    """Let the clients submit without pauses until 50 jobs are unfinished, and then with pauses."""
    load.pause_seconds = 0.0
    eventually(lambda: deployment.count_unfinished() >= _QUEUED_JOBS, _LOAD_SECONDS)
    load.pause_seconds = pause_seconds


def _count_pauses(log: Path) -> int:
    return log.read_text(errors="replace").count('"event": "fetching_paused"')


def _count_finished_by_language(deployment: Deployment, load: Load) -> dict[str, int]:
    finished = deployment.finished_jobs()
    languages = [program.language for job_id, program in list(load.accepted.items()) if job_id in finished]
    return {language: languages.count(language) for language in ("bash", "python")}

"""The actor that runs jobs, with its sandbox and the periodic tasks of its worker."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Final

import dramatiq
import redis

from app.actors.maintain import PeriodicTask, PeriodicTasks, Service
from app.actors.run_job import JobRunner
from app.broker import StreamsBroker
from app.config import Settings
from app.core.metrics import Meter
from app.sandbox.engine.client import Engine
from app.sandbox.images.catalogue import load_languages
from app.sandbox.reaper import remove_orphans
from app.sandbox.sandbox import ContainerSandbox
from app.store.effects import JobEffects
from app.store.job_input import JobInputs
from app.store.keys import JOBS_QUEUE, RUN_JOB, StoreKeys
from app.store.languages import publish_languages
from app.store.worker_registry import BEAT_SECONDS, WorkerRegistry
from app.wiring.connections import CATALOGUE, now_ms
from app.wiring.connections import client as redis_client
from app.wiring.metrics import publish_metrics_periodically

__all__ = ["declare_run_job"]

_INFRASTRUCTURE_RETRIES: Final = 4
_FIRST_RETRY_MS: Final = 1_000
_LAST_RETRY_MS: Final = 30_000
_PUBLISH_LANGUAGES_SECONDS: Final = 15.0
_REAP_SECONDS: Final = 30.0


def declare_run_job(broker: StreamsBroker, settings: Settings, meter: Meter) -> Sequence[Service]:
    """Declare it. Returns what starts with a worker of its queue."""
    keys = StoreKeys(settings.namespace)
    client = redis_client(settings)
    engine = Engine(settings.docker_host, settings.engine_timeout_seconds)
    sandbox = _sandbox(engine, settings, broker.consumer_name)
    inboxes = JobInputs(client, keys, broker.consumer_name)
    runner = JobRunner(broker, JobEffects(keys, settings.result_ttl_seconds), sandbox, inboxes, now_ms, meter)
    tasks = [
        *_periodic_tasks(client, keys, settings, engine, sandbox, broker.consumer_name, meter),
        publish_metrics_periodically(settings, broker, meter, sandbox),
    ]
    dramatiq.actor(
        actor_name=RUN_JOB,
        queue_name=JOBS_QUEUE,
        broker=broker,
        max_retries=_INFRASTRUCTURE_RETRIES,
        min_backoff=_FIRST_RETRY_MS,
        max_backoff=_LAST_RETRY_MS,
    )(runner.run)
    return [PeriodicTasks(tasks), inboxes, sandbox]


def _sandbox(engine: Engine, settings: Settings, worker: str) -> ContainerSandbox:
    return ContainerSandbox(
        engine,
        load_languages(CATALOGUE),
        worker=worker,
        namespace=settings.namespace,
        runtime=settings.container_runtime,
        cpus=settings.sandbox_cpus,
        pool_floor=settings.pool_floor,
        pool_ceiling=settings.pool_ceiling,
    )


def _periodic_tasks(
    client: redis.Redis,
    keys: StoreKeys,
    settings: Settings,
    engine: Engine,
    sandbox: ContainerSandbox,
    worker: str,
    meter: Meter,
) -> Sequence[PeriodicTask]:
    presence = WorkerRegistry(client, keys)

    def reap() -> None:
        meter.count(
            "pyxec_sandboxes_orphaned_total",
            by=remove_orphans(engine, settings.namespace, presence.is_alive),
        )

    host = socket.gethostname()
    return [
        PeriodicTask("heartbeat", BEAT_SECONDS, lambda: presence.beat(worker)),
        PeriodicTask(
            "publish_languages",
            _PUBLISH_LANGUAGES_SECONDS,
            lambda: publish_languages(client, keys, host, sandbox.installed()),
        ),
        PeriodicTask("reap", _REAP_SECONDS, reap),
    ]

"""The wiring of workers and schedulers: the broker, its actors and the services of each worker process."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import dramatiq
import redis
from dramatiq.middleware import AgeLimit, TimeLimit
from periodiq import PeriodiqMiddleware, cron

from app.actors.deliver_webhook import RELAY_SECONDS, CallbackFormat, WebhookDelivery, WebhookRelay
from app.actors.maintain import PeriodicTask, PeriodicTasks, Service, WorkerServices, run_task
from app.actors.readiness_server import ReadinessServer
from app.actors.recover import Recovery
from app.actors.run_job import JobRunner
from app.broker import StreamsBroker, default_middleware
from app.config import Settings
from app.core.errors import InfrastructureError
from app.core.timestamps import current_unix_ms
from app.files.cache import FileCache
from app.http.compat.judge0 import API as JUDGE0
from app.http.compat.judge0 import create_callback_body
from app.resources import RESOURCES
from app.sandbox.cells.pool import CellPolicy
from app.sandbox.cells.sandbox import CellSandbox
from app.sandbox.engine.client import Engine
from app.sandbox.engine_availability import EngineAvailability, PauseReason
from app.sandbox.images.catalogue import load_languages
from app.sandbox.images.digests import ImageDigests
from app.sandbox.reaper import remove_orphans
from app.sandbox.sandbox import ContainerSandbox
from app.store.callers.storage import StorageReconciliation
from app.store.connection import create_client
from app.store.files.file_collection import FileCollection
from app.store.installation import read_installation
from app.store.jobs.effects import JobEffects
from app.store.jobs.job_input import JobInputs
from app.store.keys import DELIVER_WEBHOOK, JOBS_QUEUE, MAINTENANCE_QUEUE, RUN_JOB, WEBHOOKS_QUEUE, StoreKeys
from app.store.languages import publish_languages
from app.store.metrics import PUBLISH_SECONDS, publish_metrics
from app.store.webhooks.outbox import Outbox
from app.store.webhooks.webhook_slots import WebhookSlots
from app.store.worker_registry import BEAT_SECONDS, WorkerRegistry
from app.store.workspaces.workspace_jobs import WorkspaceCollection, WorkspaceJobs
from app.telemetry.message_tracing import MessageTracing
from app.telemetry.metrics import Meter
from app.telemetry.tracer import create_tracer
from app.wiring.file_storage import create_file_storage, file_cache_folder
from app.wiring.host_check import create_host_check

__all__ = ["CALLBACK_FORMATS", "create_broker", "declare_run_job"]

CALLBACK_FORMATS: Final[Mapping[str, CallbackFormat]] = {JUDGE0: CallbackFormat("PUT", create_callback_body)}

_PUBLISH_LANGUAGES_SECONDS: Final = 15.0
_REMOVE_ORPHANS_SECONDS: Final = 15.0
# Added to the two engine calls after the creation of a container, attach and start, because the clock of the engine's
# host may differ from the local one.
_CLOCK_MARGIN_SECONDS: Final = 60.0
# More than the four times per lease that the recovery rule requires.
_MAINTENANCE_PER_LEASE: Final = 6


def create_broker(settings: Settings) -> StreamsBroker:
    """Create the broker with all actors and the services of its workers."""
    broker = StreamsBroker(
        client=_create_client(settings),
        namespace=settings.namespace,
        lease_ms=int(settings.lease_seconds * 1000),
        max_deliveries=settings.max_deliveries,
        middleware=_create_middleware(),
    )
    meter = Meter()
    _declare_recover(broker, meter)
    _declare_reconcile_storage(broker, settings, meter)
    _declare_collect_files(broker, settings, meter)
    maintenance_tasks = [_maintain_task(broker), _publish_metrics_task(broker, settings, meter)]
    services = {
        JOBS_QUEUE: declare_run_job(broker, settings, meter),
        WEBHOOKS_QUEUE: _declare_deliver_webhook(broker, settings, meter),
        MAINTENANCE_QUEUE: [PeriodicTasks(maintenance_tasks, meter)],
    }
    broker.add_middleware(WorkerServices(services))
    tracer = create_tracer(settings.otlp_endpoint, "pyxec-worker")
    if tracer is not None:
        broker.add_middleware(MessageTracing(tracer))
    return broker


def _maintain_task(broker: StreamsBroker) -> PeriodicTask:
    """Return the task that maintains the queues of other workers.

    A lease expires only if the availability of Redis was refreshed for a lease (app/broker/lua/recovery_rule.lua).
    Without this task, nothing would do so while no worker consumes a queue.
    """

    def maintain() -> None:
        for queue_name in (JOBS_QUEUE, WEBHOOKS_QUEUE):
            broker.maintain(queue_name)

    return PeriodicTask("maintain_queues", broker.lease_ms / 1000 / _MAINTENANCE_PER_LEASE, maintain)


def _create_middleware() -> list[dramatiq.Middleware]:
    # Jobs have time limits of their own, and an accepted job never expires in the queue.
    excluded = AgeLimit | TimeLimit
    return [
        *(middleware for middleware in default_middleware() if not isinstance(middleware, excluded)),
        PeriodiqMiddleware(skip_delay=30),
    ]


def _declare_recover(broker: StreamsBroker, meter: Meter) -> None:
    _declare_periodic(broker, meter, "recover", "* * * * *", Recovery(broker).run)


def _declare_reconcile_storage(broker: StreamsBroker, settings: Settings, meter: Meter) -> None:
    reconciliation = StorageReconciliation(_create_client(settings), StoreKeys(settings.namespace))
    _declare_periodic(broker, meter, "reconcile_storage", "*/10 * * * *", reconciliation.run)


def _declare_collect_files(broker: StreamsBroker, settings: Settings, meter: Meter) -> None:
    storage = create_file_storage(settings)
    collection = FileCollection(
        _create_client(settings), StoreKeys(settings.namespace), storage, settings.file_ttl_seconds
    )
    _declare_periodic(broker, meter, "collect_files", "* * * * *", collection.run)
    workspaces = WorkspaceCollection(
        _create_client(settings), StoreKeys(settings.namespace), storage, settings.file_ttl_seconds
    )
    _declare_periodic(broker, meter, "collect_workspace_files", "* * * * *", workspaces.run)


def _declare_periodic(broker: StreamsBroker, meter: Meter, name: str, schedule: str, run: Callable[[], object]) -> None:
    """Declare an actor that the scheduler enqueues. A failed run is dropped, because the next one follows."""

    def run_once() -> None:
        run_task(name, run, meter)

    dramatiq.actor(
        actor_name=name, queue_name=MAINTENANCE_QUEUE, broker=broker, max_retries=0, periodic=cron(schedule)
    )(run_once)


def _declare_deliver_webhook(broker: StreamsBroker, settings: Settings, meter: Meter) -> Sequence[Service]:
    """Declare the actor and return the services of the workers that consume its queue."""
    outbox = Outbox(_create_client(settings), StoreKeys(settings.namespace), settings.result_ttl_seconds)
    slots = WebhookSlots(broker)
    delivery = WebhookDelivery(outbox, slots, settings.webhook_allow_private, CALLBACK_FORMATS, meter=meter)
    # Each delay is twice the previous one. Together with the requests, they fit into RETRY_SECONDS.
    dramatiq.actor(
        actor_name=DELIVER_WEBHOOK,
        queue_name=WEBHOOKS_QUEUE,
        broker=broker,
        max_retries=10,
        min_backoff=5_000,
        max_backoff=3_600_000,
    )(delivery.deliver)
    relay = WebhookRelay(broker, outbox)
    tasks = [
        PeriodicTask("relay_webhooks", RELAY_SECONDS, relay.relay),
        PeriodicTask("requeue_parked_webhooks", RELAY_SECONDS, slots.requeue_parked),
        _publish_metrics_task(broker, settings, meter),
    ]
    return [PeriodicTasks(tasks, meter)]


def declare_run_job(broker: StreamsBroker, settings: Settings, meter: Meter) -> Sequence[Service]:
    """Declare the actor that runs jobs and return the services of the workers that consume its queue."""
    keys = StoreKeys(settings.namespace)
    client = _create_client(settings)
    worker = broker.consumer_name
    engine = Engine(settings.docker_host, settings.engine_timeout_seconds)
    installation = _Installation(client, keys)
    availability = EngineAvailability(
        settings.docker_host,
        settings.container_runtime,
        settings.engine_timeout_seconds,
        lambda reason: _pause_or_resume(broker, meter, reason),
        create_host_check(settings),
    )
    sandbox = _create_sandbox(settings, engine, worker, installation, availability)
    inputs = JobInputs(client, keys, worker)
    cache = FileCache(create_file_storage(settings), file_cache_folder(settings), settings.file_cache_bytes)
    effects = JobEffects(keys, settings.result_ttl_seconds)
    workspaces = WorkspaceJobs(client, keys, create_file_storage(settings), settings.file_ttl_seconds)
    runner = JobRunner(broker, effects, sandbox, inputs, cache, workspaces, current_unix_ms, meter)
    dramatiq.actor(
        actor_name=RUN_JOB,
        queue_name=JOBS_QUEUE,
        broker=broker,
        max_retries=4,
        marks_start=True,
        min_backoff=1_000,
        max_backoff=30_000,
    )(runner.run)
    registry = WorkerRegistry(client, keys)
    tasks = [
        *_worker_tasks(client, keys, settings, engine, sandbox, installation, availability, broker, registry, meter),
        _publish_metrics_task(broker, settings, meter, sandbox),
    ]
    registration = _Registration(registry, worker)
    services: list[Service] = [availability, registration, PeriodicTasks(tasks, meter), inputs, sandbox]
    if settings.worker_probe_port:
        services.append(
            ReadinessServer(settings.worker_probe_port, lambda: availability.reason or _find_redis_fault(client))
        )
    return services


def _find_redis_fault(client: redis.Redis) -> str | None:
    """Return why the worker cannot fetch jobs from Redis, None if it can. The broker itself reconnects."""
    try:
        client.ping()
    except redis.RedisError:
        return "redis-not-answering"
    return None


def _create_sandbox(
    settings: Settings,
    engine: Engine,
    worker: str,
    installation: _Installation,
    availability: EngineAvailability,
) -> ContainerSandbox | CellSandbox:
    languages = load_languages(*settings.language_folders)
    arguments: dict[str, Any] = {
        "read_image_digests": ImageDigests.from_repository(RESOURCES, languages).read,
        "worker": worker,
        "namespace": settings.namespace,
        "read_installation": installation.read,
        "runtime": settings.container_runtime,
        "cpus": settings.sandbox_cpus,
        "pool_floor": settings.pool_floor,
        "pool_ceiling": settings.pool_ceiling,
        "availability": availability,
    }
    if settings.isolation == "container":
        return ContainerSandbox(engine, languages, **arguments)
    policy = CellPolicy(settings.cell_max_jobs, settings.cell_max_age, settings.cell_sharing)
    return CellSandbox(engine, languages, policy=policy, **arguments)


def _pause_or_resume(broker: StreamsBroker, meter: Meter, pause_reason: PauseReason | None) -> None:
    """Fetch no jobs while the engine cannot run them: they wait in Redis, where other workers can fetch them."""
    for reason in PauseReason:
        meter.set("pyxec_worker_paused", float(reason is pause_reason), reason.value)
    if pause_reason is None:
        broker.resume_fetching()
    else:
        broker.pause_fetching()


class _Installation:
    """Reads the id of the installation once. A worker starts before Redis answers."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys
        self._id: str | None = None

    def read(self) -> str:
        """Return the id.

        Raises:
            InfrastructureError: Redis did not answer.
        """
        if self._id is None:
            try:
                self._id = read_installation(self._client, self._keys)
            except redis.RedisError as e:
                raise InfrastructureError(f"Redis did not answer: {e}") from e
        return self._id


class _Registration:
    """Service that removes the worker from the registry at its stop, after the heartbeats have ended."""

    def __init__(self, registry: WorkerRegistry, worker: str) -> None:
        self._registry = registry
        self._worker = worker

    def start(self) -> None:
        """Do nothing: the first heartbeat registers the worker."""

    def stop(self) -> None:
        """Remove the worker. If Redis does not answer, its registration expires."""
        with suppress(redis.RedisError):
            self._registry.remove(self._worker)


def _worker_tasks(
    client: redis.Redis,
    keys: StoreKeys,
    settings: Settings,
    engine: Engine,
    sandbox: ContainerSandbox | CellSandbox,
    installation: _Installation,
    availability: EngineAvailability,
    broker: StreamsBroker,
    registry: WorkerRegistry,
    meter: Meter,
) -> Sequence[PeriodicTask]:
    """Return the tasks that each worker process has to run itself: only it can reach the engine of its host."""
    host = socket.gethostname()
    never_started_seconds = 2 * settings.engine_timeout_seconds + _CLOCK_MARGIN_SECONDS

    def is_alive(worker: str) -> bool:
        # The rule by which jobs are recovered, not a heartbeat: one that expired while Redis was down proves nothing.
        return not broker.find_dead_workers(JOBS_QUEUE, [worker])

    def remove() -> None:
        removed = remove_orphans(engine, settings.namespace, installation.read(), is_alive, never_started_seconds)
        meter.count("pyxec_sandboxes_orphaned_total", by=removed)

    def publish() -> None:
        publish_languages(client, keys, host, sandbox.installed())

    return [
        PeriodicTask("heartbeat", BEAT_SECONDS, lambda: registry.beat(broker.consumer_name, availability.reason)),
        PeriodicTask("publish_languages", _PUBLISH_LANGUAGES_SECONDS, publish),
        PeriodicTask("remove_orphans", _REMOVE_ORPHANS_SECONDS, remove),
    ]


def _publish_metrics_task(
    broker: StreamsBroker, settings: Settings, meter: Meter, sandbox: ContainerSandbox | CellSandbox | None = None
) -> PeriodicTask:
    """Return the task that publishes the metrics of this process, including those of its pool."""
    client, keys = _create_client(settings), StoreKeys(settings.namespace)

    def publish() -> None:
        meter.count_up_to("pyxec_fenced_total", total=broker.fenced_total)
        meter.count_up_to("pyxec_recovered_total", total=broker.recovered_total)
        if sandbox is not None:
            meter.set("pyxec_workers", 1)
            meter.set("pyxec_workers_by_isolation", 1, settings.isolation)
            meter.set("pyxec_worker_slots", broker.deliveries.limit.max_held or 0)
            _collect_pool_metrics(sandbox, meter)
        if isinstance(sandbox, CellSandbox):
            _collect_cell_metrics(sandbox, meter)
        publish_metrics(client, keys, broker.consumer_name, meter)

    return PeriodicTask("publish_metrics", PUBLISH_SECONDS, publish)


def _collect_pool_metrics(sandbox: ContainerSandbox | CellSandbox, meter: Meter) -> None:
    for language, stats in sandbox.pool_stats().items():
        meter.set("pyxec_pool_idle", stats.idle, language)
        meter.count_up_to("pyxec_pool_hits_total", language, total=stats.hits)
        meter.count_up_to("pyxec_pool_misses_total", language, total=stats.misses)
        meter.count_up_to("pyxec_container_start_seconds", language, total=stats.launches, part="count")
        meter.count_up_to("pyxec_container_start_seconds", language, total=stats.launch_seconds, part="sum")


def _collect_cell_metrics(sandbox: CellSandbox, meter: Meter) -> None:
    busy = sandbox.busy_cells()
    for language, stats in sandbox.pool_stats().items():
        meter.set("pyxec_cells", stats.idle, language, "idle")
        meter.set("pyxec_cells", busy.get(language, 0), language, "busy")


def _create_client(settings: Settings) -> redis.Redis:
    return create_client(settings.redis_url, settings.redis_timeout_seconds)

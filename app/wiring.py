"""Puts the parts together: the only module that knows every package."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import dramatiq
import msgspec
import redis
import redis.asyncio
import redis.exceptions
from dramatiq.middleware import AgeLimit, TimeLimit
from periodiq import PeriodiqMiddleware, cron
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.actors.administration import BrokerAdministration
from app.actors.housekeeping import Chore, Housekeeping
from app.actors.intake import RUN_JOB, Intake
from app.actors.job_figures import JobFigures
from app.actors.lifecycle import Service, WorkerServices
from app.actors.recovery import MAINTENANCE_QUEUE, Recovery
from app.actors.run_job import JobRunner
from app.actors.webhooks import DELIVER_WEBHOOK, WEBHOOKS_QUEUE, WebhookRelay, Webhooks
from app.broker import AsyncProducer, StreamsBroker, default_middleware
from app.config import ConfigurationError, Settings
from app.core.metrics import Meter
from app.core.tiers import ANONYMOUS_TIER, Tier
from app.http import HttpSettings, TrustedProxies, create_app
from app.sandbox.docker_sandbox import DockerSandbox
from app.sandbox.engine import Engine
from app.sandbox.languages import load_languages
from app.sandbox.reaper import reap
from app.store.admissions import RedisAdmissions
from app.store.api_keys import RedisApiKeys
from app.store.effects import JobEffects
from app.store.inboxes import Inboxes
from app.store.jobs import RedisJobs
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.languages import RedisLanguages, publish_languages
from app.store.metrics import PUBLISH_SECONDS, RedisMetrics, publish_metrics
from app.store.outbox import Outbox
from app.store.presence import BEAT_SECONDS, Presence
from app.store.replays import Replays
from app.store.wakeups import Wakeups

__all__ = ["create_api", "create_api_keys", "create_broker", "new_id", "now_ms"]

CATALOGUE: Final = Path(__file__).resolve().parent.parent / "languages"
_SHORTEST_OPERATOR_KEY: Final = 32
_INFRASTRUCTURE_RETRIES: Final = 4
_FIRST_RETRY_MS: Final = 1_000
_LAST_RETRY_MS: Final = 30_000
# Ten of them, each twice as far as the one before: an hour and a half in all.
_WEBHOOK_RETRIES: Final = 10
_FIRST_WEBHOOK_RETRY_MS: Final = 5_000
_LAST_WEBHOOK_RETRY_MS: Final = 3_600_000
_TELL_LANGUAGES_SECONDS: Final = 15.0
_REAP_SECONDS: Final = 30.0


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """128 random bits: nobody guesses a job's id."""
    return secrets.token_hex(16)


def create_api(settings: Settings) -> Any:
    """The ASGI application of the gateway. Connects to nothing yet; never touches the engine."""
    keys = StoreKeys(settings.namespace)
    client = _async_client(settings)
    effects = JobEffects(keys, settings.result_ttl_seconds)
    # A connection that only listens is silent for as long as nothing happens: no time-out there.
    wakeups = Wakeups(redis.asyncio.Redis.from_url(settings.redis_url))
    producer = AsyncProducer(client, settings.namespace)
    jobs = RedisJobs(
        client, keys, Intake(producer, effects, settings.max_backlog), wakeups, settings.result_ttl_seconds
    )

    administration = _administration(settings)

    async def close() -> None:
        await wakeups.close()
        await producer.close()
        await jobs.close()
        await client.aclose()
        await asyncio.to_thread(administration.close)

    known = [language.info(None) for language in load_languages(CATALOGUE).values()]
    return create_app(
        jobs=jobs,
        languages=RedisLanguages(client, keys, known),
        admissions=RedisAdmissions(client, keys, global_rate_per_minute=settings.global_rate_per_minute),
        api_keys=create_api_keys(settings, client),
        administration=administration,
        metrics=RedisMetrics(client, keys, f"api-{secrets.token_hex(4)}"),
        settings=_http_settings(settings),
        new_id=new_id,
        now_ms=now_ms,
        close=close,
    )


def _administration(settings: Settings) -> BrokerAdministration:
    keys = StoreKeys(settings.namespace)
    broker = StreamsBroker(client=_client(settings), namespace=settings.namespace)
    for queue_name in (JOBS_QUEUE, MAINTENANCE_QUEUE, WEBHOOKS_QUEUE):
        broker.declare_queue(queue_name)
    return BrokerAdministration(broker, Presence(broker.client, keys), Replays(broker.client, keys))


def create_api_keys(settings: Settings, client: redis.asyncio.Redis | None = None) -> RedisApiKeys:
    """The API keys, for the gateway and for the command line on its host.

    Raises:
        ConfigurationError: the operator's key cannot be read, or is too short to be one.
    """
    operator_key = None if settings.admin_key_file is None else _operator_key(settings.admin_key_file)
    keys = StoreKeys(settings.namespace)
    return RedisApiKeys(client or _async_client(settings), keys, secrets.token_bytes, operator_key)


def _operator_key(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"PYXEC_ADMIN_KEY_FILE={str(path)!r}: cannot be read: {e}") from e
    if len(text) < _SHORTEST_OPERATOR_KEY:
        raise ConfigurationError(f"PYXEC_ADMIN_KEY_FILE={str(path)!r}: its key is shorter than 32 characters")
    return text


def _http_settings(settings: Settings) -> HttpSettings:
    return HttpSettings(
        max_body_bytes=settings.max_body_bytes,
        max_wait_seconds=settings.max_wait_seconds,
        drain_seconds=settings.drain_seconds,
        allowed_origins=settings.allowed_origins,
        anonymous_tier=_anonymous_tier(settings) if settings.anonymous else None,
        allow_private_webhooks=settings.webhook_allow_private,
        trusted_proxies=TrustedProxies.parse(settings.trusted_proxies),
    )


def _anonymous_tier(settings: Settings) -> Tier:
    return msgspec.structs.replace(
        ANONYMOUS_TIER,
        rate_per_minute=settings.rate_per_minute,
        burst=settings.rate_burst,
        address_rate_per_minute=settings.rate_per_minute,
        unfinished_jobs=settings.anonymous_jobs,
    )


def create_broker(settings: Settings) -> StreamsBroker:
    """The broker with all actors declared, for workers and schedulers. What a worker needs besides starts with it."""
    broker = StreamsBroker(
        client=_client(settings),
        namespace=settings.namespace,
        lease_ms=int(settings.lease_seconds * 1000),
        max_deliveries=settings.max_deliveries,
        middleware=_middleware(),
    )
    meter = Meter()
    _declare_recovery(broker, meter)
    job_services = _declare_run_job(broker, settings, meter)
    webhook_services = _declare_webhooks(broker, settings)
    maintenance_services = [Housekeeping([_tell_figures(settings, broker, meter)])]
    broker.add_middleware(
        WorkerServices(
            {
                JOBS_QUEUE: job_services,
                WEBHOOKS_QUEUE: webhook_services,
                MAINTENANCE_QUEUE: maintenance_services,
            }
        )
    )
    return broker


def _middleware() -> list[dramatiq.Middleware]:
    # A job has limits of its own, and an accepted one never grows too old: neither of Dramatiq's may end it.
    ours = [middleware for middleware in default_middleware() if not isinstance(middleware, AgeLimit | TimeLimit)]
    return [*ours, PeriodiqMiddleware(skip_delay=30)]


def _tell_figures(
    settings: Settings, broker: StreamsBroker, meter: Meter, sandbox: DockerSandbox | None = None
) -> Chore:
    client, keys = _client(settings), StoreKeys(settings.namespace)

    def tell() -> None:
        meter.count_up_to("pyxec_fenced_total", total=broker.fenced_total)
        if sandbox is not None:
            _read_pool(sandbox, meter)
        publish_metrics(client, keys, broker.consumer_name, meter)

    return Chore("tell_figures", PUBLISH_SECONDS, tell)


def _read_pool(sandbox: DockerSandbox, meter: Meter) -> None:
    for language, figures in sandbox.pool_figures().items():
        meter.set("pyxec_pool_idle", figures.idle, language)
        meter.count_up_to("pyxec_pool_hits_total", language, total=figures.hits)
        meter.count_up_to("pyxec_pool_misses_total", language, total=figures.misses)
        meter.count_up_to("pyxec_container_start_seconds", language, total=figures.launches, part="count")
        meter.count_up_to("pyxec_container_start_seconds", language, total=figures.launch_seconds, part="sum")


def _declare_run_job(broker: StreamsBroker, settings: Settings, meter: Meter) -> Sequence[Service]:
    keys = StoreKeys(settings.namespace)
    client = _client(settings)
    engine = Engine(settings.docker_host, settings.engine_timeout_seconds)
    sandbox = _sandbox(engine, settings, broker.consumer_name)
    inboxes = Inboxes(client, keys, broker.consumer_name)
    runner = JobRunner(
        broker, JobEffects(keys, settings.result_ttl_seconds), sandbox, inboxes, now_ms, JobFigures(meter)
    )
    chores = [
        *_chores(client, keys, settings, engine, sandbox, broker.consumer_name, meter),
        _tell_figures(settings, broker, meter, sandbox),
    ]
    dramatiq.actor(
        actor_name=RUN_JOB,
        queue_name=JOBS_QUEUE,
        broker=broker,
        max_retries=_INFRASTRUCTURE_RETRIES,
        min_backoff=_FIRST_RETRY_MS,
        max_backoff=_LAST_RETRY_MS,
    )(runner.run)
    return [Housekeeping(chores), inboxes, sandbox]


def _declare_webhooks(broker: StreamsBroker, settings: Settings) -> Sequence[Service]:
    outbox = Outbox(_client(settings), StoreKeys(settings.namespace))
    dramatiq.actor(
        actor_name=DELIVER_WEBHOOK,
        queue_name=WEBHOOKS_QUEUE,
        broker=broker,
        max_retries=_WEBHOOK_RETRIES,
        min_backoff=_FIRST_WEBHOOK_RETRY_MS,
        max_backoff=_LAST_WEBHOOK_RETRY_MS,
    )(Webhooks(outbox, settings.webhook_allow_private).deliver)
    return [WebhookRelay(broker, outbox)]


def _sandbox(engine: Engine, settings: Settings, worker: str) -> DockerSandbox:
    return DockerSandbox(
        engine,
        load_languages(CATALOGUE),
        worker=worker,
        namespace=settings.namespace,
        runtime=settings.container_runtime,
        cpus=settings.sandbox_cpus,
        pool_floor=settings.pool_floor,
        pool_ceiling=settings.pool_ceiling,
    )


def _chores(
    client: redis.Redis,
    keys: StoreKeys,
    settings: Settings,
    engine: Engine,
    sandbox: DockerSandbox,
    worker: str,
    meter: Meter,
) -> Sequence[Chore]:
    presence = Presence(client, keys)

    def remove_orphans() -> None:
        meter.count("pyxec_sandboxes_orphaned_total", by=reap(engine, settings.namespace, presence.is_alive))

    host = socket.gethostname()
    return [
        Chore("beat", BEAT_SECONDS, lambda: presence.beat(worker)),
        Chore(
            "tell_languages",
            _TELL_LANGUAGES_SECONDS,
            lambda: publish_languages(client, keys, host, sandbox.installed()),
        ),
        Chore("reap", _REAP_SECONDS, remove_orphans),
    ]


def _declare_recovery(broker: StreamsBroker, meter: Meter) -> None:
    def schedule_sweep(queue_name: str, delay_ms: int) -> None:
        sweep.send_with_options(args=(queue_name,), delay=delay_ms or None)

    recovery = Recovery(broker, schedule_sweep, now_ms, lambda count: meter.count("pyxec_recovered_total", by=count))
    options: dict[str, Any] = {"queue_name": MAINTENANCE_QUEUE, "broker": broker, "max_retries": 0}
    sweep = dramatiq.actor(actor_name="sweep", **options)(recovery.sweep)
    dramatiq.actor(actor_name="recovery_tick", periodic=cron("* * * * *"), **options)(recovery.tick)


def _client(settings: Settings) -> redis.Redis:
    timeout = settings.redis_timeout_seconds
    return redis.Redis.from_url(settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout)


def _async_client(settings: Settings) -> redis.asyncio.Redis:
    timeout = settings.redis_timeout_seconds
    # After a restart of the server the pool is full of connections that are dead and do not know it: the first command
    # on each is tried once more. What must not be sent twice goes through copies of this client without retries.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,))
    return redis.asyncio.Redis.from_url(
        settings.redis_url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry
    )

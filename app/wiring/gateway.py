"""The gateway's parts put together."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec

from app.broker import AsyncProducer, StreamsBroker
from app.config import Settings
from app.core.tiers import ANONYMOUS_TIER, Tier
from app.http import HttpSettings, TrustedProxies, create_app
from app.sandbox.images.catalogue import load_languages
from app.store.administration import Administration
from app.store.effects import JobEffects
from app.store.jobs import JobStore
from app.store.keys import JOBS_QUEUE, MAINTENANCE_QUEUE, WEBHOOKS_QUEUE, StoreKeys
from app.store.languages import LanguageStore
from app.store.memory_guard import MemoryGuard
from app.store.metrics import MetricStore
from app.store.multiplexed import Multiplexed
from app.store.rate_limits import RateLimiter
from app.store.replays import Replays
from app.store.running_jobs import RunningJobs
from app.store.submission import Submitter
from app.store.wakeups import Wakeups
from app.store.worker_registry import WorkerRegistry
from app.telemetry.tracer import create_tracer
from app.wiring.api_keys import create_api_keys
from app.wiring.connections import CATALOGUE, async_client, listening_client, now_ms
from app.wiring.connections import client as redis_client
from app.wiring.ids import new_id

__all__ = ["create_api"]


def create_api(settings: Settings) -> Any:
    """The ASGI application of the gateway. Connects to nothing yet; never touches the engine."""
    keys = StoreKeys(settings.namespace)
    client = async_client(settings)
    quick = Multiplexed(client)
    effects = JobEffects(keys, settings.result_ttl_seconds)
    wakeups = Wakeups(listening_client(settings))
    producer = AsyncProducer(quick, settings.namespace)
    rate_limiter = RateLimiter(quick, keys, global_rate_per_minute=settings.global_rate_per_minute)
    submitter = Submitter(producer, client, effects, rate_limiter, MemoryGuard(client), settings.max_backlog)
    jobs = JobStore(client, keys, wakeups, settings.result_ttl_seconds)

    administration = _administration(settings)

    async def close() -> None:
        await wakeups.close()
        await producer.close()
        await jobs.close()
        await quick.aclose()
        await client.aclose()
        await asyncio.to_thread(administration.close)

    known = [language.info(None) for language in load_languages(CATALOGUE).values()]
    return create_app(
        jobs=jobs,
        languages=LanguageStore(client, keys, known),
        submitter=submitter,
        api_keys=create_api_keys(settings, client),
        administration=administration,
        metrics=MetricStore(client, keys, f"api-{secrets.token_hex(4)}"),
        settings=_http_settings(settings),
        new_id=new_id,
        now_ms=now_ms,
        close=close,
        tracer=create_tracer(settings.otlp_endpoint, "pyxec-api"),
    )


def _administration(settings: Settings) -> Administration:
    keys = StoreKeys(settings.namespace)
    broker = StreamsBroker(client=redis_client(settings), namespace=settings.namespace)
    for queue_name in (JOBS_QUEUE, MAINTENANCE_QUEUE, WEBHOOKS_QUEUE):
        broker.declare_queue(queue_name)
    client = broker.client
    return Administration(broker, WorkerRegistry(client, keys), RunningJobs(client, keys), Replays(client, keys))


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

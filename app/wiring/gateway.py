"""Creates the gateway with all its dependencies."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec
import redis.asyncio

from app.broker import AsyncProducer, StreamsBroker
from app.config import ConfigurationError, Settings
from app.core.callers import ANONYMOUS_TIER, Tier
from app.core.timestamps import current_unix_ms
from app.http.app import create_app
from app.http.client_address import TrustedProxies
from app.http.settings import HttpSettings
from app.sandbox.images.catalogue import CatalogueError, load_languages
from app.store.admin.administration import Administration
from app.store.admin.audit_log import AuditLog
from app.store.admin.inventory import Inventory
from app.store.callers.admission import MemoryGuard, RateLimiter
from app.store.callers.api_keys import ApiKeyStore
from app.store.connection import create_async_client, create_client, create_pubsub_client
from app.store.files.file_store import FileStore
from app.store.files.file_table import FileTable
from app.store.jobs.batches import BatchStore
from app.store.jobs.effects import JobEffects
from app.store.jobs.job_store import JobStore
from app.store.jobs.submission import Submitter
from app.store.jobs.wakeups import Wakeups
from app.store.keys import JOBS_QUEUE, MAINTENANCE_QUEUE, WEBHOOKS_QUEUE, StoreKeys
from app.store.languages import LanguageStore
from app.store.links import LinkLimits, LinkStore
from app.store.metrics import MetricStore
from app.store.workspaces.workspace_store import WorkspaceStore
from app.telemetry.tracer import create_tracer
from app.wiring.file_storage import create_file_storage

__all__ = ["check_languages", "create_api", "create_api_keys", "create_audit_log", "create_file_store"]


def check_languages(settings: Settings) -> None:
    """Check the language files.

    Raises:
        ConfigurationError: A file is invalid. The message names it, the line and the field.
    """
    try:
        load_languages(*settings.language_folders)
    except CatalogueError as e:
        raise ConfigurationError(str(e)) from e


def create_api(settings: Settings) -> Any:
    """Create the ASGI application of the gateway. It connects to Redis with the first request."""
    url, timeout_seconds = settings.redis_url, settings.redis_timeout_seconds
    client = create_async_client(url, timeout_seconds)
    wakeups = Wakeups(create_pubsub_client(url, timeout_seconds))
    keys = StoreKeys(settings.namespace)
    jobs = JobStore(client, keys, wakeups, settings.result_ttl_seconds)
    producer = AsyncProducer(client, settings.namespace)
    files = create_file_store(settings, client)
    workspaces = WorkspaceStore(client, keys, create_file_storage(settings), files.run, settings.file_ttl_seconds)
    submitter = Submitter(
        producer,
        client,
        JobEffects(keys, settings.result_ttl_seconds),
        RateLimiter(jobs.writes, keys, global_rate_per_minute=settings.global_rate_per_minute),
        MemoryGuard(client),
        workspaces,
        settings.max_backlog,
    )
    administration = _create_administration(settings)

    async def close() -> None:
        await wakeups.close()
        await producer.close()
        await jobs.close()
        files.close()
        await client.aclose()
        await asyncio.to_thread(administration.close)

    catalogue = [language.info(None) for language in load_languages(*settings.language_folders).values()]
    return create_app(
        jobs=jobs,
        batches=BatchStore(client, keys, wakeups, settings.result_ttl_seconds),
        files=files,
        workspaces=workspaces,
        links=LinkStore(client, keys, _link_limits(settings)),
        inventory=Inventory(client, keys),
        languages=LanguageStore(client, keys, catalogue),
        submitter=submitter,
        api_keys=create_api_keys(settings, client),
        administration=administration,
        audit_log=AuditLog(client, keys),
        metrics=MetricStore(client, keys, f"api-{secrets.token_hex(4)}", settings.max_backlog),
        settings=_http_settings(settings),
        new_id=lambda: secrets.token_hex(16),
        now_ms=current_unix_ms,
        close=close,
        tracer=create_tracer(settings.otlp_endpoint, "pyxec-api"),
    )


def create_file_store(settings: Settings, client: redis.asyncio.Redis) -> FileStore:
    """Create the store of files."""
    storage = create_file_storage(settings)
    table = FileTable(client, StoreKeys(settings.namespace), settings.file_ttl_seconds, storage.capacity_bytes)
    return FileStore(table, storage, settings.max_file_bytes)


def create_api_keys(settings: Settings, client: redis.asyncio.Redis | None = None) -> ApiKeyStore:
    """Create the store of API keys, for the gateway and for the command line on its host."""
    client = client or create_async_client(settings.redis_url, settings.redis_timeout_seconds)
    return ApiKeyStore(client, StoreKeys(settings.namespace), secrets.token_bytes, settings.admin_key, current_unix_ms)


def create_audit_log(settings: Settings) -> AuditLog:
    """Create the audit log, for the command line."""
    client = create_async_client(settings.redis_url, settings.redis_timeout_seconds)
    return AuditLog(client, StoreKeys(settings.namespace))


def _create_administration(settings: Settings) -> Administration:
    client = create_client(settings.redis_url, settings.redis_timeout_seconds)
    broker = StreamsBroker(client=client, namespace=settings.namespace)
    for queue_name in (JOBS_QUEUE, MAINTENANCE_QUEUE, WEBHOOKS_QUEUE):
        broker.declare_queue(queue_name)
    return Administration(broker, StoreKeys(settings.namespace), settings.result_ttl_seconds)


def _http_settings(settings: Settings) -> HttpSettings:
    return HttpSettings(
        max_body_bytes=settings.max_body_bytes,
        max_wait_seconds=settings.max_wait_seconds,
        drain_seconds=settings.drain_seconds,
        allowed_origins=settings.allowed_origins,
        allowed_hosts=settings.allowed_hosts,
        piston_any_version=settings.piston_any_version,
        anonymous_tier=_anonymous_tier(settings) if settings.anonymous else None,
        allow_private_webhooks=settings.webhook_allow_private,
        trusted_proxies=TrustedProxies.parse(settings.trusted_proxies),
    )


def _link_limits(settings: Settings) -> LinkLimits:
    return LinkLimits(
        ttl_seconds=settings.link_ttl_seconds,
        per_key=settings.links,
        per_address=settings.anonymous_links,
        all_bytes=settings.link_bytes,
    )


def _anonymous_tier(settings: Settings) -> Tier:
    return msgspec.structs.replace(
        ANONYMOUS_TIER,
        rate_per_minute=settings.rate_per_minute,
        burst=settings.rate_burst,
        address_rate_per_minute=settings.rate_per_minute,
        unfinished_jobs=settings.anonymous_jobs,
        storage_bytes=settings.anonymous_storage_bytes,
        file_bytes=settings.anonymous_file_bytes,
    )

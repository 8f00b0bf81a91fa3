"""The broker with all actors declared, for workers and schedulers."""

from __future__ import annotations

from typing import Any

import dramatiq
from dramatiq.middleware import AgeLimit, TimeLimit
from periodiq import PeriodiqMiddleware, cron

from app.actors.maintain import PeriodicTasks, WorkerServices
from app.actors.recover import Recovery
from app.broker import StreamsBroker, default_middleware
from app.config import Settings
from app.core.metrics import Meter
from app.store.keys import JOBS_QUEUE, MAINTENANCE_QUEUE, WEBHOOKS_QUEUE
from app.telemetry.message_tracing import MessageTracing
from app.wiring.connections import client as redis_client
from app.wiring.connections import now_ms
from app.wiring.jobs import declare_run_job
from app.wiring.metrics import publish_metrics_periodically
from app.wiring.telemetry import create_tracer
from app.wiring.webhooks import declare_webhooks

__all__ = ["create_broker"]


def create_broker(settings: Settings) -> StreamsBroker:
    """The broker with all actors declared, for workers and schedulers. What a worker needs besides starts with it."""
    broker = StreamsBroker(
        client=redis_client(settings),
        namespace=settings.namespace,
        lease_ms=int(settings.lease_seconds * 1000),
        max_deliveries=settings.max_deliveries,
        middleware=_middleware(),
    )
    meter = Meter()
    _declare_recovery(broker, meter)
    job_services = declare_run_job(broker, settings, meter)
    webhook_services = declare_webhooks(broker, settings)
    maintenance_services = [PeriodicTasks([publish_metrics_periodically(settings, broker, meter)])]
    broker.add_middleware(
        WorkerServices(
            {
                JOBS_QUEUE: job_services,
                WEBHOOKS_QUEUE: webhook_services,
                MAINTENANCE_QUEUE: maintenance_services,
            }
        )
    )
    tracer = create_tracer(settings, "pyxec-worker")
    if tracer is not None:
        broker.add_middleware(MessageTracing(tracer))
    return broker


def _middleware() -> list[dramatiq.Middleware]:
    # A job has limits of its own, and an accepted one never grows too old: neither of Dramatiq's may end it.
    ours = [middleware for middleware in default_middleware() if not isinstance(middleware, AgeLimit | TimeLimit)]
    return [*ours, PeriodiqMiddleware(skip_delay=30)]


def _declare_recovery(broker: StreamsBroker, meter: Meter) -> None:
    def schedule_sweep(queue_name: str, delay_ms: int) -> None:
        sweep.send_with_options(args=(queue_name,), delay=delay_ms or None)

    recovery = Recovery(broker, schedule_sweep, now_ms, lambda count: meter.count("pyxec_recovered_total", by=count))
    options: dict[str, Any] = {"queue_name": MAINTENANCE_QUEUE, "broker": broker, "max_retries": 0}
    sweep = dramatiq.actor(actor_name="sweep", **options)(recovery.sweep)
    dramatiq.actor(actor_name="recovery_tick", periodic=cron("* * * * *"), **options)(recovery.tick)

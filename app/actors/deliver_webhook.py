"""The actor that delivers webhooks, and the relay that moves them from the outbox to its queue."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import redis.exceptions
import structlog
from dramatiq import Message
from dramatiq.middleware import CurrentMessage
from standardwebhooks import Webhook

from app.actors.webhook_client import Resolver, resolve_host, send_webhook
from app.broker import BrokerUnavailable, Duplicate, Effect, StreamsBroker
from app.core.job.events import LoggedEvent
from app.core.job.results import JobRecord
from app.core.job.webhooks import JobEnded, WebhookBody
from app.core.timestamps import format_optional_timestamp, format_timestamp
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE
from app.store.webhooks.outbox import DueWebhook, JobEnd, Outbox
from app.store.webhooks.webhook_slots import WebhookSlots
from app.telemetry.metrics import Meter

__all__ = ["RELAY_SECONDS", "RETRY_SECONDS", "CallbackFormat", "WebhookDelivery", "WebhookRelay"]

RELAY_SECONDS: Final = 0.5
_BATCH_SIZE: Final = 100
_MAX_BATCHES: Final = 10
#: The attempts to deliver a webhook end within this time, except for the time in which its message is parked.
RETRY_SECONDS: Final = 90 * 60
# A relay that exits between enqueue and remove is replaced by another one well within this time.
_DEDUPLICATION_SECONDS: Final = 3600
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CallbackFormat:
    """The form of the webhooks of another API.

    Attributes:
        method: HTTP method.
        body: Returns the body, before its encoding as JSON, for a finished job and all its events.
    """

    method: str
    body: Callable[[JobRecord, Sequence[LoggedEvent]], object]


class WebhookRelay:
    """Moves due webhooks from the outbox to the queue of the actor.

    The outbox and the queue have different hash tags, so that one script cannot do both steps. A key that expires marks
    the webhook of one end of a job as enqueued: enqueueing it again has no effect.
    """

    def __init__(self, broker: StreamsBroker, outbox: Outbox) -> None:
        self._broker = broker
        self._outbox = outbox

    def relay(self) -> int:
        """Move the webhooks that are due, at most 1,000, and return their number.

        Raises:
            BrokerUnavailable, redis.RedisError: Redis did not answer. No webhook is lost.
        """
        total = 0
        for _ in range(_MAX_BATCHES):
            ends = self._outbox.waiting(_BATCH_SIZE)
            for end in ends:
                self._enqueue(end)
                self._outbox.remove(end)
            total += len(ends)
            if len(ends) < _BATCH_SIZE:
                break
        return total

    def _enqueue(self, end: JobEnd) -> None:
        message: Message[Any] = Message(
            queue_name=WEBHOOKS_QUEUE, actor_name=DELIVER_WEBHOOK, args=(end.job_id, end.id), kwargs={}, options={}
        )
        marker = f"{self._broker.keys(WEBHOOKS_QUEUE).tag}:relayed:{end.id}"
        set_marker = Effect("SET", marker, "1", "EX", _DEDUPLICATION_SECONDS)
        try:
            self._broker.enqueue(message, dedupe_key=marker, effects=[set_marker])
        except Duplicate:
            return


class WebhookDelivery:
    """Delivers webhooks.

    ``deliver`` is the actor. If it raises WebhookUndelivered, the retry middleware repeats it with growing delays, and
    dead-letters the message after the last attempt.

    Args:
        outbox: Reads the URL, the secret and the job of a webhook.
        slots: Limits the concurrent deliveries of an API key and to a host.
        allow_private: Whether webhooks may go to private addresses.
        callback_formats: Formats of the jobs that were submitted through another API, by the name of the API.
        resolve: Resolves host names.
        meter: Counts the attempts.
    """

    def __init__(
        self,
        outbox: Outbox,
        slots: WebhookSlots,
        allow_private: bool,
        callback_formats: Mapping[str, CallbackFormat] = MappingProxyType({}),
        resolve: Resolver = resolve_host,
        meter: Meter | None = None,
    ) -> None:
        self._meter = Meter() if meter is None else meter
        self._outbox = outbox
        self._slots = slots
        self._allow_private = allow_private
        self._callback_formats = callback_formats
        self._resolve = resolve

    def deliver(self, job_id: str, end_id: str | None = None) -> None:
        """Send the webhook of a job, signed as specified by Standard Webhooks (https://www.standardwebhooks.com).

        A webhook whose job or API key has been deleted is dropped. If its API key or its host has too many deliveries
        at the moment, its message is parked and returns to the queue later. The job is kept until its webhook is
        delivered, and as long as a dead letter of the webhook.

        Args:
            job_id: The job.
            end_id: The end that the webhook reports; None, in messages of earlier versions, for the last one.

        Raises:
            WebhookUndelivered: The receiver did not answer with a 2xx.
        """
        webhook = self._outbox.read(job_id, end_id)
        if webhook is None:
            _log.info("webhook_dropped", job_id=job_id)
            self._outbox.release(job_id)
            return
        message = CurrentMessage.get_current_message()
        assert message is not None, "the actor runs in a worker"
        groups = [webhook.job.owner, f"host:{urlsplit(webhook.url).hostname}"]
        # First, so that the record cannot expire before the next attempt if this one does not come to its end.
        self._outbox.keep(job_id)
        if not self._slots.take(message, groups):
            return
        started_at = time.monotonic()
        try:
            self.send(webhook)
            self._meter.count("pyxec_webhooks_total", "delivered")
        except BaseException:
            self._meter.count("pyxec_webhooks_total", "failed")
            raise
        finally:
            # A webhook that was delivered must not be repeated because of this. The slots expire.
            with _suppressed_store_errors():
                self._slots.release(message, groups, time.monotonic() - started_at)
        if webhook.is_latest:
            with _suppressed_store_errors():
                self._outbox.release(job_id)
        _log.info("webhook_delivered", job_id=job_id)

    def send(self, webhook: DueWebhook) -> None:
        """Send a webhook without a slot.

        Raises:
            WebhookUndelivered: The receiver did not answer with a 2xx.
        """
        method, body = self._encode(webhook.job)
        timestamp = int(time.time())
        headers = {
            "webhook-id": webhook.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": Webhook(webhook.secret).sign(
                webhook.id, datetime.fromtimestamp(timestamp, UTC), body.decode()
            ),
        }
        send_webhook(
            webhook.url, headers, body, allow_private=self._allow_private, method=method, resolve=self._resolve
        )

    def _encode(self, job: JobRecord) -> tuple[str, bytes]:
        """Return the method and the body."""
        callback_format = None if job.foreign is None else self._callback_formats.get(job.foreign.api)
        if callback_format is None:
            return "POST", msgspec.json.encode(WebhookBody("job.finished", _finished_job(job)))
        return callback_format.method, msgspec.json.encode(callback_format.body(job, self._outbox.events(job.id)))


def _suppressed_store_errors() -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(redis.exceptions.RedisError, BrokerUnavailable, OSError)


def _finished_job(job: JobRecord) -> JobEnded:
    result = job.result
    assert result is not None, "a job in the outbox has finished"
    return JobEnded(
        id=job.id,
        status=job.state,
        outcome=result.outcome,
        exit_code=result.exit_code,
        signal=result.signal,
        message=result.message,
        usage=result.usage,
        language=job.language,
        version=result.version,
        labels=job.labels,
        attempt=job.attempt,
        created_at=format_timestamp(job.created_at_ms),
        started_at=format_optional_timestamp(job.started_at_ms),
        finished_at=format_optional_timestamp(job.finished_at_ms),
    )

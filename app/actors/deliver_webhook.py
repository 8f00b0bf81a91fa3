"""Tells clients that their jobs have ended: from the outbox to the queue, and from the queue to the client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec
import redis.exceptions
import structlog
from dramatiq import Message

from app.actors.webhook_request import Resolve, resolve, send_webhook, signature
from app.broker import BrokerUnavailable, Duplicate, Effect, StreamsBroker
from app.core.events import LoggedEvent
from app.core.results import JobRecord
from app.core.timestamps import moment, moment_or_none
from app.core.webhook_body import JobEnded, WebhookBody
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE
from app.store.outbox import Outbox

__all__ = ["Telling", "WebhookRelay", "Webhooks"]

_LOOK_SECONDS: Final = 0.5
_BATCH: Final = 100
# A relay that died between the two steps is followed by another well within this.
_REMEMBER_SECONDS: Final = 30
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Telling:
    """How clients of another API want to be told: ``body`` makes what becomes JSON of a job and all its events."""

    method: str
    body: Callable[[JobRecord, Sequence[LoggedEvent]], object]


class WebhookRelay:
    """A service of the processes that deliver: takes what is due from the outbox to the queue.

    The two have different hash tags, so that it is two steps; the second way of doing the first step is recognised.
    """

    def __init__(self, broker: StreamsBroker, outbox: Outbox) -> None:
        self._broker = broker
        self._outbox = outbox
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook-relay", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is at hand."""
        self._stopping.set()
        self._thread.join()

    def relay(self) -> int:
        """Take over what is due now; how many there were."""
        due = self._outbox.waiting(_BATCH)
        for job_id in due:
            self._enqueue(job_id)
            self._outbox.remove(job_id)
        return len(due)

    def _enqueue(self, job_id: str) -> None:
        message: Message[Any] = Message(
            queue_name=WEBHOOKS_QUEUE, actor_name=DELIVER_WEBHOOK, args=(job_id,), kwargs={}, options={}
        )
        relayed = f"{self._broker.keys(WEBHOOKS_QUEUE).tag}:relayed:{job_id}"
        remember = Effect("SET", relayed, "1", "EX", _REMEMBER_SECONDS)
        try:
            self._broker.enqueue(message, dedupe_key=relayed, effects=[remember])
        except Duplicate:
            return

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self.relay()
            except (BrokerUnavailable, redis.exceptions.RedisError, OSError) as e:
                _log.warning("webhook_relay_failed", error=f"{type(e).__name__}: {e}")
                found = 0
            if found < _BATCH:
                self._stopping.wait(_LOOK_SECONDS)


class Webhooks:
    """The body of the actor. A WebhookUndelivered leaves it: then it is tried again, less and less often, and
    dead-lettered in the end.

    Parameters:
        allow_private: whether private addresses may be told, too.
        tellings: of jobs that came through another API, by its name; ours for all others.
    """

    def __init__(
        self,
        outbox: Outbox,
        allow_private: bool,
        tellings: Mapping[str, Telling] = MappingProxyType({}),
        resolve: Resolve = resolve,
    ) -> None:
        self._outbox = outbox
        self._allow_private = allow_private
        self._tellings = tellings
        self._resolve = resolve

    def deliver(self, job_id: str) -> None:
        """Only called by a Dramatiq worker."""
        due = self._outbox.read(job_id)
        if due is None:
            _log.info("webhook_void", job_id=job_id)
            return
        method, body = self._request(due.job)
        headers = [("Pyxec-Signature", signature(due.secret, int(time.time()), body)), ("Pyxec-Delivery", job_id)]
        send_webhook(due.url, headers, body, allow_private=self._allow_private, method=method, resolve=self._resolve)
        _log.info("webhook_delivered", job_id=job_id)

    def _request(self, job: JobRecord) -> tuple[str, bytes]:
        telling = None if job.foreign is None else self._tellings.get(job.foreign.api)
        if telling is None:
            return "POST", msgspec.json.encode(WebhookBody("job.finished", _told(job)))
        return telling.method, msgspec.json.encode(telling.body(job, self._outbox.events(job.id)))


def _told(job: JobRecord) -> JobEnded:
    result = job.result
    assert result is not None, "a job in the outbox has ended"
    return JobEnded(
        id=job.id,
        status=job.state,
        outcome=result.outcome,
        exit_code=result.exit_code,
        signal=result.signal,
        message=result.message,
        usage=result.usage,
        language=job.spec.language,
        version=result.version,
        labels=job.labels,
        attempt=job.attempt,
        created_at=moment(job.created_at_ms),
        started_at=moment_or_none(job.started_at_ms),
        finished_at=moment_or_none(job.finished_at_ms),
    )

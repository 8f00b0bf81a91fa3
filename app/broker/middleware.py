"""Dramatiq middleware of this broker."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from typing import Any, cast

from dramatiq import Actor, Broker, MessageProxy, Middleware, Worker
from dramatiq.common import compute_backoff
from dramatiq.errors import Retry
from dramatiq.middleware import (
    AgeLimit,
    Callbacks,
    CurrentMessage,
    Pipelines,
    ShutdownNotifications,
    SkipMessage,
    TimeLimit,
)
from dramatiq.results import Results

from app.broker.administration import QueueAdministration
from app.broker.delivery.deliveries import Deliveries
from app.broker.delivery.lease_renewal import LeaseRenewal
from app.broker.delivery.message import StreamMessage
from app.broker.delivery.shutdown import GracefulShutdown
from app.broker.errors import BrokerUnavailable
from app.broker.keys import QueueKeys
from app.broker.maintenance import delete_consumer
from app.broker.results import StreamResultBackend
from app.broker.scripts import Run, Script, ScriptCall

__all__ = ["FailureResults", "StreamAgeLimit", "StreamRetries", "WorkerLifecycle", "default_middleware"]

# Dramatiq's Retries has the same defaults for both.
_MAX_BACKOFF_MS = 7 * 24 * 3_600_000
_MAX_FRAMES = 30
_CLOCK_TTL_SECONDS = 60.0

_log = logging.getLogger(__name__)


def default_middleware() -> list[Middleware]:
    """Return Dramatiq's default middleware, adapted to this broker.

    StreamAgeLimit and StreamRetries replace AgeLimit and Retries. CurrentMessage gives an actor access to its
    `StreamMessage`. The order matters: after a message ran, it is processed backwards.
    """
    return [
        StreamAgeLimit(),
        TimeLimit(),
        ShutdownNotifications(),
        CurrentMessage(),
        Callbacks(),
        Pipelines(),
        StreamRetries(),
    ]


class StreamAgeLimit(AgeLimit):
    """Dead-letters messages that are older than ``max_age`` ms.

    Unlike Dramatiq's AgeLimit, it measures the age from the acceptance by the server and with the server's clock,
    because the clocks of producers and workers may differ.
    """

    def __init__(self, *, max_age: int | None = None) -> None:
        super().__init__(max_age=max_age)
        self._server_times: dict[QueueKeys, tuple[float, int]] = {}

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Skip a message that is too old."""
        if not isinstance(message, StreamMessage):
            super().before_process_message(broker, message)  # type: ignore[no-untyped-call]
            return
        options = broker.get_actor(message.actor_name).options
        max_age_ms = message.options.get("max_age") or options.get("max_age", self.max_age)
        if max_age_ms and self._age_ms(cast(QueueAdministration, broker).run, message) >= max_age_ms:
            self.logger.warning("Message %r has exceeded its age limit.", message.message_id)
            message.fail()
            raise SkipMessage("Message age limit exceeded")

    def _age_ms(self, run: Run, message: StreamMessage) -> int:
        try:
            return self._server_time_ms(run, message.keys) - message.created_ms
        except BrokerUnavailable:
            return 0  # the age is unknown; the message runs

    def _server_time_ms(self, run: Run, keys: QueueKeys) -> int:
        """Return the server's Unix time. It is read once a minute; the monotonic clock supplies the difference."""
        read_at, server_ms = self._server_times.get(keys, (-_CLOCK_TTL_SECONDS, 0))
        now = time.monotonic()
        if now - read_at > _CLOCK_TTL_SECONDS:
            read_at, server_ms = now, int(run(ScriptCall(Script.SERVER_TIME, [keys.stream])))
            self._server_times[keys] = read_at, server_ms
        return server_ms + int((now - read_at) * 1000)


class StreamRetries(Middleware):
    """Retries failed messages with exponential backoff. It has the options of Dramatiq's Retries.

    Dramatiq swallows exceptions that a middleware raises after a message ran. A retry that is enqueued there can be
    lost while its message is acknowledged. Therefore this middleware only records the retry, and the script that
    settles the message writes it.

    Args:
        max_retries: Maximum number of retries; None for no limit.
        min_backoff: Delay of the first retry, in ms. It doubles with each retry.
        max_backoff: Maximum delay, in ms.
        retry_when: Called with the number of retries and the exception. It replaces `max_retries`.
    """

    def __init__(
        self,
        *,
        max_retries: int | None = 20,
        min_backoff: int = 15_000,
        max_backoff: int = _MAX_BACKOFF_MS,
        retry_when: Callable[[int, BaseException], bool] | None = None,
    ) -> None:
        self.max_retries = max_retries
        self.min_backoff = min_backoff
        self.max_backoff = max_backoff
        self.retry_when = retry_when

    @property
    def actor_options(self) -> set[str]:
        """The options of Dramatiq's Retries."""
        return {"max_retries", "min_backoff", "max_backoff", "retry_when", "throws", "on_retry_exhausted"}

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Record a retry, or fail the message."""
        if exception is None or not isinstance(message, StreamMessage):
            return
        actor = broker.get_actor(message.actor_name)
        throws = _option(message, actor, "throws", None)
        if throws and isinstance(exception, throws):
            message.fail()
            return
        retries = int(message.options.get("retries", 0))
        message.options["retries"] = retries + 1
        message.options["traceback"] = traceback.format_exc(limit=_MAX_FRAMES)
        message.options["requeue_timestamp"] = int(time.time() * 1000)
        if self._may_retry(message, actor, retries, exception):
            message.retry_later(self._delay_ms(message, actor, retries, exception))
        else:
            self._give_up(broker, message, actor, retries)

    def _may_retry(self, message: StreamMessage, actor: Actor[Any, Any], retries: int, error: BaseException) -> bool:
        retry_when = actor.options.get("retry_when", self.retry_when)
        if retry_when is not None:
            return bool(retry_when(retries, error))
        max_retries = _option(message, actor, "max_retries", self.max_retries)
        return max_retries is None or retries < max_retries

    def _delay_ms(self, message: StreamMessage, actor: Actor[Any, Any], retries: int, error: BaseException) -> int:
        if isinstance(error, Retry) and error.delay is not None:
            return error.delay
        min_backoff = _option(message, actor, "min_backoff", self.min_backoff)
        max_backoff = min(_option(message, actor, "max_backoff", self.max_backoff), _MAX_BACKOFF_MS)
        return compute_backoff(retries, factor=min_backoff, max_backoff=max_backoff)[1]

    def _give_up(self, broker: Broker, message: StreamMessage, actor: Actor[Any, Any], retries: int) -> None:
        _log.warning("Retries exceeded for message %r.", message.message_id)
        message.fail()
        target = _option(message, actor, "on_retry_exhausted", None)
        if target:
            limit = _option(message, actor, "max_retries", self.max_retries)
            broker.get_actor(target).send(message.asdict(), {"retries": retries, "max_retries": limit})


def _option(message: StreamMessage, actor: Actor[Any, Any], name: str, default: Any) -> Any:
    """Return the option of the message, else of the actor, else the default."""
    return message.options.get(name, actor.options.get(name, default))


class FailureResults(Middleware):
    """Stores the failure of an actor in the script that dead-letters its message. The broker adds it itself.

    Dramatiq's Results middleware stores it after the rejection, when the lease no longer protects the write.
    """

    def before_nack(self, broker: Broker, message: MessageProxy) -> None:
        """Add the failure to the script that dead-letters the message."""
        for middleware in broker.middleware:
            if isinstance(middleware, Results) and isinstance(middleware.backend, StreamResultBackend):
                self._add_failure(broker, message, middleware, middleware.backend)

    @staticmethod
    def _add_failure(broker: Broker, message: MessageProxy, results: Results, backend: StreamResultBackend) -> None:
        store, ttl_ms = results._lookup_options(broker, message)  # type: ignore[no-untyped-call]
        if store and message.failed and isinstance(message, StreamMessage):
            error = message._exception or Exception("unknown")
            message.reject_with(backend.effects(message, error, ttl_ms))


class WorkerLifecycle(Middleware):
    """Prepares a worker for this broker: limits what it holds, renews its leases and replaces its shutdown.

    The broker adds it itself, before all other middleware. It also declares the actor options ``lane`` and
    ``marks_start`` (`StreamsBroker.fenced`).

    Args:
        deliveries: The messages of this process.
        run: Runs a command.
        lease_ms: Duration of a lease.
    """

    def __init__(self, deliveries: Deliveries, run: Run, lease_ms: int) -> None:
        self._deliveries = deliveries
        self._run = run
        self._lease_ms = lease_ms
        self._renewals: dict[str, LeaseRenewal] = {}

    @property
    def actor_options(self) -> set[str]:
        """The actor options of the broker itself."""
        return {"lane", "marks_start"}

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Limit the messages of the process to its threads: a message that it cannot run must not wait in it."""
        self._deliveries.limit.max_held = worker.worker_threads
        # Dramatiq's default is twice the number of threads.
        worker.queue_prefetch = min(worker.queue_prefetch, worker.worker_threads)
        GracefulShutdown(worker, self._deliveries).install()

    def after_consumer_thread_boot(self, broker: Broker, thread: Any) -> None:
        """Start renewing the leases of a queue."""
        queue_name = thread.queue_name
        if queue_name in broker.queues and queue_name not in self._renewals:
            keys = cast(QueueAdministration, broker).keys(queue_name)
            self._renewals[queue_name] = LeaseRenewal(keys, self._deliveries, self._run, self._lease_ms)
            self._renewals[queue_name].start()
            self._deliveries.consumer_threads[keys] = thread

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Skip a message whose lease was lost before it was started, for example in a suspended process."""
        if isinstance(message, StreamMessage) and message.lease_lost.is_set():
            raise SkipMessage("the lease was lost before the message was started")

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Stop renewing leases, and delete the lease of this process and its consumers that hold no messages."""
        for renewal in self._renewals.values():
            renewal.stop()
        self._renewals.clear()
        self._deliveries.consumer_threads.clear()
        self._deliveries.stopping_since = self._deliveries.limit.max_held = None
        try:
            for keys in self._deliveries.queues():
                delete_consumer(self._run, keys, self._deliveries.consumer_name)
        except BrokerUnavailable as e:
            _log.warning("The consumers of this worker were not deleted; recovery deletes them later: %s", e)

"""Shutdown of a worker: stop fetching, release what was not started, wait for running messages, release the rest."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

from dramatiq import Worker
from dramatiq.common import iter_queue

from app.broker.delivery.consumer import StreamConsumer
from app.broker.delivery.deliveries import Deliveries
from app.broker.errors import BrokerUnavailable

__all__ = ["GracefulShutdown"]

_RELEASE_INTERVAL_SECONDS = 0.1
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_log = logging.getLogger(__name__)


class GracefulShutdown:
    """Replaces `dramatiq.Worker.stop` of one worker.

    Dramatiq 2.2's `Worker.stop` has these faults, for which it has no option:

    - The consumers fetch messages until all running messages have ended.
    - A message that reaches the queue in memory while the worker stops is held until all running messages have ended.
    - `dramatiq.common.join_all` subtracts the total elapsed time at every join. If threads end one after the other, it
      stops waiting long before the time-out.
    - The time-out applies to the worker threads and then again to the consumer threads.
    - Messages that are still running after the time-out stay held until their leases expire.

    The ``dramatiq`` command calls `Worker.stop` up to a second after the signal.

    Args:
        worker: The worker.
        deliveries: The messages of this process.
    """

    def __init__(self, worker: Worker, deliveries: Deliveries) -> None:
        self._worker = worker
        self._deliveries = deliveries

    def install(self) -> None:
        """Replace the method `stop` of the worker, and stop fetching as soon as a signal arrives."""
        self._worker.stop = self.stop  # type: ignore[method-assign]
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._extend_handler(number)

    def request(self) -> None:
        """Stop fetching. The consumer threads release the messages that were not started. Safe in a signal handler."""
        if self._deliveries.stopping_since is None:
            self._deliveries.stopping_since = time.monotonic()

    def stop(self, timeout: int = 600_000) -> None:
        """Stop the worker.

        Args:
            timeout: Time from the first signal or call until running messages are released, in ms.
        """
        worker = self._worker
        self.request()
        worker.broker.emit_before("worker_shutdown", worker)
        worker.logger.info("Shutting down...")
        for thread in worker.workers:
            thread.stop()
        for consumer in worker.consumers.values():
            consumer.stop()
        self._release_queued()
        assert self._deliveries.stopping_since is not None
        deadline = self._deliveries.stopping_since + timeout / 1000
        self._wait_for_running(deadline)
        self._release_running()
        _join(worker.consumers.values(), deadline)
        self._release_queued()
        for consumer in worker.consumers.values():
            consumer.close()
        worker.broker.emit_after("worker_shutdown", worker)
        worker.logger.info("Worker has been shut down.")

    def _wait_for_running(self, deadline: float) -> None:
        """Wait until the running messages have ended, and release the messages that arrive in the meantime.

        A script that finishes a message and was sent before the stop may have fetched another one.
        """
        while any(thread.is_alive() for thread in self._worker.workers) and time.monotonic() < deadline:
            _join(self._worker.workers, min(deadline, time.monotonic() + _RELEASE_INTERVAL_SECONDS))
            self._release_queued()
            self._release_unprocessed()

    def _release_unprocessed(self) -> None:
        """Release messages that their consumer threads did not hand over before they ended."""
        for thread in self._worker.consumers.values():
            if thread.is_alive() or not isinstance(thread.consumer, StreamConsumer):
                continue
            try:
                thread.consumer.release_unprocessed()
            except BrokerUnavailable as e:
                _log.warning("Messages of queue %s were not released: %s", thread.queue_name, e)

    def _release_queued(self) -> None:
        """Release messages that no worker thread has taken from Dramatiq's queue in memory."""
        for item in iter_queue(self._worker.work_queue):  # type: ignore[no-untyped-call]
            queue_name = item.message.queue_name
            try:
                self._worker.consumers[queue_name].requeue_messages([item.message])
            except BrokerUnavailable as e:
                _log.warning("A message of queue %s was not released: %s", queue_name, e)

    def _release_running(self) -> None:
        """Release the messages that are still running, so that they need not wait until their leases expire.

        Their lease is lost: the writes of this process are refused from now on.
        """
        for keys in self._deliveries.queues():
            # The reply to a script that settles a message decides who owns the entry.
            running = [
                message
                for message in self._deliveries.in_flight(keys).leased()
                if not message.is_settling and not message.settlement_unknown
            ]
            if not running:
                continue
            try:
                for were_started in (True, False):
                    selected = [message for message in running if message.is_counted is were_started]
                    self._deliveries.release(keys, selected, were_started=were_started)
            except BrokerUnavailable as e:
                _log.warning("%d running messages of queue %s were not released: %s", len(running), keys.queue, e)
                continue
            _log.warning("%d running messages of queue %s were released at the deadline.", len(running), keys.queue)
            for message in running:
                message.lose_lease()

    def _extend_handler(self, number: signal.Signals) -> None:
        """Call `request` before a handler of the process. Without a handler, the signal ends the process as before."""
        previous: Any = signal.getsignal(number)
        if not callable(previous):
            return

        def handle(received: int, frame: Any) -> None:
            self.request()
            previous(received, frame)

        signal.signal(number, handle)


def _join(threads: Iterable[threading.Thread], deadline: float) -> None:
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))

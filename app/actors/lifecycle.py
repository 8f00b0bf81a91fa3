"""Starts and stops what a worker process needs, at the moments Dramatiq tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dramatiq import Broker, Middleware

__all__ = ["Service", "WorkerServices"]


class Service(Protocol):
    """Something with threads of its own."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End; block until it has."""


class WorkerServices(Middleware):
    """Runs the services in worker processes that take from ``queue_name``, and in no other.

    Parameters:
        services: started in this order, stopped in the opposite one.
    """

    def __init__(self, queue_name: str, services: Sequence[Service]) -> None:
        self._queue_name = queue_name
        self._services = services

    def before_worker_boot(self, broker: Broker, worker: Any) -> None:
        """Before the first message is fetched."""
        if self._concerns(worker):
            for service in self._services:
                service.start()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """After the last message was finished or released."""
        if self._concerns(worker):
            for service in reversed(self._services):
                service.stop()

    def _concerns(self, worker: Any) -> bool:
        return not worker.consumer_whitelist or self._queue_name in worker.consumer_whitelist

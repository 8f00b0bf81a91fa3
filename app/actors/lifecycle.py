"""Starts and stops what a worker process needs, at the moments Dramatiq tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Runs services in worker processes that take from their queue, and in no other.

    Parameters:
        services: by the name of the queue; started in this order, stopped in the opposite one.
    """

    def __init__(self, services: Mapping[str, Sequence[Service]]) -> None:
        self._services = services

    def before_worker_boot(self, broker: Broker, worker: Any) -> None:
        """Before the first message is fetched."""
        for service in self._of(worker):
            service.start()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """After the last message was finished or released."""
        for service in reversed(self._of(worker)):
            service.stop()

    def _of(self, worker: Any) -> list[Service]:
        wanted = worker.consumer_whitelist
        return [
            service
            for queue_name, services in self._services.items()
            if not wanted or queue_name in wanted
            for service in services
        ]

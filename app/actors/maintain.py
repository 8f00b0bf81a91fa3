"""Maintenance of a worker process: periodic tasks, and services that start and stop with the worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from dramatiq import Broker, Middleware

from app.telemetry.metrics import Meter

__all__ = ["PeriodicTask", "PeriodicTasks", "Service", "WorkerServices", "run_task"]

_log = structlog.get_logger(__name__)


class Service(Protocol):
    """A component with its own threads."""

    def start(self) -> None:
        """Start the threads and return."""

    def stop(self) -> None:
        """Stop the threads and return when they have ended."""


class WorkerServices(Middleware):
    """Dramatiq middleware that runs services in the worker processes that consume a given queue.

    Args:
        services: Services by queue name. They start in this order and stop in reverse order.
    """

    def __init__(self, services: Mapping[str, Sequence[Service]]) -> None:
        self._services = services

    def before_worker_boot(self, broker: Broker, worker: Any) -> None:
        """Start the services before the worker fetches its first message."""
        for service in self._services_of(worker):
            service.start()

    def after_worker_shutdown(self, broker: Broker, worker: Any) -> None:
        """Stop the services after the worker has finished or released its last message."""
        for service in reversed(self._services_of(worker)):
            service.stop()

    def _services_of(self, worker: Any) -> list[Service]:
        consumed = worker.consumer_whitelist
        return [
            service
            for queue_name, services in self._services.items()
            if not consumed or queue_name in consumed
            for service in services
        ]


@dataclass(frozen=True)
class PeriodicTask:
    """A function that a worker process calls periodically.

    Attributes:
        name: Name of the task in logs and of its thread.
        interval_seconds: Pause between two calls.
        run: The function. An exception is logged, and the function is called again after the pause.
    """

    name: str
    interval_seconds: float
    run: Callable[[], object]


def run_task(name: str, run: Callable[[], object], meter: Meter) -> None:
    """Run a periodic task once. An error is logged and counted, and not raised: the next run follows."""
    try:
        run()
    except Exception as e:  # noqa: BLE001 - neither end the thread of the task, nor dead-letter its message
        _log.warning("periodic_task_failed", task=name, error=f"{type(e).__name__}: {e}")
        meter.count("pyxec_periodic_tasks_failed_total", name)


class PeriodicTasks:
    """Service that runs periodic tasks, each in its own thread.

    A task that waits for a hanging engine must not delay the heartbeat: other workers remove the containers of a worker
    without a heartbeat.
    """

    def __init__(self, tasks: Sequence[PeriodicTask], meter: Meter) -> None:
        self._meter = meter
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(task,), name=f"periodic-{task.name}", daemon=True)
            for task in tasks
        ]

    def start(self) -> None:
        """Run every task immediately, then at its interval."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop, and return when the running tasks have completed."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, task: PeriodicTask) -> None:
        while not self._stopping.is_set():
            run_task(task.name, task.run, self._meter)
            self._stopping.wait(task.interval_seconds)

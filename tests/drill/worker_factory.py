"""``python -m tests.drill.worker_factory``: starts a worker in a tenth of a second by forking.

The process has imported everything that a worker needs. For each line on stdin, a JSON object with ``environment``,
``log``, ``threads``, ``fault_point``, ``time_factor`` and ``grace_ms``, it forks a worker and prints its process id.
The child does the same as ``python -m app.worker --queues jobs``.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

import dramatiq

import app.wiring.worker  # setup() would import it in each worker
import app.worker
from app.actors import run_job
from app.sandbox import engine_availability, language_pool
from app.store.keys import RUN_JOB
from tests.drill.fault_points import FaultPoint, install_fault_point

__all__ = ["main"]

_POLL_SECONDS = 0.05
# The waiting times of a worker with a faulty engine that are not settings.
_WAITING_TIMES = {
    engine_availability: ("_PROBE_SECONDS", "_MIN_BACKOFF_SECONDS", "_MAX_BACKOFF_SECONDS"),
    language_pool: ("_FIRST_BACKOFF_SECONDS", "_MAX_BACKOFF_SECONDS"),
    run_job: ("_MIN_RELEASE_DELAY_MS", "_MAX_RELEASE_DELAY_MS", "_MAX_IMAGE_DELAY_MS"),
}


def _divide_waiting_times(factor: float) -> None:
    for module, names in _WAITING_TIMES.items():
        for name in names:
            value = getattr(module, name)
            setattr(module, name, type(value)(value / factor))


def _divide_retry_delays(factor: float) -> None:
    options = dramatiq.get_broker().get_actor(RUN_JOB).options
    for name in ("min_backoff", "max_backoff"):
        options[name] = int(options[name] / factor)


def _sleep(seconds: float) -> None:
    """Replace time.sleep, whose absolute deadline libfaketime 0.9.10 rejects (EINVAL)."""
    select.select((), (), (), seconds)


def _become_worker(request: dict[str, Any]) -> NoReturn:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(request["environment"])
    time.sleep = _sleep
    _divide_waiting_times(request["time_factor"])
    app.worker.setup()
    _divide_retry_delays(request["time_factor"])
    if request["fault_point"]:
        install_fault_point(FaultPoint(**request["fault_point"]))
    # A handler must not set an Event: the main thread may hold its lock.
    stop_signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop_signals.append(number))
    worker = dramatiq.Worker(dramatiq.get_broker(), queues={"jobs"}, worker_threads=request["threads"])
    worker.start()
    while not stop_signals:
        time.sleep(_POLL_SECONDS)
    worker.stop(timeout=request["grace_ms"])
    os._exit(0)


def main() -> None:
    """Fork workers until the end of stdin."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _become_worker(json.loads(line))
            except Exception:  # noqa: BLE001 - shown in the log of the worker
                traceback.print_exc()
            finally:
                os._exit(1)
        print(pid, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

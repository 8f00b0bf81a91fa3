"""``python -m tests.drill.worker_factory``: starts a worker in a tenth of a second by forking.

The process has imported everything that a worker needs. For each line on stdin, a JSON object with ``environment``,
``log``, ``threads`` and ``kill_step``, it forks a worker and prints its process id. The child does the same as
``python -m app.worker --queues jobs``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any, NoReturn

import dramatiq

import app.wiring.worker  # setup() would import it in each worker
import app.worker
from tests.drill.fault_points import kill_before_step

__all__ = ["main"]


def _become_worker(request: dict[str, Any]) -> NoReturn:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(request["environment"])
    app.worker.setup()
    if request["kill_step"]:
        kill_before_step(request["kill_step"])
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    worker = dramatiq.Worker(dramatiq.get_broker(), queues={"jobs"}, worker_threads=request["threads"])
    worker.start()
    stopping.wait()
    worker.stop(timeout=60_000)
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
            finally:
                os._exit(1)
        print(pid, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

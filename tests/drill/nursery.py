"""``python -m tests.drill.nursery``: workers in a tenth of a second, so that many can be killed.

It has loaded everything a worker needs, and forks one for each line it reads: a JSON object with its environment, its
log, its threads, and, if it is to die by itself, where. It answers with the process id. What a fork then does is what
``dramatiq app.worker:setup --queues jobs`` does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any, NoReturn

import dramatiq

import app.worker
from tests.drill.doom import doom

__all__ = ["main"]


def _become_worker(order: dict[str, Any]) -> NoReturn:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(order["environment"])
    app.worker.setup()
    if order["dies_at"]:
        doom(order["dies_at"])
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    worker = dramatiq.Worker(dramatiq.get_broker(), queues={"jobs"}, worker_threads=order["threads"])
    worker.start()
    stopping.wait()
    worker.stop(timeout=60_000)
    os._exit(0)


def main() -> None:
    """Until the standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that die
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

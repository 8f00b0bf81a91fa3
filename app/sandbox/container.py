"""One container, from its creation to its end. Made idle in advance, it waits until it is given a job."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from dataclasses import dataclass
from typing import Any, Final

import structlog

from app.core.errors import InfrastructureError, SandboxLost
from app.sandbox.engine.client import Engine
from app.sandbox.engine.demultiplexer import Demultiplexer
from app.sandbox.images.installed import InstalledImage
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.frames import PROTOCOL_VERSION, Event, Ready
from app.sandbox.template import ContainerResources, creation_body, update_body

__all__ = ["Container", "ContainerSpec"]

# From the engine's start to the runner's first word; far more than it takes, far less than a lease.
_READY_SECONDS: Final = 10.0
_RECEIVE_BYTES: Final = 256 * 1024
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ContainerSpec:
    """All that a new container is made from."""

    image: InstalledImage
    numbers: ContainerResources
    labels: dict[str, str]
    runtime: str
    uid: int


class Container:
    """A container whose runner is ready, and the connection to it. Not safe to use from two threads at once.

    Closing the connection ends it: the runner sees the end of its input and exits, and the engine removes it.
    """

    def __init__(self, engine: Engine, blueprint: ContainerSpec, container_id: str, connection: socket.socket) -> None:
        self._engine = engine
        self._connection = connection
        self._demultiplexer = Demultiplexer()
        self._decoder = FrameDecoder()
        self.blueprint = blueprint
        self._numbers = blueprint.numbers
        self.id = container_id
        self._made_at = time.monotonic()

    @classmethod
    def launch(cls, engine: Engine, blueprint: ContainerSpec) -> Container:
        """Create, attach, start, and wait until the runner is ready.

        Raises:
            InfrastructureError: it could not be; nothing of it is left then, as far as the engine answers.
        """
        with contextlib.ExitStack() as undo:
            container_id = engine.create(_body(blueprint))
            undo.callback(_remove, engine, container_id)
            # Attached before it starts, or its first words could be missed; StdinOnce ties its life to ours.
            container = cls(engine, blueprint, container_id, engine.attach(container_id))
            undo.callback(container.close)
            engine.start(container_id)
            container._await_ready()
            undo.pop_all()
        return container

    def fileno(self) -> int:
        """For a selector."""
        return self._connection.fileno()

    def receive(self) -> list[Event] | None:
        """What the runner has said since, without blocking; None when the connection has ended.

        Raises:
            ProtocolError: what it said makes no sense.
        """
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        return self._decoder.feed(self._demultiplexer.feed(data))

    def send(self, data: memoryview | bytes | bytearray) -> int:
        """Write what fits without blocking; return how many bytes that was.

        Raises:
            SandboxLost: the connection has ended.
        """
        try:
            return self._connection.send(data)
        except BlockingIOError:
            return 0
        except OSError as e:
            raise SandboxLost(f"the connection to the sandbox has ended: {e}") from e

    def is_alive(self) -> bool:
        """Whether it still waits. It says nothing while it waits, so anything to read is its end."""
        return not self._readable_within(0)

    def adjust(self, numbers: ContainerResources) -> bool:
        """Give a container in which nothing runs other numbers; the disk must be the same. Whether it could be: not
        when its files already take more memory."""
        if numbers == self._numbers:
            return True
        self._numbers = numbers
        return self._engine.update(self.id, update_body(numbers))

    def was_oom_killed(self) -> bool:
        """Whether the engine saw it run out of memory, now that the connection has ended without a report."""
        # Back from now by what has passed: the clock may have been set since.
        return self._engine.was_oom_killed(self.id, time.time() - (time.monotonic() - self._made_at))

    def close(self) -> None:
        """Let go: the runner exits and the engine removes the container."""
        self._connection.close()

    def last_words(self) -> str:
        """What the runner wrote to stderr, if it could not even begin."""
        return self._demultiplexer.stderr.decode(errors="replace").strip()

    def discard(self) -> None:
        """End it at once, whatever it does. Where the engine is the very thing that failed, the reaper comes later."""
        self.close()
        _remove(self._engine, self.id)

    def _await_ready(self) -> None:
        ready = self._first_event(time.monotonic() + _READY_SECONDS)
        if not isinstance(ready, Ready) or ready.version != PROTOCOL_VERSION:
            raise SandboxLost(f"the runner began with {ready!r}, expected protocol version {PROTOCOL_VERSION}")

    def _first_event(self, deadline: float) -> Event:
        while (left := deadline - time.monotonic()) > 0:
            self._readable_within(left)
            events = self.receive()
            if events is None:
                raise SandboxLost(f"the sandbox ended before it was ready: {self.last_words() or 'no reason given'}")
            if events:
                return events[0]
        raise SandboxLost(f"the runner was not ready within {_READY_SECONDS:g} s")

    def _readable_within(self, seconds: float) -> bool:
        # Not select(): it knows no descriptor above 1023, and a busy worker has such.
        poller = select.poll()
        poller.register(self._connection, select.POLLIN)
        return bool(poller.poll(seconds * 1000))


def _body(blueprint: ContainerSpec) -> dict[str, Any]:
    return creation_body(
        blueprint.image.image_id, blueprint.numbers, blueprint.labels, blueprint.runtime, blueprint.uid
    )


def _remove(engine: Engine, container_id: str) -> None:
    try:
        engine.remove(container_id)
    except InfrastructureError as e:
        _log.warning("sandbox_not_removed", container=container_id[:12], error=str(e))

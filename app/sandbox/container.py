"""A container with an idle runner, and the connection to it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, Self

import structlog

from app.core.errors import SandboxLost
from app.sandbox.engine.client import Engine
from app.sandbox.engine.demultiplexer import Demultiplexer
from app.sandbox.engine.errors import UpdateRefused
from app.sandbox.images.installed import InstalledImage
from app.sandbox.resources import ContainerResources
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.frames import PROTOCOL_VERSION, Event, Ready
from app.sandbox.template import creation_body, update_body

__all__ = ["MAX_IDLE_SECONDS", "READY_TIMEOUT_SECONDS", "Container", "ContainerSpec", "UpdateResult", "check_ready"]

# From the start of the container to the Ready frame. It usually takes 0.2 s; a lease is much longer.
READY_TIMEOUT_SECONDS: Final = 10.0
# An idle runner and an idle cell exit after 30 minutes (SILENCE_LIMIT_S in runner/runner.h).
MAX_IDLE_SECONDS: Final = 25 * 60.0
_RECEIVE_BYTES: Final = 256 * 1024
_log = structlog.get_logger(__name__)


class UpdateResult(Enum):
    """Result of a change of the resources of a container.

    ``REQUESTED``: the runner of a cell has to be asked, and answers with ``LimitsSet``.
    ``MEMORY_IN_USE``: the files in the container already take more memory than the new limit. ``REFUSED``: the engine
    answered with another error. Then the container may have ended, or may have any of the limits: crun 1.8 with Engine
    20.10 refuses every update on cgroup v2, and runc with the systemd driver reports an error after a lower memory
    limit has killed the container.
    """

    APPLIED = auto()
    REQUESTED = auto()
    MEMORY_IN_USE = auto()
    REFUSED = auto()


@dataclass(frozen=True)
class ContainerSpec:
    """Settings of a new container. The fields are the arguments of ``creation_body``."""

    image: InstalledImage
    resources: ContainerResources
    labels: dict[str, str]
    runtime: str
    uid: int

    def creation_body(self) -> dict[str, Any]:
        """Return the body for ``POST /containers/create``."""
        return creation_body(self.image.image_id, self.resources, self.labels, self.runtime, self.uid)


class Container:
    """A running container whose runner is ready for a job. Not safe to use from several threads at the same time.

    Closing the connection ends the container: the runner reads the end of its stdin and exits, and the engine removes
    the container.

    Attributes:
        id: Id on the engine.
        spec: The settings it was created with.
    """

    def __init__(self, engine: Engine, spec: ContainerSpec, container_id: str, connection: socket.socket) -> None:
        self.id = container_id
        self.spec = spec
        self._engine = engine
        self._connection = connection
        self._demultiplexer = Demultiplexer()
        self._decoder = FrameDecoder()
        self._resources = spec.resources
        self._created_at = time.monotonic()

    @classmethod
    def launch(cls, engine: Engine, spec: ContainerSpec) -> Self:
        """Create, attach and start a container; return when its runner is ready.

        Raises:
            InfrastructureError: A step failed. The container is removed when the engine answers.
        """
        with contextlib.ExitStack() as cleanup:
            container_id = engine.create_container(spec.creation_body())
            cleanup.callback(engine.discard_container, container_id)
            # Attach before the start, or the first frame could be lost. With StdinOnce, the container ends when this
            # connection ends.
            container = cls(engine, spec, container_id, engine.attach(container_id))
            cleanup.callback(container.close)
            engine.start_container(container_id)
            container._await_ready()
            cleanup.pop_all()
        return container

    def fileno(self) -> int:
        """Return the file descriptor of the connection, for a selector."""
        return self._connection.fileno()

    def receive(self) -> list[Event] | None:
        """Return the events that the runner has sent, without blocking. None if the connection has ended.

        Raises:
            ProtocolError: The runner sent invalid data.
        """
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        return self._decode(data)

    def _decode(self, data: bytes) -> list[Event]:
        return self._decoder.feed(self._demultiplexer.feed(data))

    def send(self, data: memoryview | bytes | bytearray) -> int:
        """Send to the runner without blocking; return the number of bytes that were sent.

        Raises:
            SandboxLost: The connection has ended.
        """
        try:
            return self._connection.send(data)
        except BlockingIOError:
            return 0
        except OSError as e:
            raise SandboxLost(f"connection to the sandbox ended: {e}") from e

    def is_alive(self) -> bool:
        """Return whether an idle container still runs and its runner will not exit soon.

        An idle runner sends nothing, so readable means ended.
        """
        return time.monotonic() - self._created_at < MAX_IDLE_SECONDS and not self._wait_readable(0)

    def update_resources(self, resources: ContainerResources) -> UpdateResult:
        """Change the resources of a container in which no program runs. ``disk_bytes`` cannot be changed.

        ``APPLIED`` does not mean that the container still runs: a lower memory limit may have killed the runner.

        Raises:
            EngineUnavailable: The engine did not answer.
        """
        if resources == self._resources:
            return UpdateResult.APPLIED
        self._resources = resources
        try:
            is_applied = self._engine.update_container(self.id, update_body(resources))
        except UpdateRefused as e:
            _log.warning("container_update_refused", container=self.id[:12], error=str(e))
            return UpdateResult.REFUSED
        return UpdateResult.APPLIED if is_applied else UpdateResult.MEMORY_IN_USE

    def was_oom_killed(self) -> bool:
        """Return whether the kernel killed the runner for lack of memory. Call it after the connection has ended."""
        # Computed from the monotonic clock: the system clock may have been set since the creation.
        created_at = time.time() - (time.monotonic() - self._created_at)
        return self._engine.was_oom_killed(self.id, created_at)

    @property
    def is_ready(self) -> bool:
        """Whether the runner is ready. Before that, no program has started."""
        return True

    @property
    def has_finished(self) -> bool:
        """Whether the runner has sent its last frame."""
        return self._decoder.closed

    @property
    def memory_limit_bytes(self) -> int:
        """The memory limit that was set last."""
        return self._resources.memory_bytes

    def close(self) -> None:
        """Close the connection. The runner exits and the engine removes the container."""
        self._connection.close()

    def read_stderr(self) -> str:
        """Return what the runner has written to stderr: the reason why it could not start, or an empty string."""
        return self._demultiplexer.stderr.decode(errors="replace").strip()

    def discard(self) -> None:
        """Close the connection and remove the container immediately, or when the engine answers."""
        self.close()
        self._engine.discard_container(self.id)

    def _await_ready(self) -> None:
        """Wait until the runner accepts a job."""
        check_ready(self._receive_first_event(time.monotonic() + READY_TIMEOUT_SECONDS))

    def _receive_first_event(self, deadline: float) -> Event:
        while (remaining_seconds := deadline - time.monotonic()) > 0:
            self._wait_readable(remaining_seconds)
            events = self.receive()
            if events is None:
                raise SandboxLost(f"sandbox ended before it was ready: {self.read_stderr() or 'no reason given'}")
            if events:
                return events[0]
        raise SandboxLost(f"runner was not ready within {READY_TIMEOUT_SECONDS:g} s")

    def _wait_readable(self, seconds: float) -> bool:
        # poll(), because select() does not support file descriptors above 1023.
        poller = select.poll()
        poller.register(self._connection, select.POLLIN)
        return bool(poller.poll(seconds * 1000))


def check_ready(event: Event) -> None:
    """Check the first event of a runner.

    Raises:
        SandboxLost: It is not ``Ready``, or the runner has another version of the protocol.
    """
    if not isinstance(event, Ready) or event.version != PROTOCOL_VERSION:
        raise SandboxLost(f"runner sent {event!r} first; expected Ready with protocol version {PROTOCOL_VERSION}")

"""A cell: a container that runs one job after the other, each in a nested container of its own."""

from __future__ import annotations

import secrets
import select
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from app.core.errors import ProtocolError, SandboxLost
from app.sandbox.cells.protocol import NONCE_BYTES, Clean, decode_reports, encode_accepted, encode_job
from app.sandbox.container import (
    MAX_IDLE_SECONDS,
    READY_TIMEOUT_SECONDS,
    Container,
    ContainerSpec,
    UpdateResult,
    check_ready,
)
from app.sandbox.resources import CELL_PROCESSES, ContainerResources
from app.sandbox.runner.decoder import FrameDecoder
from app.sandbox.runner.encoder import encode_cancel, encode_end
from app.sandbox.runner.frames import Event
from app.sandbox.template import cell_creation_body

__all__ = ["Cell", "CellSpec"]

# From the end of a job to the removal of its namespaces. It usually takes a few milliseconds.
_CLEAN_TIMEOUT_SECONDS: Final = 10.0
_SEND_TIMEOUT_SECONDS: Final = 10.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CellSpec(ContainerSpec):
    """Settings of a new cell.

    Attributes:
        resources: The highest resources of a job. ``uid`` is the user of PID 1.
        job_uid: The user of the jobs.
        has_apparmor: Whether the host of the engine uses AppArmor.
    """

    job_uid: int
    has_apparmor: bool

    def creation_body(self) -> dict[str, Any]:
        """Return the body for ``POST /containers/create``."""
        return cell_creation_body(
            self.image.image_id,
            _add_first_process(self.resources),
            self.labels,
            self.runtime,
            self.uid,
            self.job_uid,
            has_apparmor=self.has_apparmor,
        )


class Cell(Container):
    """A cell, from its creation over its jobs to its end. Not safe to use from several threads at the same time.

    A job starts with ``start_job`` and ends with ``end_job``. After any exception, the cell must be discarded.

    Attributes:
        jobs: Number of jobs that were started.
        caller: The caller of the last job. None before the first one.
    """

    spec: CellSpec

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.jobs = 0
        self.caller: str | None = None
        self._clean: Clean | None = None
        self._is_idle = True
        self._idle_since = time.monotonic()
        self._unsent_job = b""  # sent together with the first frames for the runner
        self._accepted = b""  # what is missing of the message that must come first
        self._runner_is_ready = False
        self._cannot_be_reused = False

    @property
    def cgroup_version(self) -> int:
        """1 or 2 if each job can have resources of its own, 0 if all jobs have those of ``spec``."""
        assert self._clean is not None
        return self._clean.cgroup_version

    @property
    def has_job_user_namespaces(self) -> bool:
        """Whether each job has a user namespace of its own, below that of the cell."""
        assert self._clean is not None
        return self._clean.has_job_user_namespaces

    @property
    def age_seconds(self) -> float:
        """Time since the creation."""
        return time.monotonic() - self._created_at

    @property
    def is_ready(self) -> bool:
        """Whether the runner of the last job was ready. Before that, no program of the job has started."""
        return self._runner_is_ready

    @property
    def can_be_reused(self) -> bool:
        """Whether the job has ended in order, so that ``end_job`` can be called."""
        return self.has_finished and not self._cannot_be_reused

    def start_job(self, initial: ContainerResources, program: ContainerResources) -> None:
        """Prepare a job. It starts with the first ``send``: a message of its own would cost the engine processor time.

        Args:
            initial: Resources from the first phase on. Without a cgroup, they must be those of ``spec``.
            program: Resources of the program, none higher than the initial ones.

        Raises:
            InfrastructureError: The cell has ended, or was not clean in time.
        """
        self._await_clean()
        nonce = secrets.token_bytes(NONCE_BYTES)
        self.jobs += 1
        self._drop_reports()
        self._is_idle = False
        self._accepted = encode_accepted(nonce)
        self._decoder = FrameDecoder()
        self._resources = initial
        self._runner_is_ready = False
        self._unsent_job = encode_job(nonce, initial, program)

    def send(self, data: memoryview | bytes | bytearray) -> int:
        """Send to the runner without blocking; return the number of bytes of ``data`` that were sent.

        Raises:
            SandboxLost: The connection has ended.
        """
        if not self._unsent_job:
            return super().send(data)
        sent = super().send(self._unsent_job + data)
        sent_of_job = min(sent, len(self._unsent_job))
        self._unsent_job = self._unsent_job[sent_of_job:]
        return sent - sent_of_job

    def end_job(self, unsent: Iterable[bytes]) -> None:
        """End a job that has finished. The cell removes what is left of it in the background.

        Args:
            unsent: The rest of what was to be sent to the runner. The cell drops it.

        Raises:
            SandboxLost: The connection has ended.
        """
        self._clean = None
        self._is_idle = True
        self._idle_since = time.monotonic()
        for data in unsent:
            self._send_all(data)
        self._send_all(encode_end())

    def try_job(self, resources: ContainerResources) -> None:
        """Run a job without a program.

        Raises:
            InfrastructureError: The cell has ended, or has not answered in order.
        """
        self.start_job(resources, resources)
        self._send_all(encode_cancel())
        while not self.has_finished:
            if not self._wait_readable(READY_TIMEOUT_SECONDS) or self.receive() is None:
                raise SandboxLost(f"cell did not end a job: {self.read_stderr() or 'no reason given'}")
        self.end_job((b"",))
        self._await_clean()

    def is_alive(self) -> bool:
        """Return whether an idle cell still runs and will not exit soon, and has sent nothing but that it is clean."""
        if time.monotonic() - self._idle_since >= MAX_IDLE_SECONDS:
            return False
        try:
            while self._wait_readable(0):
                if self.receive() is None:
                    return False
        except ProtocolError as e:
            _log.warning("cell_irregular", container=self.id[:12], error=str(e))
            return False
        return True

    def update_resources(self, resources: ContainerResources) -> UpdateResult:
        """Change the resources to those of the program that ``start_job`` was called with.

        Raises:
            EngineUnavailable: The engine did not answer.
        """
        if resources == self._resources:
            return UpdateResult.APPLIED
        if self.cgroup_version:
            self._resources = resources
            return UpdateResult.REQUESTED
        self._cannot_be_reused = True
        return super().update_resources(_add_first_process(resources))

    def read_stderr(self) -> str:
        """Return the reason why the cell has exited, or an empty string."""
        try:
            reports, rest = decode_reports(self._demultiplexer.stderr)
        except ProtocolError:
            return super().read_stderr()
        return "; ".join(report for report in reports if isinstance(report, str)) or rest.decode(errors="replace")

    def _await_ready(self) -> None:
        """Wait until a new cell is clean."""
        self._clean = None
        self._await_clean()

    def _await_clean(self) -> None:
        timeout_seconds = _CLEAN_TIMEOUT_SECONDS if self.jobs else READY_TIMEOUT_SECONDS
        deadline = time.monotonic() + timeout_seconds
        while self._clean is None:
            if not self._wait_readable(max(0.0, deadline - time.monotonic())):
                raise SandboxLost(f"cell was not clean within {timeout_seconds:g} s")
            if self.receive() is None:
                raise SandboxLost(f"cell ended before it was clean: {self.read_stderr() or 'no reason given'}")

    def _decode(self, data: bytes) -> list[Event]:
        stdout = self._demultiplexer.feed(data)
        if self._is_idle:
            if stdout:
                raise ProtocolError("cell sent output between two jobs")
            self._read_reports()
            return []
        if self._accepted:
            begin = stdout[: len(self._accepted)]
            if not self._accepted.startswith(begin):
                raise ProtocolError("cell did not accept the job first")
            self._accepted = self._accepted[len(begin) :]
            stdout = stdout[len(begin) :]
        events = self._decoder.feed(stdout)
        if not self._runner_is_ready and events:
            check_ready(events.pop(0))
            self._runner_is_ready = True
        return events

    def _read_reports(self) -> None:
        reports, _ = decode_reports(self._demultiplexer.stderr)
        for report in reports:
            if isinstance(report, Clean):
                if self._clean is not None:
                    raise ProtocolError("cell reported twice that it is clean")
                self._clean = report
        if self._clean is not None:
            self._drop_reports()

    def _drop_reports(self) -> None:
        self._demultiplexer.stderr = b""

    def _send_all(self, data: bytes) -> None:
        deadline = time.monotonic() + _SEND_TIMEOUT_SECONDS
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]
            if rest and not self._wait_writable(deadline - time.monotonic()):
                raise SandboxLost(f"cell read nothing for {_SEND_TIMEOUT_SECONDS:g} s")

    def _wait_writable(self, seconds: float) -> bool:
        poller = select.poll()
        poller.register(self._connection, select.POLLOUT)
        return bool(poller.poll(max(0.0, seconds) * 1000))


def _add_first_process(resources: ContainerResources) -> ContainerResources:
    """Return the resources of the container: PID 1 of the cell is one process more."""
    return replace(resources, processes=resources.processes + CELL_PROCESSES)

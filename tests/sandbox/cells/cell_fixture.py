"""A cell on the Docker Engine of this machine, and jobs in it without the pool."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.job.events import Output
from app.sandbox.cells.cell import Cell, CellSpec
from app.sandbox.resources import ContainerResources, maximum_resources
from app.sandbox.runner.encoder import encode_file, encode_go, encode_phase
from app.sandbox.runner.frames import Done, Event, PhaseEnd, PhaseSpec
from app.sandbox.template import INSTALLATION_LABEL, LABEL, WORKER_LABEL
from tests.patience import patient
from tests.sandbox.sandbox_fixture import INSTALLATION, MIB, RUNTIME, SandboxFixture, find_image

__all__ = [
    "CELL_UID",
    "JOB_RESOURCES",
    "JOB_UID",
    "first_process",
    "launch_cell",
    "read_events",
    "require_local_engine",
    "run_command",
]

CELL_UID, JOB_UID = 21_001, 21_002
JOB_RESOURCES = ContainerResources(256 * MIB, 64, 64 * MIB, 1_000_000_000)
JOB_SECONDS = patient(20.0)


@contextmanager
def launch_cell(sandbox: SandboxFixture, language: str = "bash") -> Iterator[Cell]:
    """Launch a cell and remove it at the end."""
    image = find_image(sandbox.engine, language)
    labels = {LABEL: sandbox.namespace, INSTALLATION_LABEL: INSTALLATION, WORKER_LABEL: "test"}
    has_apparmor = sandbox.engine.has_apparmor()
    spec = CellSpec(image, maximum_resources(1.0), labels, RUNTIME, CELL_UID, JOB_UID, has_apparmor)
    cell = Cell.launch(sandbox.engine, spec)
    try:
        yield cell
    finally:
        cell.discard()


def run_command(
    cell: Cell,
    argv: Sequence[str],
    files: Mapping[str, bytes] | None = None,
    resources: ContainerResources = JOB_RESOURCES,
) -> bytes:
    """Run a job with one phase in a cell, end it, and return its output. The files are executable."""
    phase = PhaseSpec(
        argv=tuple(argv),
        env=(("PATH", "/usr/local/bin:/usr/bin:/bin"),),
        wall_ms=int(JOB_SECONDS * 1000),
        cpu_ms=int(JOB_SECONDS * 1000),
        output_bytes=16 * MIB,
        open_files=1024,
        file_bytes=64 * MIB,
        stack_bytes=8 * MIB,
    )
    cell.start_job(resources, resources)
    frames = [frame for name, data in (files or {}).items() for frame in encode_file(name, data, executable=True)]
    cell._send_all(b"".join([*frames, encode_phase(phase), encode_go()]))
    events = read_events(cell)
    cell.end_job([])
    (end,) = (event for event in events if isinstance(event, PhaseEnd))
    assert end.value == 0, events
    return b"".join(event.data for event in events if isinstance(event, Output))


def read_events(cell: Cell, last: type[Event] = Done) -> list[Event]:
    """Return the events of a job up to the first one of a type."""
    events: list[Event] = []
    deadline = time.monotonic() + JOB_SECONDS
    while not any(isinstance(event, last) for event in events):
        assert time.monotonic() < deadline, events
        cell._wait_readable(1.0)
        received = cell.receive()
        assert received is not None, (events, cell.read_stderr())
        events += received
    return events


def require_local_engine(sandbox: SandboxFixture) -> None:
    """Skip a test that uses processes of a cell directly, if they run on another machine."""
    if sandbox.engine.docker_client.info()["KernelVersion"] != os.uname().release:
        pytest.skip("uses processes of the host of the engine, which is another machine")


def first_process(cell: Cell, sandbox: SandboxFixture) -> Path:
    """Return the folder below /proc of PID 1 of a cell. The engine must run on this machine."""
    return Path("/proc") / str(sandbox.inspect(cell.id)["State"]["Pid"])

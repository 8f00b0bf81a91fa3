"""Checks after every attack: nothing is left, and the next job is not affected."""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.sandbox.cells.sandbox import CellSandbox
from app.sandbox.template import LABEL
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.adversarial.kernel_memory import read_socket_buffer_bytes, read_socket_slab_bytes
from tests.patience import patient
from tests.sandbox.sandbox_fixture import ISOLATIONS, MIB, SandboxFixture, eventually, job, open_sandbox_fixture

# User ids of the sandboxes of this process, so that the processes of other engines and tests are not counted. There are
# few, because other sandboxes choose theirs at random from all.
UID_COUNT = 100
FIRST_UID = 22_000 + os.getpid() % 370 * UID_COUNT
UIDS = range(FIRST_UID, FIRST_UID + UID_COUNT)
# Other processes of the machine cause the remaining differences.
SLACK_MEMORY_BYTES = 768 * MIB
SLACK_SLAB_BYTES = 64 * MIB
SLACK_SOCKET_BYTES = 4 * MIB
SLACK_TERMINALS = 4
SLACK_MOUNTS = 24
SLACK_DESCRIPTORS = 16


class UidCycle(Sequence[int]):
    """Returns the next user id instead of a random one, so that concurrent jobs have different ones."""

    def __init__(self) -> None:
        self._uids = itertools.cycle(UIDS)

    def __len__(self) -> int:
        return UID_COUNT

    def __getitem__(self, index: Any) -> Any:
        return next(self._uids)


@pytest.fixture(scope="session", params=ISOLATIONS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[BoundedSandbox]:
    """A sandbox with warm containers, as in a worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.sandbox.sandbox.SANDBOX_UIDS", UidCycle())
        with open_sandbox_fixture(pool_floor=1, pool_ceiling=2, isolation=request.param) as opened:
            opened.run(job("python", ""))  # opens connections to the engine, which stay open
            assert eventually(lambda: is_settled(opened), within_seconds=60)
            yield BoundedSandbox(opened.engine, opened.namespace, opened.container_sandbox)


@pytest.fixture(autouse=True)
def _check_that_nothing_is_left(sandbox: BoundedSandbox) -> Iterator[None]:
    yield
    started = time.monotonic()
    canary = sandbox.run(job("python", "print('fine')"))
    assert (canary.outcome, canary.text) == ("ok", "fine\n")
    assert time.monotonic() - started < patient(10)
    assert eventually(lambda: is_settled(sandbox), within_seconds=15), "a container is left"


def is_local(sandbox: SandboxFixture) -> bool:
    """Return whether the engine runs on this machine, whose memory, mounts and processes the tests read."""
    kernel: str = sandbox.engine.docker_client.info()["KernelVersion"]
    return kernel == os.uname().release


@pytest.fixture
def _local_engine(sandbox: BoundedSandbox) -> None:
    if not is_local(sandbox):
        pytest.skip("measures the host of the engine, which is another machine")


@pytest.fixture(scope="module", autouse=True)
def _check_that_the_host_is_unchanged(sandbox: BoundedSandbox) -> Iterator[None]:
    if not is_local(sandbox):
        yield
        return
    before = Host.now()
    yield
    assert eventually(lambda: Host.now().is_restored_to(before), within_seconds=20), f"{before} became {Host.now()}"
    # An idle cell has also created the process of its next job
    runners = 2 if isinstance(sandbox.container_sandbox, CellSandbox) else 1
    assert eventually(lambda: Sandboxes.now(sandbox).are(sandbox.count_idle() * runners), within_seconds=20), (
        f"{Sandboxes.now(sandbox)}, {sandbox.count_idle()} idle"
    )


def is_settled(sandbox: SandboxFixture) -> bool:
    """Return whether all containers are idle ones of the pool. Counts twice, because a container can be in creation."""
    waiting = sandbox.count_idle()
    return len(sandbox.containers()) == waiting == sandbox.count_idle()


@dataclass(frozen=True)
class Host:
    """Resources of the machine and of this process.

    Attributes:
        slab_bytes: Kernel memory that cannot be reclaimed.
        socket_bytes: Queues and structures of all sockets.
        terminals: Pseudo-terminals of all containers.
        mounts: Mounts of all engines.
    """

    free_bytes: int
    slab_bytes: int
    socket_bytes: int
    terminals: int
    mounts: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls) -> Host:
        memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return cls(
            free_bytes=int(memory["MemAvailable"].split()[0]) * 1024,
            slab_bytes=int(memory["SUnreclaim"].split()[0]) * 1024,
            socket_bytes=read_socket_buffer_bytes() + read_socket_slab_bytes(),
            terminals=int(Path("/proc/sys/kernel/pty/nr").read_text()),
            mounts=len(Path("/proc/self/mountinfo").read_text().splitlines()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
        )

    def is_restored_to(self, before: Host) -> bool:
        return (
            self.free_bytes > before.free_bytes - SLACK_MEMORY_BYTES
            and self.slab_bytes < before.slab_bytes + SLACK_SLAB_BYTES
            and self.socket_bytes < before.socket_bytes + SLACK_SOCKET_BYTES
            and self.terminals <= before.terminals + SLACK_TERMINALS
            and self.mounts <= before.mounts + SLACK_MOUNTS
            and self.descriptors <= before.descriptors + SLACK_DESCRIPTORS
            and self.threads <= before.threads
        )


@dataclass(frozen=True)
class Sandboxes:
    """Processes with the user ids of a sandbox, and their namespaces.

    Containers of other sandboxes do not count: fixtures of this process may have created some while UIDS were in use.

    Attributes:
        ipc_namespaces: They contain the System V and POSIX objects of a container.
        network_namespaces: They contain the sockets of a container.
    """

    processes: int
    ipc_namespaces: int
    network_namespaces: int

    @classmethod
    def now(cls, sandbox: BoundedSandbox) -> Sandboxes:
        others = {container.id for container in sandbox.engine.list_containers(LABEL)} - set(sandbox.containers())
        processes = [
            folder
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and read_uid(folder) in UIDS and others.isdisjoint(read_containers(folder))
        ]
        return cls(len(processes), count_namespaces(processes, "ipc"), count_namespaces(processes, "net"))

    def are(self, runners: int) -> bool:
        """Return whether only this number of idle runners is left, each with namespaces of its own."""
        return self == Sandboxes(runners, runners, runners)


def count_namespaces(processes: Iterable[Path], kind: str) -> int:
    """Return the number of namespaces that processes use. Requires root."""
    found = set()
    for process in processes:
        with suppress(FileNotFoundError, ProcessLookupError):
            found.add((process / "ns" / kind).readlink())
    return len(found)


def read_containers(process: Path) -> set[str]:
    """Return the ids of the containers in the cgroups of a process."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return set(re.findall(r"[0-9a-f]{64}", (process / "cgroup").read_text()))
    return set()


def read_uid(process: Path) -> int:
    """Return the real user id of a process, or -1 if it has exited."""
    with suppress(FileNotFoundError, ProcessLookupError, StopIteration):
        lines = (process / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Uid:")).split()[1])
    return -1

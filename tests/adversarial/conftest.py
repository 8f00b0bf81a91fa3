"""Checks after every attack: nothing is left, and the next job is not affected."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.patience import patient
from tests.sandbox.sandbox_fixture import MIB, SandboxFixture, eventually, job, open_sandbox_fixture

SLACK_MEMORY_BYTES = 768 * MIB
SLACK_PROCESSES = 250
SLACK_DESCRIPTORS = 12


@pytest.fixture(scope="session")
def sandbox() -> Iterator[BoundedSandbox]:
    """A sandbox with warm containers, as in a worker."""
    with open_sandbox_fixture(pool_floor=1, pool_ceiling=2) as opened:
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


@pytest.fixture(scope="module", autouse=True)
def _check_that_the_host_is_unchanged(sandbox: BoundedSandbox) -> Iterator[None]:
    before = Host.now()
    yield
    assert eventually(lambda: Host.now().is_restored_to(before), within_seconds=20), f"{before} became {Host.now()}"


def is_settled(sandbox: SandboxFixture) -> bool:
    """Return whether all containers are idle ones of the pool. Counts twice, because a container can be in creation."""
    waiting = sandbox.count_idle()
    return len(sandbox.containers()) == waiting == sandbox.count_idle()


@dataclass(frozen=True)
class Host:
    """Resources of the machine and of this process."""

    free_bytes: int
    processes: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls) -> Host:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return cls(
            free_bytes=int(lines["MemAvailable"].split()[0]) * 1024,
            processes=sum(1 for entry in Path("/proc").iterdir() if entry.name.isdigit()),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
        )

    def is_restored_to(self, before: Host) -> bool:
        return (
            self.free_bytes > before.free_bytes - SLACK_MEMORY_BYTES
            and self.processes < before.processes + SLACK_PROCESSES
            and self.descriptors <= before.descriptors + SLACK_DESCRIPTORS
            and self.threads <= before.threads
        )

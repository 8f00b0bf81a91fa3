"""Programs that use pseudo-terminals, whose number is limited for the whole host."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.sandbox.sandbox_fixture import job

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("_local_engine")]

TERMINALS = 16
# The program opens more terminals before the runner has stopped it: up to 210 with ten runnable processes for each CPU,
# and up to 1,340 before Linux 6.12, where the runner cannot request short time slices. The host has 3,072.
SLACK_TERMINALS = 500
SAMPLE_SECONDS = 0.005

OPEN_ALL = """
import os, time
def open_all():
    opened = 0
    try:
        while True:
            os.open("/dev/ptmx", os.O_RDWR)
            opened += 1
    except OSError:
        time.sleep(60)
for _ in range(4):
    if os.fork() == 0:
        open_all()
time.sleep(60)
"""
OPEN_SOME = """
import os, sys
for _ in range(3):
    pairs = [os.openpty() for _ in range(int(sys.argv[1]))]
    for runner_end, program_end in pairs:
        os.write(program_end, b"x")
        assert os.read(runner_end, 1) == b"x"
        os.close(runner_end)
        os.close(program_end)
print(len(pairs))
"""


@contextmanager
def measure_terminals() -> Iterator[list[int]]:
    """Sample the number of pseudo-terminals of the host. The list contains the highest increase."""
    number = Path("/proc/sys/kernel/pty/nr")
    before, ended, highest = int(number.read_text()), threading.Event(), [0]

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            highest[0] = max(highest[0], int(number.read_text()) - before)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield highest
    finally:
        ended.set()
        sampler.join()


@pytest.mark.parametrize("interactive", [False, True])
def test_program_that_opens_all_terminals_is_killed(sandbox: BoundedSandbox, interactive: bool) -> None:
    with measure_terminals() as highest:
        ran = sandbox.run(job("python", OPEN_ALL, open_files=1024, interactive=interactive))

    assert (ran.outcome, ran.last.signal) == ("signaled", 9)
    assert highest[0] <= TERMINALS + SLACK_TERMINALS


def test_program_can_use_terminals_up_to_the_limit(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("python", OPEN_SOME, args=[str(TERMINALS)]))

    assert (ran.outcome, ran.text) == ("ok", f"{TERMINALS}\n"), ran.stderr


def test_programs_that_use_terminals_work(sandbox: BoundedSandbox) -> None:
    ran = sandbox.run(job("bash", "script -qec 'tty; echo in a terminal' /dev/null"))

    assert ran.text.split("\r\n")[:2] == ["/dev/pts/0", "in a terminal"]

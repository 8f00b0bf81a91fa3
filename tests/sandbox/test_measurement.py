"""The limits and the measured values of a job have the same meaning on both versions of control groups."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from app.core.judging.cases import CaseSpec
from app.core.outcomes import MemoryPeakSource
from tests.patience import patient
from tests.sandbox.sandbox_fixture import MIB, SandboxFixture, create_sandbox, job

pytestmark = pytest.mark.docker

# The files of both versions; those of the other version do not exist.
SHOW_LIMITS = """
cd /sys/fs/cgroup
cat memory/memory.limit_in_bytes memory.max 2>&-
cat memory/memory.memsw.limit_in_bytes 2>&-
[ ! -e memory.swap.max ] || if [ "$(cat memory.swap.max)" = 0 ]; then cat memory.max; else echo unlimited; fi
cat pids/pids.max pids.max 2>&-
cat cpu.max 2>&- || echo $(cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us)
"""
ALLOCATE = "data = b'x' * (60 << 20)"
BRIEF_FILE = "head -c 60M /dev/zero > file; rm file"
BURN = """
import os, time
def burn():
    while time.process_time() < 0.4:
        pass
if os.fork() == 0:
    burn()
    os._exit(0)
burn()
os.wait()
times = os.times()
print(times.user + times.system + times.children_user + times.children_system)
"""
LOOPS = "for i in 1 2 3 4; do (while :; do :; done) & done; sleep 1"
READ_PROGRAMS = "cat /usr/bin/* /usr/lib/*/*.so* 2>&- | wc -c"
START_THREADS = """
import threading, time
try:
    for _ in range(50):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
except RuntimeError:
    print("refused", flush=True)
"""


def has_peak_counter(sandbox: SandboxFixture) -> bool:
    """Return whether the kernel records the peak: always with version 1, since Linux 5.19 with version 2.

    A job in a cell does not see the counter.
    """
    script = "cd /sys/fs/cgroup; ls memory.peak memory/memory.max_usage_in_bytes 2>&-; true"
    containers = create_sandbox(sandbox.engine, sandbox.namespace, 0, 0)
    return bool(dataclasses.replace(sandbox, container_sandbox=containers).run(job("bash", script)).text)


def test_kernel_has_the_limits_of_the_job(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("bash", SHOW_LIMITS, memory_bytes=48 * MIB, processes=20))

    memory, memory_and_swap, processes, *cpu = result.text.split()
    assert (memory, memory_and_swap) == (str(48 * MIB), str(48 * MIB))
    # With version 1, PID 1 of a cell is in the cgroup as well.
    assert processes in ({"21", "22"} if sandbox.isolation == "cell" else {"21"})
    assert cpu == ["100000", "100000"]


@pytest.mark.parametrize(("language", "source"), [("python", ALLOCATE), ("bash", BRIEF_FILE)])
def test_memory_peak_contains_memory_that_was_freed(sandbox: SandboxFixture, language: str, source: str) -> None:
    result = sandbox.run(job(language, source, memory_bytes=256 * MIB, disk_bytes=64 * MIB))

    assert result.outcome == "ok"
    assert 60 * MIB < result.last.memory_peak_bytes < 100 * MIB
    expected = MemoryPeakSource.KERNEL if has_peak_counter(sandbox) else MemoryPeakSource.SAMPLED
    assert result.last.memory_peak_source is expected


def test_memory_peak_of_a_later_test_is_its_own_and_marked_as_sampled(sandbox: SandboxFixture) -> None:
    spec = job("bash", 'head -c "$1" /dev/zero > file', memory_bytes=256 * MIB, disk_bytes=64 * MIB)
    cases = [
        CaseSpec(name=size, stdin=b"", args=(size,), expected_output=None, limits=spec.limits)
        for size in ("60M", "30M")
    ]

    first, second = sandbox.run(replace(spec, tests=tuple(cases))).phases

    assert 60 * MIB < first.memory_peak_bytes < 100 * MIB
    assert 30 * MIB < second.memory_peak_bytes < 60 * MIB
    assert second.memory_peak_source is MemoryPeakSource.SAMPLED


def test_page_cache_is_reclaimed_at_the_memory_limit(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("bash", READ_PROGRAMS, memory_bytes=24 * MIB, wall_seconds=patient(20)))

    assert result.outcome == "ok"
    assert int(result.text) > 48 * MIB
    assert result.last.memory_peak_bytes <= 24 * MIB
    assert result.last.oom_kills == 0


def test_cpu_time_is_the_sum_of_all_processes(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("python", BURN, wall_seconds=patient(10), cpu_seconds=patient(10)))

    # The program does not see its own start and end. The clock of user-mode Linux has steps of 10 ms.
    assert float(result.text) - 0.05 <= result.last.cpu_seconds < float(result.text) + patient(0.2)


def test_processes_of_a_job_share_its_processors(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("bash", LOOPS))

    assert result.outcome == "ok"
    assert 0.05 < result.last.cpu_seconds < result.last.wall_seconds * 1.2 + 0.1


def test_kill_without_lack_of_memory_is_no_oom_kill(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("python", "import os\nos.kill(os.getpid(), 9)"))

    assert (result.outcome, result.last.signal, result.last.oom_kills) == ("signaled", 9, 0)


@pytest.mark.parametrize(
    ("language", "source"), [("python", START_THREADS), ("bash", "for i in 1 2 3 4 5 6; do sleep 1 & done; wait")]
)
def test_message_names_the_process_limit_when_a_fork_failed(
    sandbox: SandboxFixture, language: str, source: str
) -> None:
    result = sandbox.run(job(language, source, processes=4))

    assert result.last.process_limit_hits >= 1
    assert "the process limit was reached: a process or thread could not be started" in result.verdict.message


def test_message_does_not_name_the_process_limit_when_it_was_not_reached(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("bash", "sleep 0.1 & sleep 0.1 & wait", processes=4))

    assert (result.last.process_limit_hits, result.verdict.message) == (0, "exited normally")

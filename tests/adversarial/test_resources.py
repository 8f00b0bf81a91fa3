"""Programs that exhaust resources."""

from __future__ import annotations

import msgspec
import pytest

from app.core.execution.job_judge import JobJudge
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.limits import TotalLimits
from app.core.outcomes import StopReason
from tests.adversarial.attack import Attack, launch, table
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.patience import patient
from tests.sandbox.sandbox_fixture import MIB, job

pytestmark = pytest.mark.docker

ANY_STOP = "wall_time_limit cpu_time_limit memory_limit"

FORKS = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
SHELL_FORKS = "bomb() { bomb | bomb & }; bomb; sleep 60"
THREADS = """
import threading, time
started = 0
try:
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        started += 1
except RuntimeError as error:
    print(started, error)
"""
CHILD_NEEDS_TOO_MUCH = """
import os
if os.fork() == 0:
    hoard = bytearray(1 << 30)
    os._exit(0)
print("child", os.wait()[1])
"""
FILL = """
import errno, os, sys
written = 0
try:
    with open(sys.argv[1], "wb", buffering=0) as file:
        while True:
            written += file.write(bytes(65536))
except OSError as error:
    print(errno.errorcode[error.errno], written)
"""
FILL_WITH_FILES = """
import errno, os
made = 0
try:
    while True:
        os.close(os.open(f"f{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError as error:
    print(errno.errorcode[error.errno], made)
"""
FILL_MEMORY_WITH_FILES = """
import os
for folder in ("/work", "/tmp", "/dev/shm"):
    try:
        with open(folder + "/big", "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
    except OSError:
        pass
print("filled")
"""
SYSTEM_V = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
while True:
    segment = libc.shmget(0, 8 << 20, 0o1600)
    if segment < 0:
        print(errno.errorcode[ctypes.get_errno()])
        break
    ctypes.memset(libc.shmat(segment, None, 0), 1, 8 << 20)
"""
DESCRIPTORS = """
import errno, os
opened = 0
try:
    while True:
        os.open("/dev/null", os.O_RDONLY)
        opened += 1
except OSError as error:
    print(errno.errorcode[error.errno], opened)
"""
SOCKET_BUFFERS = """
import os, socket
held = []
while True:
    try:
        pair = socket.socketpair()
        held.append(pair)
        pair[0].setblocking(False)
        while True:
            pair[0].send(bytes(65536))
    except BlockingIOError:
        continue
    except OSError:
        if os.fork() == 0:
            held = []
"""
PIPES = """
import fcntl, os
while True:
    try:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        fcntl.fcntl(writer, 1031, 1 << 20)
    except OSError:
        pass
    try:
        while True:
            os.write(writer, bytes(65536))
    except OSError:
        if os.fork() == 0:
            continue
"""
ZOMBIES = """
import os, time
made = 0
end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            os._exit(0)
        made += 1
    except OSError:
        pass
print(made)
"""
ORPHAN_STORM = """
import os, time
end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            try:
                os.fork()
            finally:
                os._exit(0)
        os.wait()
    except OSError:
        pass
print("done")
"""
RECURSION = "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()"
C_RECURSION = """
#include <stdio.h>
volatile char sink;
int deeper(int n) { volatile char room[4096]; room[n % 4096] = 1; sink = room[0]; return deeper(n + 1) + room[1]; }
int main(void) { return deeper(0); }
"""
SPARSE = """
import errno, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("big", "wb") as file:
    try:
        file.truncate(1 << 50)
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
MANY_PROCESSES = "for i in 1 2 3 4 5 6; do (while :; do :; done) & done; wait"
CORE = "bash -c 'kill -SEGV $$'; echo $?; ls -A /work | grep -c core"

CASES = (
    Attack("a fork bomb", "python", FORKS, ANY_STOP, settings={"processes": 32}),
    Attack("a fork bomb in the shell", "bash", SHELL_FORKS, f"{ANY_STOP} nonzero_exit", settings={"processes": 32}),
    Attack("a thread bomb", "python", THREADS, "ok", lambda ran: int(ran.text.split()[0]) <= 32, {"processes": 32}),
    Attack("a heap bomb", "python", "hoard = bytearray(1 << 30)", "memory_limit", settings={"memory_bytes": 64 * MIB}),
    Attack(
        "a heap that grows slowly",
        "python",
        "hoard = []\nwhile True:\n    hoard.append(bytearray(1 << 16))",
        "memory_limit",
        lambda ran: ran.last.oom_kills >= 1 and ran.last.memory_peak_bytes <= 64 * MIB,
        {"memory_bytes": 64 * MIB},
    ),
    Attack(
        "a child out of memory does not fail its parent",
        "python",
        CHILD_NEEDS_TOO_MUCH,
        "ok",
        lambda ran: ran.text == "child 9\n" and ran.last.oom_kills >= 1,
        {"memory_bytes": 64 * MIB},
    ),
    Attack(
        "a disk that is full is an error of the program's",
        "python",
        FILL,
        "ok",
        # The file size limit equals the disk size: either can be reached first.
        lambda ran: ran.text.split()[0] in ("ENOSPC", "EFBIG") and int(ran.text.split()[1]) <= 4 * MIB,
        {"disk_bytes": 4 * MIB, "args": ["/work/big"]},
    ),
    Attack(
        "temporary files have a limit",
        "python",
        FILL,
        "ok",
        lambda ran: ran.text.split()[0] in ("ENOSPC", "EFBIG") and int(ran.text.split()[1]) <= 64 * MIB,
        {"args": ["/tmp/big"]},
    ),
    Attack(
        "shared memory has a limit",
        "python",
        FILL,
        "ok",
        lambda ran: ran.text == f"ENOSPC {16 * MIB}\n",
        {"args": ["/dev/shm/big"]},
    ),
    Attack(
        "files without end",
        "python",
        FILL_WITH_FILES,
        "ok",
        lambda ran: ran.text.split()[0] == "ENOSPC" and int(ran.text.split()[1]) <= 16_384,
    ),
    Attack(
        "files that fill the memory",
        "python",
        FILL_MEMORY_WITH_FILES,
        "memory_limit",
        settings={"memory_bytes": 32 * MIB},
    ),
    Attack("system V memory", "python", SYSTEM_V, "memory_limit", settings={"memory_bytes": 64 * MIB}),
    Attack("descriptors", "python", DESCRIPTORS, "ok", lambda ran: "EMFILE" in ran.text, {"open_files": 64}),
    Attack("buffers of sockets", "python", SOCKET_BUFFERS, ANY_STOP, settings={"memory_bytes": 64 * MIB}),
    Attack("buffers of pipes", "python", PIPES, ANY_STOP, settings={"memory_bytes": 64 * MIB}),
    Attack(
        "endless stdout",
        "bash",
        "exec cat /dev/zero",
        "output_limit",
        lambda ran: len(ran.stdout) == MIB and ran.last.stdout_truncated,
    ),
    Attack("endless stderr", "bash", "exec cat /dev/zero >&2", "output_limit", lambda ran: len(ran.stderr) == MIB),
    Attack("one endless line", "python", "while True: print('x' * 99, end='')", "output_limit"),
    Attack(
        "single bytes without end",
        "python",
        "import os\nwhile True: os.write(1, b'x')",
        "output_limit",
        lambda ran: len(ran.stdout) == 20_000,
        {"output_bytes": 20_000},
    ),
    Attack(
        "a loop",
        "python",
        "while True: pass",
        "cpu_time_limit",
        lambda ran: 0.9 < ran.last.cpu_seconds < 3,
        {"cpu_seconds": 1, "wall_seconds": 30},
    ),
    Attack(
        "loops side by side",
        "bash",
        MANY_PROCESSES,
        "cpu_time_limit",
        settings={"cpu_seconds": 1, "wall_seconds": 30},
    ),
    Attack("sleep", "bash", "sleep 60", "wall_time_limit", lambda ran: ran.last.cpu_seconds < 1),
    Attack("a program that stops itself", "bash", "kill -STOP $$", "wall_time_limit"),
    Attack("ignored signals", "bash", "trap '' TERM INT HUP; while :; do sleep 9; done", "wall_time_limit"),
    Attack("zombies", "python", ZOMBIES, "ok", lambda ran: 0 < int(ran.text) <= 64),
    Attack("orphans", "python", ORPHAN_STORM, "ok", lambda ran: ran.text == "done\n"),
    Attack("recursion", "python", RECURSION, "signaled memory_limit nonzero_exit wall_time_limit"),
    Attack("recursion in C", "c", C_RECURSION, "memory_limit", settings={"wall_seconds": 20}),
    Attack(
        "recursion in C on a small stack",
        "c",
        C_RECURSION,
        "signaled",
        lambda ran: ran.last.signal == 11,
        {"wall_seconds": 5, "stack_bytes": 8 * MIB},
    ),
    Attack("a file of a pebibyte", "python", SPARSE, "ok", lambda ran: ran.text == "EFBIG\n"),
    Attack("no core dump", "bash", CORE, "ok nonzero_exit", lambda ran: ran.text == "139\n0\n"),
)


@table(*CASES)
def test_resource_exhaustion_is_bounded(sandbox: BoundedSandbox, attack: Attack) -> None:
    launch(sandbox, attack)


COUNT_FORKS = """
import os, time
children = 0
try:
    while os.fork():
        children += 1
    time.sleep(60)
except OSError:
    print(children)
"""


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_process_limit_is_exact(sandbox: BoundedSandbox, processes: int) -> None:
    ran = sandbox.run(job("python", COUNT_FORKS, processes=processes))

    assert (ran.outcome, ran.text) == ("ok", f"{processes - 1}\n")


# --- limits of all phases together

SPIN = "while True: pass"
SLEEP = "import time\ntime.sleep(60)"
PASS_SLOWLY = "import time\ntime.sleep(0.3)\nprint('passed')"


def job_with_tests(
    source: str, tests: int, total: TotalLimits, language: str = "python", cpu_seconds: float = 1
) -> JobSpec:
    """Return a job whose tests may each use `cpu_seconds` of processor time within 30 s."""
    spec = job(language, source, wall_seconds=30, cpu_seconds=cpu_seconds)
    cases = [
        CaseSpec(name=str(number), stdin=b"", args=(), expected_output=b"passed", limits=spec.limits)
        for number in range(tests)
    ]
    return msgspec.structs.replace(spec, tests=tuple(cases), total_limits=total)


@pytest.mark.parametrize(
    ("source", "total", "reason", "outcome"),
    [
        (SPIN, TotalLimits(cpu_seconds=3), StopReason.CPU_TIME, "cpu_time_limit"),
        (SLEEP, TotalLimits(wall_seconds=3), StopReason.WALL_TIME, "wall_time_limit"),
        (PASS_SLOWLY, TotalLimits(wall_seconds=1), StopReason.WALL_TIME, "wall_time_limit"),
    ],
)
def test_tests_together_stop_at_the_total_limits_of_the_job(
    sandbox: BoundedSandbox, source: str, total: TotalLimits, reason: StopReason, outcome: str
) -> None:
    # Given a job whose 60 tests could use 60 s of processor time within 1800 s if each had its own limits only
    spec = job_with_tests(source, 60, total)
    # When it runs
    result = sandbox.run(spec)
    # Then it stops at the limit of the job
    assert (result.outcome, result.exhausted) == (outcome, reason)
    assert sum(phase.wall_seconds for phase in result.phases) < total.wall_seconds + 0.5
    assert sum(phase.cpu_seconds for phase in result.phases) < total.cpu_seconds + 1.5
    # And every test has a report
    reports = JobJudge(spec.tests).create_reports(result.phases, result.exhausted)
    assert [report.name for report in reports] == [str(number) for number in range(60)]
    assert reports[-1].message.startswith("not run: the job has used its total")
    assert (reports[-1].passed, reports[-1].outcome.value) == (False, f"{reason.value}_limit")


def test_compilation_counts_for_the_total_limits_of_the_job(sandbox: BoundedSandbox) -> None:
    # Given a compiler that runs for longer than the job may
    source = '#include "/dev/zero"\nint main(void) { return 0; }'
    spec = msgspec.structs.replace(job("c", source), total_limits=TotalLimits(wall_seconds=0.5))

    result = sandbox.run(spec)

    assert result.outcome == "compile_error"
    assert result.seconds < 10
    assert [phase.name for phase in result.phases] == ["compile"]


def test_job_within_its_total_limits_runs_to_its_end(sandbox: BoundedSandbox) -> None:
    total = TotalLimits(wall_seconds=patient(20), cpu_seconds=patient(20))
    result = sandbox.run(job_with_tests(PASS_SLOWLY, 3, total, cpu_seconds=patient(1)))

    assert (result.outcome, result.exhausted, len(result.phases)) == ("ok", StopReason.NONE, 3)

"""Tries the limits: runs programs that exceed each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.cli.checks.finding import Finding, failed, passed_if
from app.cli.checks.sent_job import run_job
from pyxec import Client, PyxecError, Result

__all__ = ["LANGUAGE", "TRIALS", "Trial", "check_limits"]

MIB: Final = 1024 * 1024
OUTPUT_BYTES: Final = 64 * 1024
PROCESSES: Final = 8
LANGUAGE: Final = "python"


@dataclass(frozen=True)
class Trial:
    """A Python program that exceeds a limit, and its expected result.

    Attributes:
        name: Row in the report.
        source: The program.
        outcomes: Permitted outcomes.
        limits: Limits of the job.
        predicate: Additional condition on the result.
    """

    name: str
    source: str
    outcomes: tuple[str, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    predicate: Callable[[Result], bool] = lambda job: True


def _printed_number(job: Result) -> int:
    """Return the number at the start of the output, or -1, which no predicate accepts."""
    first = job.stdout.split(maxsplit=1)[:1]
    return int(first[0]) if first and first[0].isdecimal() else -1


TRIALS: Final = (
    Trial("memory bomb", "x = bytearray(1 << 30)", ("memory_limit",), {"memory_bytes": 64 * MIB}),
    Trial(
        "fork bomb",
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
        ("wall_time_limit", "cpu_time_limit", "memory_limit"),
        {"wall_seconds": 2, "processes": 32},
    ),
    Trial("endless wait", "import time\ntime.sleep(60)\n", ("wall_time_limit",), {"wall_seconds": 1}),
    Trial(
        "endless loops side by side",
        "import os\nos.fork()\nwhile True:\n    pass\n",
        ("cpu_time_limit",),
        {"cpu_seconds": 1, "wall_seconds": 30},
    ),
    Trial(
        "endless output",
        "while True:\n    print('x' * 1000)\n",
        ("output_limit",),
        {"output_bytes": OUTPUT_BYTES},
        lambda job: len(job.stdout) == OUTPUT_BYTES,
    ),
    Trial(
        "processes",
        "import os, time\nchildren = 0\ntry:\n    while os.fork():\n        children += 1\n    time.sleep(60)\n"
        "except OSError:\n    print(children)\n",
        ("ok",),
        {"processes": PROCESSES},
        lambda job: 0 < _printed_number(job) <= PROCESSES,
    ),
    Trial(
        "full disk",
        "import errno\ntry:\n    for n in range(9):\n        open(f'file{n}', 'wb').write(bytes(1 << 20))\n"
        "except OSError as error:\n    print(n, errno.errorcode[error.errno])\n",
        ("ok",),
        {"disk_bytes": 4 * MIB},
        lambda job: job.stdout.endswith("ENOSPC\n") and 0 <= _printed_number(job) <= 4,
    ),
    Trial(
        "open files",
        "import errno\nfiles = []\ntry:\n    while True:\n        files.append(open('/dev/null'))\n"
        "except OSError as error:\n    print(len(files), errno.errorcode[error.errno])\n",
        ("ok",),
        {"open_files": 32},
        lambda job: job.stdout.endswith("EMFILE\n") and 0 <= _printed_number(job) <= 32,
    ),
    # The kernel refuses arguments that are larger than a quarter of the stack (execve(2)).
    Trial(
        "stack",
        "import errno, os\ntry:\n    os.execv('/bin/true', ['true', *['x' * 100_000] * 4])\n"
        "except OSError as error:\n    print(errno.errorcode[error.errno])\n",
        ("ok",),
        {"stack_bytes": 1 * MIB},
        lambda job: job.stdout == "E2BIG\n",
    ),
    # Connecting a datagram socket sends nothing; it only looks up a route. 192.0.2.0/24 is reserved for documentation
    # (RFC 5737).
    Trial(
        "no network",
        "import errno, socket\n"
        "print([line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line])\n"
        "try:\n"
        "    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))\n"
        "except OSError as error:\n"
        "    print(errno.errorcode[error.errno])\n",
        ("ok",),
        predicate=lambda job: job.stdout == "['lo']\nENETUNREACH\n",
    ),
    # 2 is SECCOMP_MODE_FILTER (proc(5)). unshare with CLONE_NEWUSER would give the program all capabilities in its own
    # user namespace.
    Trial(
        "refused system call",
        "import ctypes, errno\n"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('Seccomp:')])\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.unshare(0x10000000), errno.errorcode.get(ctypes.get_errno()))\n",
        ("ok",),
        predicate=lambda job: job.stdout == "2\n-1 EPERM\n",
    ),
    # Last: the earlier trials must not affect the next job.
    Trial("a job after the trials", "print('fine')", ("ok",), predicate=lambda job: job.stdout == "fine\n"),
)


def check_limits(client: Client) -> Iterator[Finding]:
    """Run all trials, one after another, in LANGUAGE."""
    for trial in TRIALS:
        try:
            yield _judge(trial, run_job(client, _request(trial)))
        except PyxecError as e:
            yield failed(trial.name, str(e))


def _request(trial: Trial) -> dict[str, Any]:
    return {"language": LANGUAGE, "source": trial.source, "limits": dict(trial.limits)}


def _judge(trial: Trial, job: Result) -> Finding:
    expected = job.outcome in trial.outcomes
    detail = f"{job.outcome}: {job.message}"
    if expected and not trial.predicate(job):
        detail += f"; unexpected output: {job.stdout[:60]!r}"
    elif not expected:
        detail += f"; expected {' or '.join(trial.outcomes)}"
    return passed_if(trial.name, expected and trial.predicate(job), detail)

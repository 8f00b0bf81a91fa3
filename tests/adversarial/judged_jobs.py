"""Jobs with checkers and interactors for attacks, run as a worker runs them, without Redis."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from app.actors.job_sandbox import JobSandbox
from app.actors.judging.judged_run import JudgedRun, JudgingServices
from app.core.job.results import JobResult
from app.core.job.spec import JobSpec
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec, CheckerStyle
from app.store.jobs.job_input import JobInbox
from tests.adversarial.attack import ATTACK_SECONDS
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.sandbox.sandbox_fixture import RecordingSink, job

__all__ = ["ANSWER", "FIND_TRACES", "HELLO", "LEAVE_ATTACKER", "judge", "verdicts", "with_checker"]

ANSWER = "the-answer-nobody-may-see"
HELLO = "print('hello')"
# What the sandbox of a process contains besides the process itself.
FIND_TRACES = r"""
import os, socket
def attempt(read):
    try:
        return read()
    except OSError:
        return None
def find_traces():
    folders = ("/tmp", "/dev/shm", "/dev/mqueue")
    own = {1, os.getpid(), os.getppid()}
    return {
        "files": [name for folder in folders for name in os.listdir(folder)],
        "processes": [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in own],
        "sysv": [line for kind in ("shm", "msg", "sem") for line in open(f"/proc/sysvipc/{kind}").readlines()[1:]],
        "port": attempt(lambda: socket.create_connection(("127.0.0.1", 4711), 1) and "connected"),
        "abstract": attempt(lambda: socket.socket(socket.AF_UNIX).connect("\0left") or "connected"),
    }
"""
# A process that no signal but SIGKILL ends, which offers sockets, writes files and kills all it can.
LEAVE_ATTACKER = r"""
import ctypes, os, signal, socket, time
def leave_attacker(spared):
    ctypes.CDLL(None).shmget(0x4711, 4096, 0o1666)
    if os.fork():
        time.sleep(0.2)
        return
    os.setsid()
    for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    server = socket.create_server(("127.0.0.1", 4711))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0left")
    abstract.listen()
    while True:
        for folder in ("/work", "/tmp", "/dev/shm"):
            open(folder + "/left", "w").write("left")
        for pid in range(2, 300):
            try:
                if pid not in (os.getpid(), *spared):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        os.write(1, b"")
"""


def with_checker(
    source: str, checker: str, tests: int = 2, stdin: bytes = b"in", seconds: float = ATTACK_SECONDS, **limits: float
) -> JobSpec:
    """Return a job in Python with a checker in Python. ``seconds`` limits the program, ``limits`` the checker."""
    spec = job("python", source, wall_seconds=seconds, cpu_seconds=seconds)
    checker_job = job("python", checker, **{"wall_seconds": ATTACK_SECONDS, **limits})
    return msgspec.structs.replace(
        spec,
        tests=tuple(
            CaseSpec(name=str(n), stdin=stdin, args=(), expected_output=ANSWER.encode(), limits=spec.limits)
            for n in range(tests)
        ),
        checker=CheckerSpec(
            language="python",
            files=checker_job.files,
            entrypoint=checker_job.entrypoint,
            style=CheckerStyle.ICPC,
            args=(),
            limits=checker_job.limits,
        ),
    )


@contextmanager
def opened_inbox() -> Iterator[JobInbox]:
    inbox = JobInbox(lambda: None)
    try:
        yield inbox
    finally:
        inbox.close()


def judge(
    sandbox: BoundedSandbox, spec: JobSpec, caller: str | None = None, services: JudgingServices | None = None
) -> JobResult:
    with opened_inbox() as inbox:
        services = services or JudgingServices(lambda: 3)
        with services.slots.open() as slots:
            job_sandbox = JobSandbox(sandbox.container_sandbox, uuid.uuid4().hex, 1, caller)
            run = JudgedRun(job_sandbox, spec, RecordingSink(), inbox, services, slots)
            result, _ = run.run(lambda: None)
    return result


def verdicts(result: JobResult) -> list[str | None]:
    return [test.verdict and test.verdict.value for test in result.tests]

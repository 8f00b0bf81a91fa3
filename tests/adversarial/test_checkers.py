"""Hostile checkers, and programs that attack their checker. The sandbox of a checker is not that of the program."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from app.actors.job_sandbox import JobSandbox
from app.actors.judged_run import JudgedRun, JudgingServices
from app.core.checker_job import create_checker_job
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec, CheckerStyle
from app.core.results import JobResult
from app.core.spec import JobSpec
from app.store.job_input import JobInbox
from tests.adversarial.attack import ATTACK_SECONDS
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.patience import patient
from tests.sandbox.sandbox_fixture import MIB, RecordingSink, job

pytestmark = pytest.mark.docker

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


# --- hostile checkers


@pytest.mark.parametrize(
    ("checker", "limits"),
    [
        pytest.param("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", {}, id="fork bomb"),
        pytest.param("import os\nwhile True: os.write(1, b'x' * 65536)", {}, id="stdout flood"),
        pytest.param("import os\nwhile True: os.write(2, b'x' * 65536)", {}, id="stderr flood"),
        pytest.param("x = []\nwhile True: x.append(bytearray(2**20))", {"memory_bytes": 64 * MIB}, id="memory"),
        pytest.param("import sys\nfile = open(sys.argv[3] + 'score.txt', 'wb')\nwhile True: file.write(bytes(2**20))",
                     {"disk_bytes": 4 * MIB}, id="large score"),
        pytest.param("import os, signal, sys\nfor n in set(signal.valid_signals()) - {9, 19}:\n"
                     "    signal.signal(n, signal.SIG_IGN)\nos.setsid()\nwhile True: pass", {}, id="ignores signals"),
        pytest.param("import os\nos.kill(-1, 9)", {}, id="kills its own sandbox"),
        pytest.param("import os, sys\nos.symlink('/proc/1/mem', sys.argv[3] + 'judgemessage.txt')\nsys.exit(41)", {},
                     id="message of the runner"),
    ],
)  # fmt: skip
def test_hostile_checker_gives_no_verdict_and_ends_at_its_limits(
    sandbox: BoundedSandbox, checker: str, limits: dict[str, float]
) -> None:
    started_at = time.monotonic()

    result = judge(sandbox, with_checker(HELLO, checker, **limits))

    assert time.monotonic() - started_at < 4 * ATTACK_SECONDS + patient(10)
    assert set(verdicts(result)) <= {"checker_error", None}
    assert verdicts(result)[0] == "checker_error"
    assert (result.outcome.value, result.verdict and result.verdict.value) == ("ok", "checker_error")
    assert all(len(test.checker_message or "") < 10_000 for test in result.tests)


def test_long_message_and_feedback_of_a_checker_are_cut(sandbox: BoundedSandbox) -> None:
    checker = """
import os, sys
for number in range(1000):
    open(f"{sys.argv[3]}file{number}", "w").write("x")
open(sys.argv[3] + "judgemessage.txt", "w").write("x" * 10**7)
sys.exit(42)
"""
    result = judge(sandbox, with_checker(HELLO, checker))

    assert verdicts(result) == ["accepted"] * 2
    assert [test.checker_message for test in result.tests] == ["x" * 4096] * 2


def test_feedback_that_blocks_its_reader_ends_at_the_limit(sandbox: BoundedSandbox) -> None:
    checker = "import os, sys\nos.mkfifo(sys.argv[3] + 'judgemessage.txt')\nsys.exit(42)"

    assert verdicts(judge(sandbox, with_checker(HELLO, checker, tests=1))) == ["checker_error"]


def test_checker_finds_nothing_of_the_program_or_of_its_previous_run(sandbox: BoundedSandbox) -> None:
    checker = (
        FIND_TRACES
        + LEAVE_ATTACKER.replace("os.kill(pid, signal.SIGKILL)", "os.kill(pid, 0)")  # its message needs a process
        + r"""
import sys
traces = {name: value for name, value in find_traces().items() if value}
names = sorted(os.listdir("/work")) + sorted(os.listdir(sys.argv[3]))
open("/work/changed", "w").write("x")
open(__file__, "a").write("raise SystemExit(41)")
with open(sys.argv[3] + "judgemessage.txt", "w") as message:
    message.write(repr((names, traces)))
leave_attacker([os.getpid(), os.getppid()])
sys.exit(42)
"""
    )
    result = judge(
        sandbox, with_checker(LEAVE_ATTACKER + "leave_attacker([os.getpid()])\nprint('hello')", checker, tests=3)
    )

    first, *others = [test.checker_message for test in result.tests]
    assert verdicts(result) == ["accepted"] * 3, result
    assert first is not None
    assert first.endswith("{})")
    assert others == [first, first]


# --- compiled checkers, which a worker keeps for the next job


SELF_CHANGING_CHECKER = r"""
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
int main(int count, char **arguments) {
    std::ofstream(std::string(arguments[3]) + "judgemessage.txt") << std::filesystem::file_size("program");
    std::rename("program", "moved");
    std::ofstream("program") << "#!/bin/sh\nexit 43\n";
    std::filesystem::permissions("program", std::filesystem::perms::all);
    std::ofstream("main.cpp") << "int main() { return 43; }";
    std::ofstream("added") << "x";
    return std::filesystem::exists("/tmp/left") || std::ofstream("/tmp/left").fail() ? 43 : 42;
}
"""


def with_compiled_checker(checker: str = SELF_CHANGING_CHECKER) -> JobSpec:
    spec = with_checker(HELLO, "")
    compiled = job("cpp", checker)
    assert spec.checker is not None
    fields = {"language": "cpp", "files": compiled.files, "entrypoint": compiled.entrypoint, "limits": compiled.limits}
    return msgspec.structs.replace(spec, checker=msgspec.structs.replace(spec.checker, **fields))


def test_checker_cannot_change_the_compiled_checker_of_the_next_job(sandbox: BoundedSandbox) -> None:
    services, spec = JudgingServices(), with_compiled_checker()
    key = sandbox.container_sandbox.compilation_key(checker_spec(spec))
    assert key is not None

    first = judge(sandbox, spec, "a", services)
    compiled = services.checkers.get("a", key)
    second = judge(sandbox, spec, "a", services)

    assert verdicts(first) == verdicts(second) == ["accepted"] * 2
    assert len({test.checker_message for test in (*first.tests, *second.tests)}) == 1
    assert compiled is not None
    assert services.checkers.get("a", key) == compiled
    assert {file.name for file in compiled} == {"main.cpp", "program"}


def test_checker_is_compiled_for_each_caller(sandbox: BoundedSandbox) -> None:
    services, spec = JudgingServices(), with_compiled_checker()
    key = sandbox.container_sandbox.compilation_key(checker_spec(spec))
    assert key is not None

    assert verdicts(judge(sandbox, spec, "a", services)) == ["accepted"] * 2
    assert services.checkers.get("b", key) is None
    assert verdicts(judge(sandbox, spec, None, services)) == ["accepted"] * 2
    assert services.checkers.get("b", key) is None


def test_checker_that_is_not_compiled_is_not_kept(sandbox: BoundedSandbox) -> None:
    services, spec = JudgingServices(), with_compiled_checker("int main() { return undeclared; }")
    key = sandbox.container_sandbox.compilation_key(checker_spec(spec))
    assert key is not None

    for _ in range(2):
        result = judge(sandbox, spec, "a", services)
        assert result.verdict == "checker_error"
        assert "undeclared" in result.message
    assert services.checkers.get("a", key) is None


def checker_spec(spec: JobSpec) -> JobSpec:
    """Return the job of the checker of a job."""
    assert spec.checker is not None
    return create_checker_job(spec.checker, len(spec.tests), spec.total_limits)


# --- tests that run at the same time


def test_parallel_tests_and_their_checkers_find_nothing_of_each_other(sandbox: BoundedSandbox) -> None:
    checker = (
        FIND_TRACES
        + LEAVE_ATTACKER
        + r"""
import sys, time
traces = {name: value for name, value in find_traces().items() if value}
time.sleep(0.2)
traces |= {name: value for name, value in find_traces().items() if value}
if traces:
    print(traces)
    sys.exit(43)
leave_attacker([os.getpid(), os.getppid()])
sys.exit(42 if sys.stdin.read() == "{}\n" else 41)
"""
    )
    program = (
        FIND_TRACES
        + LEAVE_ATTACKER
        + "print({name: value for name, value in find_traces().items() if value}, flush=True)\n"
        + "leave_attacker([os.getpid()])"
    )
    spec = msgspec.structs.replace(with_checker(program, checker, tests=6), tests_parallel=3)
    result = judge(sandbox, spec)

    assert verdicts(result) == ["accepted"] * 6, result.tests
    assert [test.name for test in result.tests] == list("012345")


# --- hostile programs


def test_program_finds_neither_the_checker_nor_the_answer(sandbox: BoundedSandbox) -> None:
    source = (
        FIND_TRACES
        + f"""
token = {ANSWER[:10]!r}.encode() + {ANSWER[10:]!r}.encode()
found = []
for top in ("/work", "/tmp", "/dev", "/proc", "/run", "/var", "/home", "/root", "/etc", "/mnt", "/srv", "/opt"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if name in ("kmsg", "kcore", "mem") or not os.path.isfile(path):
                continue
            try:
                with open(path, "rb") as file:
                    if token in file.read(2**20):
                        found.append(path)
            except OSError:
                pass
print(found, find_traces()["processes"])
"""
    )
    checker = "import sys, time\ntime.sleep(0.2)\nsys.exit(42 if sys.stdin.read() == '[] []\\n' else 43)"
    result = judge(sandbox, with_checker(source, checker, seconds=patient(20)))

    assert verdicts(result) == ["accepted"] * 2, result


def test_program_cannot_signal_its_checker_or_survive_into_its_run(sandbox: BoundedSandbox) -> None:
    checker = (
        FIND_TRACES
        + r"""
import sys, time
deadline = time.monotonic() + 0.5
while time.monotonic() < deadline:
    traces = {name: value for name, value in find_traces().items() if value}
    if traces:
        print(traces)
        sys.exit(43)
sys.exit(42 if sys.stdin.read() == "hello\n" else 41)
"""
    )
    result = judge(sandbox, with_checker(LEAVE_ATTACKER + "leave_attacker([os.getpid()])\nprint('hello')", checker))

    assert verdicts(result) == ["accepted"] * 2, result


def test_program_cannot_write_output_while_its_checker_runs(sandbox: BoundedSandbox) -> None:
    source = (
        "import os, time\nprint('hello', flush=True)\nif os.fork() == 0:\n    while True: print('late', flush=True)"
    )
    checker = """
import sys, time
first = open(".pyxec/output").read()
time.sleep(0.3)
sys.exit(42 if first == open(".pyxec/output").read() == sys.stdin.read() and first.startswith("hello") else 43)
"""
    spec = with_checker(source, checker)

    assert verdicts(judge(sandbox, spec)) == ["accepted"] * 2


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 10, id="NUL"),
        pytest.param(b"0 0\n", id="sizes"),
        pytest.param(b"judge\x00100", id="score"),
        pytest.param(b"$(exit 42)`exit 42`';exit 42;'", id="shell"),
        pytest.param(bytes(range(256)) * 40, id="all bytes"),
    ],
)
def test_output_cannot_forge_the_input_or_the_result_of_the_checker(sandbox: BoundedSandbox, output: bytes) -> None:
    stdin = b"7 7\n" + output
    checker = f"""
import sys
contents = [open(name, "rb").read() for name in sys.argv[1:3]]
team = sys.stdin.buffer.read()
sys.exit(43 if contents == [{stdin!r}, {ANSWER.encode()!r}] and team == {output!r} else 41)
"""
    source = f"import sys\nsys.stdout.buffer.write({output!r})"
    result = judge(sandbox, with_checker(source, checker, tests=1, stdin=stdin))

    assert verdicts(result) == ["wrong_answer"], result.tests
    assert result.tests[0].score == 0.0


# --- interactors


def with_interactor(source: str, interactor: str, tests: int = 2, **limits: float) -> JobSpec:
    spec = with_checker(source, interactor, tests, **limits)
    return msgspec.structs.replace(spec, checker=None, interactor=spec.checker)


def test_program_and_its_interactor_find_nothing_of_each_other(sandbox: BoundedSandbox) -> None:
    find = FIND_TRACES + "import sys, time\ntraces = {name: value for name, value in find_traces().items() if value}\n"
    # Both leave traces, then search for those of the other one
    leave = "open('/tmp/left', 'w').close()\nserver = socket.create_server(('127.0.0.1', 4711))\n"
    source = find + leave + "print(traces, flush=True)\ninput()"
    interactor = (
        find
        + leave
        + """
time.sleep(0.5)
found = sys.stdin.readline()
print("done", flush=True)
sys.exit(42 if found == "{}\\n" and not traces else 43)
"""
    )
    result = judge(sandbox, with_interactor(source, interactor, wall_seconds=patient(5)))

    assert verdicts(result) == ["accepted"] * 2, result


@pytest.mark.parametrize(
    ("source", "interactor", "allowed"),
    [
        pytest.param("import os\nwhile True: os.write(1, b'x' * 65536)", "import time\ntime.sleep(60)",
                     {"output_limit"}, id="program floods"),
        pytest.param("import time\ntime.sleep(60)", "import os\nwhile True: os.write(1, b'x' * 65536)",
                     {"checker_error", "time_limit"}, id="interactor floods"),
        pytest.param("import os\nos.close(0)\nos.close(1)\nwhile True: pass", "import os\nos.close(0)\nos.close(1)\n"
                     "while True: pass", {"time_limit", "checker_error"}, id="both close their streams"),
        pytest.param("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "import os\nwhile True:\n"
                     "    try: os.fork()\n    except OSError: pass", {"time_limit", "checker_error"}, id="fork bombs"),
    ],
)  # fmt: skip
def test_hostile_interaction_ends_at_its_limits(
    sandbox: BoundedSandbox, source: str, interactor: str, allowed: set[str]
) -> None:
    started_at = time.monotonic()

    result = judge(sandbox, with_interactor(source, interactor))

    assert time.monotonic() - started_at < 6 * ATTACK_SECONDS + patient(10)
    assert set(verdicts(result)) <= allowed
    assert all(len(test.interactor_output or "") <= 4096 for test in result.tests)

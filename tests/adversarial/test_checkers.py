"""Hostile checkers. Each runs in a sandbox of its own, which is not that of the program."""

from __future__ import annotations

import time

import pytest

from tests.adversarial.attack import ATTACK_SECONDS
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.adversarial.judged_jobs import FIND_TRACES, HELLO, LEAVE_ATTACKER, judge, verdicts, with_checker
from tests.patience import patient
from tests.sandbox.sandbox_fixture import MIB

pytestmark = pytest.mark.docker


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

"""Programs that attack their checker, one after another and at the same time."""

from __future__ import annotations

import msgspec
import pytest

from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.adversarial.judged_jobs import ANSWER, FIND_TRACES, LEAVE_ATTACKER, judge, verdicts, with_checker
from tests.patience import patient

pytestmark = pytest.mark.docker


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

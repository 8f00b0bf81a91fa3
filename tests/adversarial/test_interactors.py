"""Hostile interactors, and programs that attack their interactor while both run."""

from __future__ import annotations

import time

import msgspec
import pytest

from app.core.job.spec import JobSpec
from tests.adversarial.attack import ATTACK_SECONDS
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.adversarial.judged_jobs import FIND_TRACES, judge, verdicts, with_checker
from tests.patience import patient

pytestmark = pytest.mark.docker


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

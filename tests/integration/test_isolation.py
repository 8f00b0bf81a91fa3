"""A worker with cells in the whole stack, and the change of an installation from containers to cells and back."""

from __future__ import annotations

import pytest

from tests.stack import Process, Stack, eventually

pytestmark = pytest.mark.docker

C_PROGRAM = (
    '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); return 0; }\n'
)
LONG = "import time\nfor _ in range(4):\n    time.sleep(0.5)\nprint('done')"
JOBS = 6


def start_worker(stack: Stack, isolation: str) -> Process:
    stack.settings["PYXEC_ISOLATION"] = isolation
    return stack.start_worker()


def test_jobs_of_all_kinds_run_in_cells(own_stack: Stack) -> None:
    own_stack.start_api()
    start_worker(own_stack, "cell")

    assert [own_stack.submit(f"print({n})", wait=30)["stdout"] for n in range(3)] == ["0\n", "1\n", "2\n"]
    tests = [{"stdin": f"{n} 1", "expected_output": f"{n + 1}"} for n in range(3)]
    compiled = own_stack.submit(C_PROGRAM, language="c", wait=60, tests=tests, limits={"memory_bytes": 32 << 20})
    assert [test["passed"] for test in compiled["tests"]] == [True, True, True]
    # The metrics count the workers by mode, and the cells by language and state. A worker publishes them every few
    # seconds.
    cell = 'pyxec_cells{language="python",state="idle"} '
    text = eventually(lambda: cell in (metrics := own_stack.http.get("/metrics").text) and metrics, 20)
    assert float(text.split(cell)[1].split()[0]) >= 1
    assert 'pyxec_cells{language="python",state="busy"} 0.0' in text
    workers = [line for line in text.splitlines() if line.startswith("pyxec_workers_by_isolation{")]
    assert workers == ['pyxec_workers_by_isolation{mode="cell"} 1.0']
    too_large = own_stack.submit("x = b'x' * (1 << 30)", wait=60, limits={"memory_bytes": 64 << 20})
    endless = own_stack.submit("while True: pass", wait=60, limits={"wall_seconds": 1, "cpu_seconds": 10})
    assert (too_large["outcome"], endless["outcome"]) == ("memory_limit", "wall_time_limit")


@pytest.mark.parametrize(("before", "after"), [("container", "cell"), ("cell", "container")])
def test_no_job_is_lost_when_the_isolation_of_the_workers_changes(own_stack: Stack, before: str, after: str) -> None:
    own_stack.start_api()
    old = start_worker(own_stack, before)
    jobs = [own_stack.submit(LONG)["id"] for _ in range(JOBS)]

    start_worker(own_stack, after)
    assert old.terminate() == 0

    finished = [own_stack.wait_until_finished(job, 60) for job in jobs]
    assert [job["stdout"] for job in finished] == ["done\n"] * JOBS
    assert {job["outcome"] for job in finished} == {"ok"}

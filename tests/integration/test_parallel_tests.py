"""``tests_parallel``: the tests of a job run in several sandboxes at the same time, with containers and with cells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import Stack, running_stack

pytestmark = pytest.mark.docker

# Says when it runs. Processes of different sandboxes have the same clock.
CLOCK = "import sys, time\nstart = time.time()\ntime.sleep(float(input()))\nprint(start, time.time())"
SQUARE = """
#include <iostream>
#include <thread>
int main() {
    long number;
    std::cin >> number;
    if (number < 0)
        for (;;)
            std::this_thread::sleep_for(std::chrono::seconds(1));
    std::cout << number * number << '\\n';
    return number == 13 ? 1 : 0;
}
"""
CHECKER = """
#include <fstream>
#include <iostream>
int main(int, char **arguments) {
    std::ifstream input(arguments[1]);
    long number, square;
    return input >> number && std::cin >> square && square == number * number && number != 7 ? 42 : 43;
}
"""


@pytest.fixture(scope="module", params=["container", "cell"])
def parallel_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose only worker has 4 slots."""
    folder = tmp_path_factory.mktemp("parallel")
    with running_stack(folder, PYXEC_ISOLATION=request.param, PYXEC_POOL_FLOOR="0") as stack:
        stack.start_api()
        stack.start_worker(threads=4)
        yield stack


def count_simultaneous(tests: list[dict[str, Any]]) -> int:
    """Return the highest number of tests of CLOCK that ran at the same time."""
    spans = [tuple(map(float, test["stdout"].split())) for test in tests]
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_parallel_tests_give_the_results_of_sequential_ones(parallel_stack: Stack) -> None:
    numbers = [3, 13, 5, 7, -1, 2, 11, 4]
    body = {
        "language": "cpp",
        "tests": [{"stdin": str(number)} for number in numbers],
        "checker": {"language": "cpp", "source": CHECKER},
        "groups": [{"name": "all", "tests": [str(n + 1) for n in range(8)], "aggregation": "sum"}],
        "limits": {"wall_seconds": 3},
        "wait": 60,
    }
    sequential = parallel_stack.submit(SQUARE, **body)
    parallel = parallel_stack.submit(SQUARE, tests_parallel=4, **body)

    assert [test["verdict"] for test in parallel["tests"]] == [
        "accepted", "runtime_error", "accepted", "wrong_answer", "time_limit", *["accepted"] * 3,
    ]  # fmt: skip
    for name in ("verdict", "outcome", "score", "groups", "exit_code", "message", "version", "compile_output"):
        assert parallel[name] == sequential[name], name
    for name in ("name", "verdict", "outcome", "stdout", "score", "message", "exit_code"):
        values = [[test[name] for test in job["tests"]] for job in (parallel, sequential)]
        if name != "message":
            assert values[0] == values[1], name
    phases = [phase["name"] for phase in parallel["phases"]]
    assert phases == [phase["name"] for phase in sequential["phases"]] == ["compile", *["test"] * 8]


def test_parallel_tests_use_the_free_slots_of_the_worker(parallel_stack: Stack) -> None:
    tests = [{"stdin": "0.7"}] * 8
    job = parallel_stack.submit(CLOCK, tests=tests, tests_parallel=8, wait=60)

    assert 2 <= count_simultaneous(job["tests"]) <= 4


def test_stop_on_first_failure_runs_no_later_test(parallel_stack: Stack) -> None:
    source = "import time\nnumber = int(input())\ntime.sleep(0.5 if number == 2 else 0)\nprint(number % 2)"
    tests = [{"stdin": str(number), "expected_output": "1"} for number in (1, 3, 2, 5, 4, 6, 8)]
    body = {"tests": tests, "stop_on_first_failure": True, "wait": 60}
    job = parallel_stack.submit(source, tests_parallel=3, **body)

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "accepted", "wrong_answer", *[None] * 4]
    assert {test["message"] for test in job["tests"][3:]} == {"not run: test 3 failed"}
    assert [test["stdout"] for test in job["tests"]] == ["1\n", "1\n", "0\n", "", "", "", ""]


def test_waiting_job_starts_while_parallel_tests_use_all_slots(parallel_stack: Stack) -> None:
    large = parallel_stack.submit(CLOCK, tests=[{"stdin": "1"}] * 12, tests_parallel=4)
    deadline = time.monotonic() + 30
    while parallel_stack.job(large["id"])["status"] == "queued":
        assert time.monotonic() < deadline
    others = [parallel_stack.submit("print('done')") for _ in range(3)]
    for other in others:
        assert parallel_stack.wait_until_finished(other["id"])["stdout"] == "done\n"

    assert parallel_stack.job(large["id"])["status"] == "running"
    finished = parallel_stack.wait_until_finished(large["id"], 60)
    assert [test["outcome"] for test in finished["tests"]] == ["ok"] * 12


def test_interactors_run_at_the_same_time(parallel_stack: Stack) -> None:
    program = "for _ in range(int(input())):\n    print(int(input()) + 1, flush=True)"
    interactor = (
        "import sys\ncount = int(open(sys.argv[1]).read())\nprint(count, flush=True)\nfor n in range(count):\n"
        "    print(n, flush=True)\n    if int(input()) != n + 1: sys.exit(43)\nsys.exit(42)"
    )
    job = parallel_stack.submit(
        program,
        tests=[{"stdin": str(count)} for count in (3, 1, 0, 5)],
        interactor={"language": "python", "source": interactor},
        tests_parallel=3,
        wait=60,
    )
    assert [test["verdict"] for test in job["tests"]] == ["accepted"] * 4, job
    assert [test["interactor_output"] for test in job["tests"]] == [
        "3\n0\n1\n2\n",
        "1\n0\n",
        "0\n",
        "5\n0\n1\n2\n3\n4\n",
    ]


def test_cancel_ends_parallel_tests(parallel_stack: Stack) -> None:
    job = parallel_stack.submit(CLOCK, tests=[{"stdin": "30"}] * 6, tests_parallel=3, limits={"wall_seconds": 60})
    deadline = time.monotonic() + 30
    while parallel_stack.job(job["id"])["status"] == "queued":
        assert time.monotonic() < deadline
    parallel_stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()

    assert parallel_stack.wait_until_finished(job["id"])["outcome"] == "cancelled"

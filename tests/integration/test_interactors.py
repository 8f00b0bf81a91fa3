"""Interactors: each is connected to the program while a test runs, and decides the verdict."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

# Accepts a program that finds the number in the input with at most as many questions as the answer states.
GUESS = """
import sys
number, limit = (int(open(name).read()) for name in sys.argv[1:3])
def reject(reason):
    with open(sys.argv[3] + "judgemessage.txt", "w") as message:
        message.write(reason)
    sys.exit(43)
for count in range(1, limit + 1):
    line = sys.stdin.readline()
    if not line.strip().isdigit():
        reject(f"not a number: {line!r}")
    guess = int(line)
    print("lower" if number < guess else "higher" if number > guess else "correct", flush=True)
    if guess == number:
        with open(sys.argv[3] + "judgemessage.txt", "w") as message:
            message.write(f"{count} questions")
        sys.exit(42)
reject("too many questions")
"""
BISECT = """
low, high = 0, 1000
while True:
    middle = (low + high) // 2
    print(middle, flush=True)
    match input():
        case "correct": break
        case "lower": high = middle - 1
        case _: low = middle + 1
"""


def run(
    stack: Stack, source: str, *tests: dict[str, Any], interactor: dict[str, Any] | None = None, **more: Any
) -> Any:
    interactor = {"language": "python", "source": GUESS, **(interactor or {})}
    return stack.submit(source, tests=list(tests), interactor=interactor, wait=60, **more)


def number(value: int, limit: int = 20) -> dict[str, Any]:
    return {"stdin": str(value), "expected_output": str(limit)}


def test_interactor_answers_the_program_and_decides_the_verdict(stack: Stack) -> None:
    job = run(stack, BISECT, number(500), number(123), number(999, limit=3), number(0))

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "accepted", "wrong_answer", "accepted"]
    assert job["tests"][0]["stdout"] == "500\n"
    assert job["tests"][0]["interactor_output"] == "correct\n"
    assert job["tests"][0]["checker_message"] == "1 questions"
    assert job["tests"][2]["checker_message"] == "too many questions"
    assert job["tests"][2]["interactor_output"] == "higher\n" * 3
    assert (job["verdict"], [test["score"] for test in job["tests"]]) == ("wrong_answer", [1, 1, 0, 1])


@pytest.mark.parametrize("language", ["c", "python"])
def test_interactor_and_program_are_compiled_before_their_first_test(stack: Stack, language: str) -> None:
    program = '#include <stdio.h>\nint main() { int n; scanf("%d", &n); printf("%d\\n", n + 1); }'
    interactor = """
#include <fstream>
#include <iostream>
int main(int, char **arguments) {
    int number, answer;
    std::ifstream(arguments[1]) >> number;
    std::cout << number << std::endl;
    return std::cin >> answer && answer == number + 1 ? 42 : 43;
}
"""
    source = program if language == "c" else "print(int(input()) + 1)"
    job = run(stack, source, {"stdin": "5"}, {"stdin": "7"}, language=language,
              interactor={"language": "cpp", "source": interactor, "limits": {"wall_seconds": 5}})  # fmt: skip

    assert [test["verdict"] for test in job["tests"]] == ["accepted"] * 2, job["tests"]
    assert [test["interactor_output"] for test in job["tests"]] == ["5\n", "7\n"]


def test_many_exchanges_arrive_in_order(stack: Stack) -> None:
    interactor = """
import sys
for n in range(2000):
    print(n, flush=True)
    if sys.stdin.readline() != f"{n + 1}\\n":
        sys.exit(43)
sys.exit(42 if sys.stdin.read() == "" else 43)
"""
    source = "import sys\nfor line in sys.stdin:\n    print(int(line) + 1, flush=True)\n    if line == '1999\\n': break"
    job = run(stack, source, {}, interactor={"source": interactor}, limits={"wall_seconds": 30})

    assert job["verdict"] == "accepted", job["tests"]


def test_large_data_flows_in_both_directions(stack: Stack) -> None:
    interactor = """
import sys, threading
size = 3 * 2**20
def write():
    sys.stdout.buffer.write(b"x" * size)
    sys.stdout.buffer.flush()
thread = threading.Thread(target=write)
thread.start()
read = sys.stdin.buffer.read(size)
thread.join()
sys.exit(42 if read == b"x" * size else 43)
"""
    source = "import sys\nwhile data := sys.stdin.buffer.read1(65536):\n    sys.stdout.buffer.write(data)"
    limits = {"output_bytes": 4 * 2**20}
    job = run(stack, source, {}, interactor={"source": interactor, "limits": limits}, limits=limits)

    assert job["verdict"] == "accepted", job["tests"][0]["checker_message"]


def test_deadlock_ends_at_the_time_limit_and_the_report_states_who_waited(stack: Stack) -> None:
    limits = {"wall_seconds": 1}
    job = run(
        stack,
        "import sys\nmode = sys.argv[1]\n"
        "if mode == 'silent': input()\n"  # the interactor waits for a number
        "if mode == 'more': print(1, flush=True); input(); print(0, flush=True); input(); input()\n"
        "if mode == 'busy': print(1, flush=True)\nwhile mode == 'busy': pass\n",
        {**number(5), "args": ["silent"], "limits": limits},
        {**number(5), "args": ["more"], "limits": limits},
        {**number(5), "args": ["busy"], "limits": limits},
    )

    assert [test["verdict"] for test in job["tests"]] == ["time_limit"] * 3
    messages = [test["checker_message"] for test in job["tests"]]
    assert messages[0].startswith("the program and the interactor waited for each other: the program has written 0 ")
    assert messages[1].startswith("the interactor waited for the program, which has not answered its last data: ")
    assert "the program has written 4 bytes in " in messages[1]
    assert messages[1].endswith("the interactor 14 bytes")
    assert messages[2].startswith("the interactor waited for the program, which has not answered its last data: ")


def test_interactor_that_does_not_answer_is_waited_for(stack: Stack) -> None:
    interactor = {"source": "import sys, time\nsys.stdin.readline()\ntime.sleep(3)\nsys.exit(42)"}
    job = run(stack, "print('question', flush=True)\ninput()", {"limits": {"wall_seconds": 1}}, interactor=interactor)

    (test,) = job["tests"]
    assert test["verdict"] == "time_limit"
    assert test["checker_message"].startswith("the program waited for the interactor, which has not answered")


def test_first_failure_decides(stack: Stack) -> None:
    job = run(
        stack,
        "import sys, time\nmode = sys.argv[1]\nprint('x' if mode == 'wrong' else 5, flush=True)\n"
        "input()\nif mode == 'crash': exit(3)",
        {**number(5), "args": ["wrong"]},  # rejected, then the program reads end of file
        {**number(5), "args": ["crash"]},
        {**number(5), "args": ["fine"]},
        {**number(6), "args": ["early"]},  # the interactor reads end of file
    )

    assert [test["verdict"] for test in job["tests"]] == ["wrong_answer", "runtime_error", "accepted", "wrong_answer"]
    assert job["tests"][0]["checker_message"] == "not a number: 'x\\n'"
    assert job["tests"][3]["checker_message"] == "not a number: ''"


def test_failure_of_interactor_is_no_verdict_on_the_program(stack: Stack) -> None:
    interactor = {"source": "import sys\nif int(open(sys.argv[1]).read()): raise ValueError('broken')\nsys.exit(42)"}
    job = run(stack, "import sys; sys.stdin.read()", {"stdin": "1"}, {"stdin": "0"}, interactor=interactor)

    assert [test["verdict"] for test in job["tests"]] == ["checker_error", "accepted"]
    assert "ValueError: broken" in job["tests"][0]["checker_message"]
    assert (job["verdict"], job["outcome"]) == ("checker_error", "ok")


def test_interactor_that_cannot_be_compiled_stops_the_job(stack: Stack) -> None:
    job = run(stack, "import sys; sys.stdin.read()", {}, {}, interactor={"language": "c", "source": "int main("})

    assert job["verdict"] == "checker_error"
    assert [test["verdict"] for test in job["tests"]] == ["checker_error", None]
    assert "main.c:1" in job["message"]


def test_data_of_a_test_does_not_reach_the_next_one(stack: Stack) -> None:
    interactor = """
import sys
first = sys.stdin.readline()
sys.stdout.write("answer " + open(sys.argv[1]).read() + "\\n" + "left over\\n" * 10000)
sys.stdout.flush()
sys.exit(42 if first == open(sys.argv[1]).read() + "\\n" else 43)
"""
    source = (
        "import sys\nprint(sys.argv[1], flush=True)\nassert input() == 'answer ' + sys.argv[1]\n"
        "print('left over\\n' * 10000)"
    )
    tests = [{"stdin": str(n), "args": [str(n)]} for n in range(8)]
    job = run(stack, source, *tests, interactor={"source": interactor}, limits={"output_bytes": 2**18})

    assert [test["verdict"] for test in job["tests"]] == ["accepted"] * 8, job["tests"]


def test_testlib_interactor_has_input_output_and_answer(stack: Stack) -> None:
    interactor = """
import sys
test_input, output, answer = sys.argv[1:]
print(open(test_input).read(), flush=True)
open(output, "w").write(sys.stdin.readline())
print("ok" if open(output).read().strip() == open(answer).read() else "wrong answer", file=sys.stderr)
sys.exit(open(output).read().strip() != open(answer).read())
"""
    tests = [{"stdin": "4", "expected_output": "16"}, {"stdin": "5", "expected_output": "26"}]
    job = run(stack, "print(int(input()) ** 2)", *tests, interactor={"source": interactor, "style": "testlib"})

    results = [(test["verdict"], test["checker_message"]) for test in job["tests"]]
    assert results == [("accepted", "ok"), ("wrong_answer", "wrong answer")]


def test_cancel_ends_a_program_with_an_interactor(stack: Stack) -> None:
    interactor = {"language": "python", "source": "input()", "limits": {"wall_seconds": 60}}
    job = stack.submit("import sys\nprint('up', file=sys.stderr, flush=True)\ninput()", tests=[{}],
                       interactor=interactor, limits={"wall_seconds": 50})  # fmt: skip
    with stack.http.stream("GET", f"/v1/jobs/{job['id']}/output", params={"follow": "true"}) as response:
        lines = response.iter_lines()
        next(line for line in lines if '"output"' in line)
        stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
        list(lines)

    assert stack.wait_until_finished(job["id"])["outcome"] == "cancelled"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"interactor": {"language": "brainfuck", "source": ""}}, "interactor.language"),
        ({"interactor": {"language": "python"}}, "interactor.source"),
        ({"interactor": {"language": "python", "source": "", "limits": {"wall_seconds": 0}}},
         "interactor.limits.wall_seconds"),
        ({"tests": []}, "interactor"),
        ({"checker": {"language": "python", "source": ""}}, "interactor"),
        ({"compare": "exact", "tests": [{"expected_output": ""}]}, "compare"),
    ],
)  # fmt: skip
def test_interactor_is_rejected_when_field_is_invalid(stack: Stack, more: dict[str, Any], field: str) -> None:
    interactor = {"language": "python", "source": ""}
    body = {"language": "python", "source": "", "tests": [{}], "interactor": interactor, **more}
    response = stack.http.post("/v1/jobs", json=body)

    assert (response.status_code, response.json()["field"]) == (422, field)

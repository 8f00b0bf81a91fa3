"""Test cases: the program is compiled once, and each test case runs in its own process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

ADD = "a, b = map(int, input().split())\nprint(a + b)\n"


def run(stack: Stack, source: str, *tests: dict[str, Any], language: str = "python", **more: Any) -> dict[str, Any]:
    return stack.submit(source, language=language, tests=list(tests), wait=60, **more)


def test_case_has_its_own_input_output_and_verdict(stack: Stack) -> None:
    job = run(
        stack,
        ADD,
        {"name": "small", "stdin": "1 2\n", "expected_output": "3"},
        {"name": "wrong", "stdin": "2 2\n", "expected_output": "5\n"},
        {"stdin": "3 4\n"},
        {"name": "crash", "stdin": "x\n", "expected_output": "?"},
    )

    assert [(test["name"], test["passed"], test["stdout"]) for test in job["tests"]] == [
        ("small", True, "3\n"),
        ("wrong", False, "4\n"),
        ("3", None, "7\n"),
        ("crash", False, ""),
    ]
    crash = job["tests"][3]
    assert (crash["outcome"], crash["exit_code"]) == ("nonzero_exit", 1)
    assert "ValueError" in crash["stderr"]
    assert (job["outcome"], job["exit_code"]) == ("nonzero_exit", 1)
    assert job["message"] == "test crash: exited with code 1"
    assert (job["stdout"], job["stderr"]) == ("", "")
    assert [(phase["name"], phase["test"]) for phase in job["phases"]] == [
        ("test", name) for name in ("small", "wrong", "3", "crash")
    ]
    assert all(phase["memory_peak_bytes"] > 0 for phase in job["phases"])


def test_outcome_is_ok_when_output_is_wrong(stack: Stack) -> None:
    job = run(stack, ADD, {"stdin": "1 1", "expected_output": "3"})

    assert (job["outcome"], job["exit_code"], job["tests"][0]["passed"]) == ("ok", 0, False)


def test_trailing_whitespace_is_ignored_in_comparison(stack: Stack) -> None:
    job = run(stack, "print('a  \\nb\\t\\n\\n')", {"expected_output": "a\nb"}, {"expected_output": " a\nb"})

    assert [test["passed"] for test in job["tests"]] == [True, False]


def test_verdict_is_that_of_the_first_test_that_is_not_accepted(stack: Stack) -> None:
    accepted = {"stdin": "1 2", "expected_output": "3"}
    job = run(stack, ADD, accepted, {"stdin": "1 1", "expected_output": "3"}, {"stdin": "x"}, accepted)

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "wrong_answer", "runtime_error", "accepted"]
    assert (job["verdict"], job["outcome"]) == ("wrong_answer", "nonzero_exit")
    assert run(stack, ADD, accepted, {"stdin": "3 4"})["verdict"] == "accepted"
    assert run(stack, ADD, {"stdin": "1 2"})["verdict"] is None
    assert run(stack, "int main(", accepted, language="c")["verdict"] == "compile_error"


def test_output_is_compared_as_requested(stack: Stack) -> None:
    job = run(
        stack,
        "print('YES  0.333333\\n')",
        {"expected_output": "yes 0.33333333"},
        {"expected_output": "yes 0.3333", "compare": {"mode": "tokens", "case_sensitive": False}},
        {"expected_output": "YES  0.333333\n\n", "compare": "exact"},
        {"expected_output": "YES  0.333333\n", "compare": "exact"},
        {"expected_output": "YES  0.333333", "compare": "lines"},
        compare={"mode": "tokens", "case_sensitive": False, "float_absolute_tolerance": 1e-5},
    )

    assert [test["passed"] for test in job["tests"]] == [True, False, True, False, True]


@pytest.mark.parametrize("language", ["python", "c"])
def test_tests_after_a_failure_do_not_run_when_job_stops_on_first_failure(stack: Stack, language: str) -> None:
    sources = {"python": "print(input())", "c": "#include <stdio.h>\nint main() { int c = getchar(); putchar(c); }"}
    tests = [{"stdin": text, "expected_output": "a"} for text in ("a", "a", "b", "a", "b")]
    job = run(stack, sources[language], *tests, language=language, stop_on_first_failure=True)

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "accepted", "wrong_answer", None, None]
    assert [test["outcome"] for test in job["tests"]] == ["ok", "ok", "ok", None, None]
    assert [test["message"] for test in job["tests"][2:]] == ["exited normally", *["not run: test 3 failed"] * 2]
    assert [test["passed"] for test in job["tests"][2:]] == [False, None, None]
    assert (job["verdict"], job["outcome"]) == ("wrong_answer", "ok")
    assert [phase.get("test") for phase in job["phases"] if phase["name"] == "test"] == ["1", "2", "3"]
    events = stack.http.get(f"/v1/jobs/{job['id']}/output").text
    assert '"test":"3"' in events
    assert '"test":"4"' not in events


def test_all_tests_run_when_none_fails_and_job_stops_on_first_failure(stack: Stack) -> None:
    tests: list[dict[str, Any]] = [{"stdin": "1", "expected_output": "1"}, {"stdin": "x" * 2**20}, {"stdin": "3"}]
    job = run(stack, "print(input())", *tests, stop_on_first_failure=True, limits={"output_bytes": 2**22})

    assert [test["verdict"] for test in job["tests"]] == ["accepted", None, None]
    assert (job["verdict"], job["outcome"], len(job["tests"][1]["stdout"])) == ("accepted", "ok", 2**20 + 1)


def test_first_failure_stops_the_job_when_program_fails(stack: Stack) -> None:
    job = run(stack, "exit(int(input()))", {"stdin": "0"}, {"stdin": "7"}, {"stdin": "0"}, stop_on_first_failure=True)

    assert [test["verdict"] for test in job["tests"]] == [None, "runtime_error", None]
    assert (job["outcome"], job["message"]) == ("nonzero_exit", "test 2: exited with code 7")


def test_program_with_less_memory_than_its_compiler_stops_on_first_failure(stack: Stack) -> None:
    tests = [{"stdin": "a", "expected_output": "a"}, {"expected_output": "a"}, {}]
    source = "#include <stdio.h>\nint main() { int c = getchar(); if (c > 0) putchar(c); }"
    limits = {"memory_bytes": 2**25}
    job = run(stack, source, *tests, language="c", stop_on_first_failure=True, limits=limits)

    assert [test["verdict"] for test in job["tests"]] == ["accepted", "wrong_answer", None]


def test_program_is_compiled_once(stack: Stack) -> None:
    source = '#include <stdio.h>\nint main(int n, char **v) { int x; scanf("%d", &x); printf("%d %s", x, v[1]); }'
    tests = [{"stdin": str(number), "args": [f"a{number}"]} for number in range(5)]
    job = run(stack, source, *tests, language="c")

    assert [phase["name"] for phase in job["phases"]] == ["compile", *["test"] * 5]
    assert [test["stdout"] for test in job["tests"]] == [f"{number} a{number}" for number in range(5)]


def test_case_inherits_fields_of_job(stack: Stack) -> None:
    source = "import sys\nprint(sys.argv[1:], sys.stdin.read())"
    job = run(stack, source, {}, {"stdin": "", "args": []}, stdin="common", args=["x"])

    assert [test["stdout"] for test in job["tests"]] == ["['x'] common\n", "[] \n"]


def test_cases_do_not_run_when_compilation_fails(stack: Stack) -> None:
    job = run(stack, "oops", {"stdin": "1"}, language="c")

    assert (job["outcome"], job["tests"]) == ("compile_error", [])


def test_case_has_its_own_limits(stack: Stack) -> None:
    job = run(
        stack,
        "import sys\nexec(sys.stdin.read())",
        {"name": "slow", "stdin": "import time; time.sleep(60)", "limits": {"wall_seconds": 0.5}},
        {"name": "burns", "stdin": "while True: pass", "limits": {"cpu_seconds": 0.3}},
        {"name": "loud", "stdin": "print('x' * 5000)", "limits": {"output_bytes": 1000}},
        {"name": "fine", "stdin": "print(1)", "expected_output": "1"},
        {"name": "eats", "stdin": "x = bytearray(10**9)", "expected_output": ""},
        limits={"memory_bytes": 64 * 1024 * 1024},
    )

    assert [test["outcome"] for test in job["tests"]][:4] == ["wall_time_limit", "cpu_time_limit", "output_limit", "ok"]
    assert job["tests"][4]["outcome"] in ("memory_limit", "nonzero_exit")
    assert job["tests"][2]["truncated"] == {"stdout": True, "stderr": False}
    assert len(job["tests"][2]["stdout"]) == 1000
    assert [test["passed"] for test in job["tests"]] == [None, None, None, True, False]
    assert job["outcome"] == "wall_time_limit"


def test_case_does_not_see_files_and_processes_of_another_case(stack: Stack) -> None:
    source = (
        "import os, subprocess, sys\n"
        "print(os.path.exists('left'), os.path.exists('/tmp/left'), open('main.py').read() == sys.stdin.read())\n"
        "for path in ('left', '/tmp/left'): open(path, 'w').write('x')\n"
        "open('main.py', 'a').write('# changed')\n"
        "subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
    )
    job = run(stack, source, *[{"stdin": source, "expected_output": "False False True"}] * 4)

    assert [test["passed"] for test in job["tests"]] == [True] * 4, job["tests"]


def test_output_events_name_their_case(stack: Stack) -> None:
    job = run(stack, "print(input())", {"name": "one", "stdin": "1"}, {"name": "two", "stdin": "2"})

    lines = stack.http.get(f"/v1/jobs/{job['id']}/output").text.splitlines()
    events = [json.loads(line) for line in lines]
    parts = [event.get("test") or event["data"] for event in events if event["type"] in ("phase", "output")]
    assert "".join(parts) == "one1\ntwo2\n"
    assert [test["passed"] for test in events[-1]["result"]["tests"]] == [None, None]


def test_number_of_cases_is_limited_to_100(stack: Stack) -> None:
    tests = [{"stdin": str(number), "expected_output": str(number)} for number in range(100)]
    job = run(stack, "read x; echo $x", *tests, language="bash")

    assert [test["passed"] for test in job["tests"]] == [True] * 100
    response = stack.http.post("/v1/jobs", json={"language": "bash", "source": "", "tests": [*tests, {}]})
    assert (response.status_code, response.json()["field"]) == (422, "tests")


def test_cancel_ends_all_cases(stack: Stack) -> None:
    job = stack.submit("import time\nprint('up', flush=True)\ntime.sleep(60)", tests=[{}, {}])
    with stack.http.stream("GET", f"/v1/jobs/{job['id']}/output", params={"follow": "true"}) as response:
        lines = response.iter_lines()
        next(line for line in lines if '"output"' in line)
        stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
        list(lines)

    job = stack.wait_until_finished(job["id"])
    assert job["outcome"] == "cancelled"
    assert [(test["name"], test["outcome"]) for test in job["tests"]] == [("1", "cancelled")]


@pytest.mark.parametrize(
    ("tests", "more", "field"),
    [
        ([{"name": "a"}, {"name": "a"}], {}, "tests[1].name"),
        ([{"name": ""}], {}, "tests[0].name"),
        ([{"name": "a\nb"}], {}, "tests[0].name"),
        ([{}, {"args": ["\0"]}], {}, "tests[1].args[0]"),
        ([{"limits": {"wall_seconds": 1e9}}], {}, "tests[0].limits.wall_seconds"),
        ([{"limits": {"memory_bytes": 1}}], {}, "tests[0].limits.memory_bytes"),
        ([{"stdout": "x"}], {}, "tests[0].stdout"),
        ([{"limits": {"wall_seconds": 300}}] * 4, {}, "tests"),
        ([{"limits": {"output_bytes": 2**26}}] * 2, {}, "tests"),
        ([{"stdin": "x" * 2**22}] * 2 + [{"stdin": "x"}], {}, "tests"),
        ([{"expected_output": "", "compare": "words"}], {}, "tests[0].compare"),
        ([{"expected_output": "", "compare": {"mode": "lines", "float_absolute_tolerance": 1}}], {},
         "tests[0].compare.float_absolute_tolerance"),
        ([{"expected_output": ""}], {"compare": {"tolerance": 1}}, "compare.tolerance"),
        ([{}], {"compare": "exact"}, "compare"),
        ([], {"stop_on_first_failure": True}, "stop_on_first_failure"),
        ([{}], {"stop_on_first_failure": 1}, "stop_on_first_failure"),
        ([{}], {"interactive": True}, "interactive"),
        ([{}], {"tty": {}}, "tty"),
        ([{}], {"artifacts": ["*"]}, "artifacts"),
    ],
)  # fmt: skip
def test_cases_are_rejected_when_field_is_invalid(
    stack: Stack, tests: list[dict[str, Any]], more: dict[str, Any], field: str
) -> None:
    response = stack.http.post("/v1/jobs", json={"language": "python", "source": "", "tests": tests, **more})

    assert (response.status_code, response.json()["field"]) == (422, field)

"""Jobs from submission to result, with all processes of a stack."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.stack import Stack, eventually

pytestmark = pytest.mark.docker

TICKS = "import time\nfor n in range(4):\n    print(f'tick {n}')\n    time.sleep(0.5)\n"


def events_of(stack: Stack, job_id: str, **query: str) -> list[dict[str, Any]]:
    answer = stack.http.get(f"/v1/jobs/{job_id}/output", params=query).raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


def text_of(events: list[dict[str, Any]], stream: str = "stdout") -> str:
    return "".join(event["data"] for event in events if event["type"] == "output" and event["stream"] == stream)


def test_result_contains_output_exit_code_and_usage(stack: Stack) -> None:
    job = stack.submit("import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)", wait=20)
    assert (job["status"], job["outcome"], job["exit_code"]) == ("finished", "nonzero_exit", 3)
    assert (job["stdout"], job["stderr"]) == ("out\n", "err\n")
    assert job["version"].startswith("3.")
    assert job["usage"]["wall_seconds"] > 0
    assert job["attempt"] == 1


def test_output_is_streamed_while_program_runs(stack: Stack) -> None:
    # Given a program that prints a line every half second
    job = stack.submit(TICKS)
    # When a client follows its output
    with stack.http.stream(
        "GET", f"/v1/jobs/{job['id']}/output", headers={"Accept": "text/event-stream"}, timeout=30
    ) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if '"output"' in line)
        status_at_first_line = stack.job(job["id"])["status"]
        rest = list(lines)
    # Then the first line arrives while the program runs, and the stream ends with the result
    assert "tick 0" in first
    assert status_at_first_line == "running"
    assert any('"finished"' in line for line in rest)


def test_output_is_complete_when_it_is_read_after_end(stack: Stack) -> None:
    # Given a finished job
    job = stack.submit("for n in range(200): print('line', n)", wait=20)
    # When a client reads its output from the start and from a cursor
    events = events_of(stack, job["id"])
    cut = len(events) // 2
    later = events_of(stack, job["id"], after=events[cut]["cursor"])
    # Then no event is missing, and none is repeated
    assert text_of(events) == "".join(f"line {n}\n" for n in range(200))
    assert events[-1]["type"] == "finished"
    assert later == events[cut + 1 :]


def test_websocket_sends_stdin_and_receives_output(stack: Stack) -> None:
    # Given a program that reads two lines
    job = stack.submit("name = input('who? ')\nprint('hello', name)\nprint(repr(input()))", interactive=True)
    with connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream") as socket:
        # When the client sends a line, and the second one after the response to the first one
        socket.send(json.dumps({"type": "stdin", "data": "Ada\n"}))
        output = receive_until(socket, "hello Ada")
        socket.send(json.dumps({"type": "stdin", "data": "bye\n"}))
        output += receive_until(socket, "'bye'\n")
        ended = json.loads(socket.recv(timeout=20))
    # Then the program has read both lines, and the client receives the result
    assert output == "who? hello Ada\n'bye'\n"
    assert (ended["type"], ended["result"]["outcome"]) == ("finished", "ok")


def receive_until(socket: ClientConnection, text: str) -> str:
    """Receive output until it contains this text, and return it."""
    output = ""
    while text not in output:
        event = json.loads(socket.recv(timeout=20))
        output += event["data"] if event["type"] == "output" else ""
    return output


def test_cancel_ends_running_job(stack: Stack) -> None:
    # Given a program that runs for a minute
    job = stack.submit("import time\nprint('on')\ntime.sleep(60)", limits={"wall_seconds": 100})
    eventually(lambda: text_of(events_of(stack, job["id"])) == "on\n", 20)
    # When it is cancelled
    started = time.monotonic()
    stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    # Then it ends soon with the outcome cancelled and its output so far
    ended = stack.wait_until_finished(job["id"], 10)
    assert (ended["outcome"], ended["stdout"]) == ("cancelled", "on\n")
    assert time.monotonic() - started < 10


def test_program_receives_files_arguments_environment_and_stdin(stack: Stack) -> None:
    main = """
import os, sys
from lib.greet import hi
print(hi(), sys.argv[1:], os.environ["TONE"], sys.stdin.read())
"""
    files = [{"name": "main.py", "content": main}, {"name": "lib/greet.py", "content": "def hi(): return 'hi'"}]
    more = {"args": ["a b", "$(id)"], "env": {"TONE": "kind"}, "stdin": "typed"}
    job = stack.http.post("/v1/jobs", params={"wait": 20}, json={"language": "python", "files": files, **more}).json()
    assert job["stdout"] == "hi ['a b', '$(id)'] kind typed\n"


def test_compile_error_contains_output_of_compiler(stack: Stack) -> None:
    job = stack.submit("int main(void) { return oops; }", language="c", wait=30)
    assert job["outcome"] == "compile_error"
    assert "oops" in job["compile_output"]
    assert job["stdout"] == ""


# A fork bomb has no outcome of its own.
ANY_OUTCOME = {"ok", "nonzero_exit", "signaled", "wall_time_limit", "cpu_time_limit"}
BOMBS = {
    "fork bomb": ("bash", "f() { f | f & }; f; wait; sleep 60", ANY_OUTCOME),
    "memory bomb": ("python", "x = []\nwhile True: x.append(bytearray(10**7))", {"memory_limit"}),
    "endless loop": ("python", "while True: pass", {"wall_time_limit", "cpu_time_limit"}),
    "endless output": ("python", "while True: print('x' * 1000)", {"output_limit"}),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb_ends_at_its_limit_and_next_job_runs(stack: Stack, bomb: str) -> None:
    # Given a malicious program
    language, source, outcomes = BOMBS[bomb]
    limits = {"wall_seconds": 2, "cpu_seconds": 2, "memory_bytes": 64 * 1024 * 1024}
    # When it runs
    job = stack.submit(source, language=language, limits=limits, wait=40)
    # Then it ends with the expected outcome, and the next job is not affected
    assert job["outcome"] in outcomes, job
    canary = stack.submit("print('alive')", wait=20)
    assert (canary["outcome"], canary["stdout"]) == ("ok", "alive\n")


def test_submission_is_rejected_and_not_queued_when_field_is_invalid(stack: Stack) -> None:
    before = stack.client.xlen(f"{{{stack.namespace}:jobs}}:stream")
    answer = stack.http.post("/v1/jobs", json={"language": "python", "source": "", "limits": {"wall_seconds": 1e9}})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "limits.wall_seconds" in answer.text
    assert stack.client.xlen(f"{{{stack.namespace}:jobs}}:stream") == before


def test_programs_do_not_run_after_their_job_has_finished(stack: Stack) -> None:
    # When a job has finished
    stack.submit("print(1)", wait=20)
    # Then no container runs a program
    eventually(lambda: not stack.containers_with_program(), 10)

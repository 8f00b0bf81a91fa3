"""A job from its submission to its result, through every real part."""

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


def test_a_program_runs_and_its_result_tells_how(stack: Stack) -> None:
    # When a program is submitted that writes to both streams and exits with a code of its own
    job = stack.submit("import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)", wait=20)
    # Then the answer has all of it
    assert (job["status"], job["outcome"], job["exit_code"]) == ("finished", "nonzero_exit", 3)
    assert (job["stdout"], job["stderr"]) == ("out\n", "err\n")
    assert job["version"].startswith("3.")
    assert job["usage"]["wall_seconds"] > 0
    assert job["attempt"] == 1


def test_output_arrives_while_the_program_runs(stack: Stack) -> None:
    # Given a program that prints a line every half second
    job = stack.submit(TICKS)
    # When its output is followed
    with stack.http.stream(
        "GET", f"/v1/jobs/{job['id']}/output", headers={"Accept": "text/event-stream"}, timeout=30
    ) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if '"output"' in line)
        state_then = stack.job(job["id"])["status"]
        rest = list(lines)
    # Then the first line is there while it still runs, and the stream ends with its end
    assert "tick 0" in first
    assert state_then == "running"
    assert any('"finished"' in line for line in rest)


def test_a_viewer_that_comes_after_the_end_sees_everything(stack: Stack) -> None:
    # Given a job that has ended
    job = stack.submit("for n in range(200): print('line', n)", wait=20)
    # When somebody asks for its output only now, from the start and from a cursor
    events = events_of(stack, job["id"])
    cut = len(events) // 2
    later = events_of(stack, job["id"], after=events[cut]["cursor"])
    # Then nothing is missing, and nothing comes twice
    assert text_of(events) == "".join(f"line {n}\n" for n in range(200))
    assert events[-1]["type"] == "finished"
    assert later == events[cut + 1 :]


def test_a_program_can_be_talked_to_over_a_websocket(stack: Stack) -> None:
    # Given a program that asks twice
    job = stack.submit("name = input('who? ')\nprint('hello', name)\nprint(repr(input()))", interactive=True)
    with connect(f"ws://127.0.0.1:{stack.port}/v1/jobs/{job['id']}/stream") as socket:
        # When it is answered, the second time only once the first answer has had its effect
        socket.send(json.dumps({"type": "stdin", "data": "Ada\n"}))
        seen = heard_until(socket, "hello Ada")
        socket.send(json.dumps({"type": "stdin", "data": "bye\n"}))
        seen += heard_until(socket, "'bye'\n")
        ended = json.loads(socket.recv(timeout=20))
    # Then it has heard both lines, and the socket has told its end
    assert seen == "who? hello Ada\n'bye'\n"
    assert (ended["type"], ended["result"]["outcome"]) == ("finished", "ok")


def heard_until(socket: ClientConnection, text: str) -> str:
    """The output that comes up to this text."""
    seen = ""
    while text not in seen:
        event = json.loads(socket.recv(timeout=20))
        seen += event["data"] if event["type"] == "output" else ""
    return seen


def test_a_running_job_can_be_cancelled(stack: Stack) -> None:
    # Given a program that would run for long
    job = stack.submit("import time\nprint('on')\ntime.sleep(60)", limits={"wall_seconds": 100})
    eventually(lambda: text_of(events_of(stack, job["id"])) == "on\n", 20)
    # When it is cancelled
    began = time.monotonic()
    stack.http.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()
    # Then it ends soon, as cancelled, with what it had written
    ended = stack.wait_until_finished(job["id"], 10)
    assert (ended["outcome"], ended["stdout"]) == ("cancelled", "on\n")
    assert time.monotonic() - began < 10


def test_several_files_arguments_environment_and_stdin_reach_the_program(stack: Stack) -> None:
    main = """
import os, sys
from lib.greet import hi
print(hi(), sys.argv[1:], os.environ["TONE"], sys.stdin.read())
"""
    files = [{"name": "main.py", "content": main}, {"name": "lib/greet.py", "content": "def hi(): return 'hi'"}]
    more = {"args": ["a b", "$(id)"], "env": {"TONE": "kind"}, "stdin": "typed"}
    job = stack.http.post("/v1/jobs", params={"wait": 20}, json={"language": "python", "files": files, **more}).json()
    assert job["stdout"] == "hi ['a b', '$(id)'] kind typed\n"


def test_a_compile_error_is_told_with_the_compilers_words(stack: Stack) -> None:
    job = stack.submit("int main(void) { return oops; }", language="c", wait=30)
    assert job["outcome"] == "compile_error"
    assert "oops" in job["compile_output"]
    assert job["stdout"] == ""


# A fork bomb has no outcome of its own: what counts is that it stays inside and ends in time.
ANY_END = {"ok", "nonzero_exit", "signaled", "wall_time_limit", "cpu_time_limit"}
BOMBS = {
    "fork bomb": ("bash", "f() { f | f & }; f; wait; sleep 60", ANY_END),
    "memory bomb": ("python", "x = []\nwhile True: x.append(bytearray(10**7))", {"memory_limit"}),
    "endless loop": ("python", "while True: pass", {"wall_time_limit", "cpu_time_limit"}),
    "endless output": ("python", "while True: print('x' * 1000)", {"output_limit"}),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_has_its_outcome_and_the_next_job_is_fine(stack: Stack, bomb: str) -> None:
    # Given a program that means harm
    language, source, outcomes = BOMBS[bomb]
    limits = {"wall_seconds": 2, "cpu_seconds": 2, "memory_bytes": 64 * 1024 * 1024}
    # When it runs
    job = stack.submit(source, language=language, limits=limits, wait=40)
    # Then it ends as it must, and a job right behind it does not notice
    assert job["outcome"] in outcomes, job
    canary = stack.submit("print('alive')", wait=20)
    assert (canary["outcome"], canary["stdout"]) == ("ok", "alive\n")


def test_bad_input_names_the_field_and_queues_nothing(stack: Stack) -> None:
    before = stack.client.xlen(f"{{{stack.namespace}:jobs}}:stream")
    answer = stack.http.post("/v1/jobs", json={"language": "python", "source": "", "limits": {"wall_seconds": 1e9}})
    assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "limits.wall_seconds" in answer.text
    assert stack.client.xlen(f"{{{stack.namespace}:jobs}}:stream") == before


def test_no_container_outlives_its_job(stack: Stack) -> None:
    # Given warm containers only
    stack.submit("print(1)", wait=20)
    # Then none of those that are left runs a program
    eventually(lambda: not stack.containers_with_program(), 10)

"""Requests of Dify's code nodes on a whole service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.http.compat.dify.code_nodes import create_request, read_result
from tests.stack import Stack

pytestmark = pytest.mark.docker


def run(stack: Stack, request: dict[str, Any]) -> dict[str, Any]:
    """The ``data`` of the response to a program."""
    response = stack.http.post("/dify/v1/sandbox/run", json=request, headers={"X-Api-Key": ""})
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["code"], body["message"]) == (0, "success"), body
    data: dict[str, Any] = body["data"]
    return data


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python3", "def main(text: str, number: int) -> dict:\n    return {'result': text * number}"),
        ("javascript", "function main({text, number}) { return {result: text.repeat(number)} }"),
    ],
)
def test_code_node_receives_its_inputs_and_returns_a_result(stack: Stack, language: str, code: str) -> None:
    data = run(stack, create_request(language, code, {"text": "é'\"\n", "number": 2}))

    assert data["error"] == ""
    assert json.loads(read_result(data["stdout"])) == {"result": "é'\"\né'\"\n"}


def test_template_node_renders_its_inputs_after_the_preload(stack: Stack) -> None:
    request = create_request("jinja2", "{% for name in names %}<{{ name }}>{% endfor %}", {"names": ["a", "ü"]})
    data = run(stack, request)

    assert (data["error"], read_result(data["stdout"])) == ("", "<a><ü>")


def test_preload_runs_before_the_code(stack: Stack) -> None:
    request = {"language": "python3", "preload": "print('first'); name = 'second'", "code": "print(name)"}
    assert run(stack, request) == {"error": "", "stdout": "first\nsecond\n"}


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("import sys; sys.exit(3)", "error: exit status 3\n"),
        ("import os; os.abort()", "error: signal: aborted\n"),
        ("held = []\nwhile True: held.append(b'x' * 1048576)", "error: memory limit exceeded\n"),
    ],
    ids=["exit code", "signal", "memory limit"],
)
def test_failure_is_reported_in_the_error_of_a_success(stack: Stack, code: str, end: str) -> None:
    data = run(stack, {"language": "python3", "code": f"print('before', flush=True)\n{code}"})

    assert data["stdout"] == "before\n"
    assert data["error"].endswith(end)


def test_exception_is_in_the_error_with_its_traceback(stack: Stack) -> None:
    data = run(stack, create_request("python3", "def main():\n    return 1 / 0", {}))

    assert "ZeroDivisionError: division by zero\nerror: exit status 1\n" in data["error"]


def test_programs_have_no_network_whatever_enable_network_is(stack: Stack) -> None:
    code = "import socket\nsocket.create_connection(('1.1.1.1', 53), timeout=2)"
    data = run(stack, {"language": "python3", "code": code, "enable_network": True})

    assert "Network is unreachable" in data["error"]

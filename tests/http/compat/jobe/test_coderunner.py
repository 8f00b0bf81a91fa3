"""Requests of Moodle's CodeRunner on a whole service: run, 404, upload of the files, run again."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

API = "/jobe/index.php/restapi"
HEADERS = {
    "User-Agent": "CodeRunner",
    "Content-Type": "application/json; charset=utf-8",
    "Accept-Charset": "utf-8",
    "Accept": "application/json",
    "X-CodeRunner-Job-Id": "0a1b2c3d",
}
C_PROGRAM = '#include <stdio.h>\nint main(void) { int n; scanf("%d", &n); printf("%d\\n", n * 2); return 0; }'


class CodeRunner:
    """Runs programs as CodeRunner does."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self.statuses: list[int] = []

    def execute(
        self, source: str, language: str, stdin: str = "", files: dict[str, bytes] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """The response to a run. After a 404, the files are uploaded and the run is repeated once."""
        files = files or {}
        run_spec = {
            "language_id": language,
            "sourcecode": source,
            "sourcefilename": parameters.pop("sourcefilename", f"__tester__.{language}"),
            "input": stdin,
            "file_list": [[hashlib.md5(content).hexdigest(), name] for name, content in files.items()],
            "parameters": parameters,
        }
        response = self._send("POST", "runs", {"run_spec": run_spec})
        if response.status_code == 404:
            for content in files.values():
                file_id = hashlib.md5(content).hexdigest()
                body = {"file_contents": base64.b64encode(content).decode()}
                assert self._send("PUT", f"files/{file_id}", body).status_code == 204
            response = self._send("POST", "runs", {"run_spec": run_spec})
        assert response.status_code == 200, response.text
        result: dict[str, Any] = response.json()
        return result

    def _send(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        response = self._http.request(method, f"{API}/{path}", json=body, headers=HEADERS)
        self.statuses.append(response.status_code)
        return response


@pytest.fixture
def coderunner(stack: Stack) -> CodeRunner:
    return CodeRunner(stack.http)


def test_languages_are_listed_with_their_versions(stack: Stack) -> None:
    languages = dict(stack.http.get(f"{API}/languages", headers=HEADERS).json())
    assert languages.keys() >= {"c", "cpp", "nodejs", "python3"}
    assert languages["python3"].startswith("3.")


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python3", "print(int(input()) * 2)"),
        ("c", C_PROGRAM),
        ("cpp", "#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n * 2 << std::endl; }"),
        ("nodejs", "console.log(parseInt(require('fs').readFileSync(0)) * 2)"),
    ],
)
def test_program_runs_with_input(coderunner: CodeRunner, language: str, source: str) -> None:
    result = coderunner.execute(source, language, "21\n")
    assert result.pop("run_id")
    assert result == {"outcome": 15, "cmpinfo": "", "stdout": "42\n", "stderr": ""}


def test_run_that_names_a_missing_file_returns_404_and_runs_after_the_upload(
    stack: Stack, coderunner: CodeRunner
) -> None:
    content = f"data of {stack.namespace}\n".encode()
    file_id = hashlib.md5(content).hexdigest()
    assert stack.http.head(f"{API}/files/{file_id}", headers=HEADERS).status_code == 404

    source = "import helper\nprint(open('data.txt').read(), end='')\nprint(helper.NAME)"
    files = {"data.txt": content, "helper.py": b"NAME = 'helper'"}
    first = coderunner.execute(source, "python3", files=files)
    second = coderunner.execute(source, "python3", files=files)

    assert (first["outcome"], first["stdout"]) == (15, content.decode() + "helper\n")
    assert second["stdout"] == first["stdout"]
    assert coderunner.statuses == [404, 204, 204, 200, 200]
    assert stack.http.head(f"{API}/files/{file_id}", headers=HEADERS).status_code == 204


@pytest.mark.parametrize(
    ("language", "source", "parameters", "outcome", "field", "text"),
    [
        ("c", "int main(void) { return oops; }", {}, 11, "cmpinfo", "oops"),
        ("c", "int main(void) { int unused; return 0; }", {}, 11, "cmpinfo", "unused"),
        ("python3", "print('x'", {}, 11, "cmpinfo", "SyntaxError"),
        ("python3", "print('x')\nraise ValueError('on purpose')", {}, 12, "stderr", "ValueError: on purpose"),
        ("python3", "import sys\nsys.stderr.write('warning')", {}, 12, "stderr", "warning"),
        ("python3", "exit(3)", {}, 15, "stderr", ""),
        ("python3", "while True: pass", {"cputime": 1}, 13, "stderr", ""),
        ("python3", "import time\ntime.sleep(9)", {"cputime": 0.2}, 13, "stderr", ""),
        ("python3", "x = bytearray(300_000_000)", {"memorylimit": 64}, 17, "stdout", ""),
        ("c", "int main(void) { volatile int *p = 0; return *p; }", {"compileargs": ["-w"]}, 12, "stderr", ""),
    ],
    ids=[
        "compile error", "warning", "syntax error", "exception", "stderr", "exit code", "cpu time", "wall time",
        "memory", "segmentation fault",
    ],
)  # fmt: skip
def test_failure_has_an_outcome(
    coderunner: CodeRunner, language: str, source: str, parameters: dict[str, Any], outcome: int, field: str, text: str
) -> None:
    result = coderunner.execute(source, language, **parameters)
    assert result["outcome"] == outcome, result
    assert text in result[field] if text else result[field] == ""


def test_parameters_reach_the_compiler_the_linker_the_interpreter_and_the_program(coderunner: CodeRunner) -> None:
    c = '#include <stdio.h>\n#include <math.h>\nint main(int n, char **v) { printf("%d %s %g\\n", A, v[1], sqrt(n)); }'
    arguments = {"compileargs": ["-std=c11 -DA=7"], "linkargs": ["-lm"], "runargs": ["x y", "z"]}
    assert coderunner.execute(c, "c", **arguments)["stdout"] == "7 x 2\n"  # the program and three arguments
    python = "import sys\nprint(sys.flags.optimize, sys.argv[1:])"
    result = coderunner.execute(python, "python3", interpreterargs=["-OO"], runargs=["a", "b"])
    assert result["stdout"] == "2 ['a', 'b']\n"


def test_bytes_that_are_not_utf8_are_escaped(coderunner: CodeRunner) -> None:
    source = "import sys\nsys.stdout.buffer.write(b'a\\xff\\x01\\n')"
    assert coderunner.execute(source, "python3")["stdout"] == "a\\xff\\x01\n"
    valid = "import sys\nsys.stdout.buffer.write('é\\x01\\n'.encode())"
    assert coderunner.execute(valid, "python3")["stdout"] == "é\x01\n"

"""Jobs with files by reference in the whole service: gateway, worker and sandbox, in both modes of isolation."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

DATA = bytes(range(256)) * 4096 * 17  # 17 MiB: more than a request can contain
CHECK = 'import sys; a = open(sys.argv[2]).read(); sys.exit(42 if sys.stdin.read() == a == "yes\\n" else 43)'

READ_FILE = "import hashlib; print(hashlib.sha256(open('data/x', 'rb').read()).hexdigest())"


def upload(stack: Stack, content: bytes) -> dict[str, Any]:
    response = stack.http.put("/v1/files", content=content)
    assert response.status_code == 201, response.text
    return {"file_id": response.json()["file_id"]}


def test_contents_of_files_reach_the_program_and_the_judge(any_stack: Stack) -> None:
    source = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    digest = hashlib.sha256(DATA).hexdigest()
    data, program = upload(any_stack, DATA), upload(any_stack, source.encode())
    expected, wrong = upload(any_stack, f"{digest}\n".encode()), upload(any_stack, b"other\n")
    body = {
        "language": "python",
        "files": [{"name": "main.py", "content": program}],
        "tests": [{"stdin": data, "expected_output": expected}, {"stdin": data, "expected_output": wrong}],
    }
    job = any_stack.http.post("/v1/jobs", params={"wait": 30}, json=body).json()
    assert [test["verdict"] for test in job["tests"]] == ["accepted", "wrong_answer"], job


def test_large_file_is_written_into_the_working_folder(any_stack: Stack) -> None:
    files = [
        {
            "name": "main.py",
            "content": "import hashlib; print(hashlib.sha256(open('data/x', 'rb').read()).hexdigest())",
        },
        {"name": "data/x", "content": upload(any_stack, DATA)},
    ]
    body = {"language": "python", "files": files}
    job = any_stack.http.post("/v1/jobs", params={"wait": 30}, json=body).json()
    assert job["stdout"].strip() == hashlib.sha256(DATA).hexdigest(), job


def test_checker_receives_input_and_answer_from_files(any_stack: Stack) -> None:
    body = {
        "language": "python",
        "source": "print('yes' if len(input()) == 2_000_000 else 'no')",
        "tests": [{"stdin": upload(any_stack, b"x" * 2_000_000), "expected_output": upload(any_stack, b"yes\n")}],
        "checker": {"language": "python", "source": upload(any_stack, CHECK.encode())},
    }
    job = any_stack.http.post("/v1/jobs", params={"wait": 30}, json=body).json()
    assert job["verdict"] == "accepted", job


def test_worker_reads_a_file_once(any_stack: Stack, tmp_path: Path) -> None:
    """After the first job, the content comes from the cache: the storage has lost it."""
    data = upload(any_stack, b"only once")
    assert any_stack.submit("print(input())", stdin=data, wait=30)["stdout"] == "only once\n"
    for key in any_stack.client.scan_iter(f"{{{any_stack.namespace}:files}}:blob:{data['file_id']}"):
        any_stack.client.delete(key)
    assert any_stack.submit("print(input())", stdin=data, wait=30)["stdout"] == "only once\n"


@pytest.fixture(scope="module", autouse=True)
def remove_cache(any_stack: Stack) -> Any:
    yield
    shutil.rmtree(f"/tmp/pyxec-{any_stack.namespace}-files", ignore_errors=True)

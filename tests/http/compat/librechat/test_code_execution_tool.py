"""The code execution tool of @librechat/agents on a whole service."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.http.compat.librechat.conftest import API, LibreChat
from tests.stack import Stack

pytestmark = pytest.mark.docker

ID = re.compile(r"[A-Za-z0-9_-]{21}")  # LibreChat rejects other ids


def test_first_run_returns_its_output_and_a_session(librechat: LibreChat) -> None:
    result = librechat.run("import sys\nprint('out', sys.argv[1:])\nprint('err', file=sys.stderr)", args=["a", "b c"])

    assert result.content == "stdout:\nout ['a', 'b c']\n\nstderr:\nerr"
    assert ID.fullmatch(result.artifact["session_id"])
    assert not result.files


@pytest.mark.parametrize(
    ("lang", "code"),
    [
        ("js", "console.log(6 * 7)"),
        ("ts", "const answer: number = 6 * 7;\nconsole.log(answer);"),
        ("c", '#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); return 0; }'),
        ("cpp", "#include <iostream>\nint main() { std::cout << 6 * 7 << std::endl; }"),
        ("bash", "echo $((6 * 7)) > /mnt/data/answer; cat /mnt/data/answer"),
    ],
)
def test_language_runs(librechat: LibreChat, lang: str, code: str) -> None:
    result = librechat.run(code, lang)
    assert "stdout:\n42" in result.content
    assert set(result.files) == ({"answer"} if lang == "bash" else set())


def test_created_file_can_be_downloaded_and_listed(stack: Stack, librechat: LibreChat) -> None:
    code = "import os\nos.makedirs('/mnt/data/sub')\nopen('/mnt/data/sub/out.bin', 'wb').write(bytes(range(256)))"
    file = librechat.run(code).files["sub/out.bin"]

    assert ID.fullmatch(file["id"])
    assert "inherited" not in file
    assert librechat.download(file) == bytes(range(256))
    (listed,) = stack.http.get(f"{API}/files/{file['storage_session_id']}", params={"detail": "summary"}).json()
    assert listed["name"].startswith(f"{file['storage_session_id']}/{file['id']}")
    assert listed["metadata"]["original-filename"] == "sub/out.bin"
    assert listed["lastModified"]


def test_uploaded_files_are_below_mnt_data_and_are_inherited_if_they_do_not_change(librechat: LibreChat) -> None:
    data, notes = librechat.upload(("data.csv", b"a,b\n1,2\n"), ("notes.txt", b"old"))
    code = """
print(open('/mnt/data/data.csv').read())
with open('/mnt/data/notes.txt', 'a') as notes: notes.write(' new')
open('/mnt/data/result.txt', 'w').write('result')
"""
    result = librechat.run(code, files=[data, notes])

    assert "a,b\n1,2\n" in result.content
    assert result.files["data.csv"]["inherited"] is True
    assert result.files["data.csv"]["storage_session_id"] == data["storage_session_id"]
    for name, content in (("notes.txt", b"old new"), ("result.txt", b"result")):
        assert "inherited" not in result.files[name]
        assert result.files[name]["storage_session_id"] == result.artifact["session_id"]
        assert librechat.download(result.files[name]) == content
    # The upload itself has not changed
    assert librechat.download(notes) == b"old"


def test_deleted_file_is_not_returned(librechat: LibreChat) -> None:
    kept, removed = librechat.upload(("kept.txt", b"1"), ("removed.txt", b"2"))
    result = librechat.run("import os\nos.remove('/mnt/data/removed.txt')", files=[kept, removed])

    assert set(result.files) == {"kept.txt"}
    assert result.artifact["deleted_files"] == ["removed.txt"]


def test_files_of_several_sessions_are_available_in_one_run(librechat: LibreChat) -> None:
    (uploaded,) = librechat.upload(("first.txt", b"1"))
    second = librechat.run("open('/mnt/data/second.txt', 'w').write('2')").files["second.txt"]
    third = librechat.run("open('/mnt/data/third.txt', 'w').write('3')").files["third.txt"]

    code = "import glob\nprint(''.join(open(name).read() for name in sorted(glob.glob('/mnt/data/*.txt'))))"
    assert "stdout:\n123" in librechat.run(code, files=[uploaded, second, third]).content


def test_all_files_of_an_upload_are_available_in_later_runs(librechat: LibreChat) -> None:
    """Fault of existing backends: only the first of several uploaded files is available in later runs."""
    files = librechat.upload(*((f"{number}.txt", str(number).encode()) for number in range(5)))
    code = "print(''.join(open(f'/mnt/data/{number}.txt').read() for number in range(5)))"

    first = librechat.run(code, files=files)
    second = librechat.run(code, files=list(first.files.values()))
    assert "01234" in first.content
    assert "01234" in second.content


def test_later_upload_replaces_an_earlier_one_with_the_same_name(librechat: LibreChat) -> None:
    """Fault of existing backends: two uploads with the same name make every later run fail."""
    (first,), (second,) = (librechat.upload(("same.txt", content)) for content in (b"first", b"second"))
    result = librechat.run("print(open('/mnt/data/same.txt').read())", files=[first, second])
    assert "stdout:\nsecond" in result.content

    both = librechat.upload(("same.txt", b"third"), ("same.txt", b"fourth"))
    assert "fourth" in librechat.run("print(open('/mnt/data/same.txt').read())", files=both).content


@pytest.mark.parametrize(
    "name",
    ["Makefile", "with spaces.txt", "Ünïcödé 数据.csv", "folder/sub folder/x", "a'b.txt", "two..dots"],
)
def test_file_with_an_unusual_name_is_kept(librechat: LibreChat, name: str) -> None:
    """Fault of existing backends: files without an extension, with spaces or with non-ASCII names are lost."""
    (uploaded,) = librechat.upload((name, b"content"))
    assert uploaded["name"] == name

    code = (
        f"text = open('/mnt/data/' + {name!r}).read()\nprint(text)\nopen('/mnt/data/' + {name!r}, 'w').write(text * 2)"
    )
    result = librechat.run(code, files=[uploaded])
    assert "stdout:\ncontent" in result.content
    assert librechat.download(result.files[name]) == b"contentcontent"


def test_hidden_file_is_available_in_every_run_and_its_changes_are_kept(librechat: LibreChat) -> None:
    files = librechat.upload((".env", b"1"))
    code = "text = open('/mnt/data/.env').read()\nprint(text)\nopen('/mnt/data/.env', 'w').write(text + '1')"
    for text in ("1", "11"):
        result = librechat.run(code, files=files)
        assert f"stdout:\n{text}" in result.content
        files = list(result.files.values())


def test_file_of_one_run_is_found_by_the_next_run(librechat: LibreChat) -> None:
    """Fault of existing backends: a file that one run creates is not found by the next run, which names it."""
    created = librechat.run("open('/mnt/data/state.txt', 'w').write('1')").files["state.txt"]
    for value in range(2, 4):
        code = f"print(open('/mnt/data/state.txt').read())\nopen('/mnt/data/state.txt', 'w').write('{value}')"
        result = librechat.run(code, files=[created])
        assert f"stdout:\n{value - 1}" in result.content
        created = result.files["state.txt"]


def test_expired_file_is_a_404_that_names_it(stack: Stack, librechat: LibreChat) -> None:
    """Fault of existing backends: a file that has expired produces a server error."""
    (file,) = librechat.upload(("report.xlsx", b"x"))
    for key in stack.client.keys(f"*{file['storage_session_id']}*"):
        stack.client.delete(key)

    response = stack.http.post(f"{API}/exec", json={"lang": "py", "code": "print(1)", "files": [file]})
    assert response.status_code == 404
    assert "'report.xlsx' does not exist or has expired" in response.json()["details"]
    assert librechat.call("print(1)", files=[file])["error"].startswith("Execution error")
    for path in (f"download/{file['storage_session_id']}/{file['id']}", f"files/{file['storage_session_id']}"):
        assert stack.http.get(f"{API}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("lang", "code", "text"),
    [
        ("py", "raise ValueError('on purpose')", "ValueError: on purpose"),
        ("c", "int main(void) { return oops; }", "oops"),
        ("ts", "const count: number = 'three';", "main.ts"),
        ("py", "import os\nos.abort()", "signal"),
        ("py", "held = []\nwhile True: held.append(b'x' * 1048576)", "memory"),
        ("py", "import time\nprint('x' * 3_000_000)", "output"),
    ],
    ids=["exception", "compile error", "type error", "signal", "memory limit", "output limit"],
)
def test_failure_is_reported_in_stderr(librechat: LibreChat, lang: str, code: str, text: str) -> None:
    result = librechat.run(code, lang)
    assert text in result.content.partition("stderr:\n")[2]


def test_program_that_is_stopped_at_its_time_limit_keeps_its_files(librechat: LibreChat) -> None:
    code = "open('/mnt/data/partial.txt', 'w').write('1')\nprint('before', flush=True)\nwhile True: pass"
    result = librechat.run(code)

    assert "stdout:\nbefore" in result.content
    assert "time limit was reached" in result.content.partition("stderr:\n")[2]
    assert set(result.files) == {"partial.txt"}


def test_input_may_have_the_name_of_the_program(librechat: LibreChat) -> None:
    files = librechat.upload(("main.py", b"NAME = 'input'"))
    result = librechat.run("import main\nprint(main.NAME)", files=files)
    assert "stdout:\ninput" in result.content
    assert set(result.files) == {"main.py"}


def test_file_can_be_deleted(stack: Stack, librechat: LibreChat) -> None:
    kept, removed = librechat.upload(("kept.txt", b"1"), ("removed.txt", b"2"))
    path = f"{API}/files/{removed['storage_session_id']}"
    assert stack.http.delete(f"{path}/{removed['id']}").status_code == 200
    assert stack.http.delete(f"{path}/{removed['id']}").status_code == 404
    assert [file["id"] for file in stack.http.get(path).json()] == [kept["id"]]


def test_invalid_request_and_key_are_errors_of_the_tool(stack: Stack, librechat: LibreChat) -> None:
    def send(headers: dict[str, str] | None = None, **body: Any) -> Any:
        return stack.http.post(f"{API}/exec", json={"lang": "py", "code": "x", **body}, headers=headers)

    for response, status in (
        (send(lang="klingon"), 400),
        (send(code=None), 400),
        (send(files=[{"id": "x", "name": "../x", "session_id": "y"}]), 400),
        (send({"X-API-Key": "unknown"}), 401),
        (send({"Authorization": "Bearer unknown"}), 401),
        (stack.http.get(f"{API}/download/x/y"), 404),
        (stack.http.post(f"{API}/upload", data={"kind": "user"}, files=[("other", ("", b""))]), 400),
        (stack.http.post(f"{API}/upload", content=b"{}"), 415),
    ):
        assert response.status_code == status, response.text
        assert response.json()["error"]
    assert (
        "The code execution request was rejected" in librechat.call("x", files=[{"id": "x", "name": "../x"}])["error"]
    )

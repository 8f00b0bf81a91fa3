"""Files that a program leaves, on their way to the client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def run(stack: Stack, source: str, *patterns: str, language: str = "bash") -> dict[str, Any]:
    return stack.submit(source, language=language, artifacts=list(patterns), wait=30)


def test_files_are_listed_and_come_back_byte_for_byte(stack: Stack) -> None:
    source = f"import os\nos.mkdir('out')\nopen('out/plot 1.png', 'wb').write({PNG!r})\nopen('a.txt', 'w').write('x')"
    job = run(stack, source, "out/*.png", "*.txt", language="python")

    assert job["outcome"] == "ok"
    assert [(one["name"], one["size_bytes"], one["content_type"]) for one in job["artifacts"]] == [
        ("a.txt", 1, "application/octet-stream"),
        ("out/plot 1.png", len(PNG), "image/png"),
    ]
    assert not job["artifacts_incomplete"]
    answer = stack.http.get(job["artifacts"][1]["link"])
    assert answer.content == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Length"] == str(len(PNG))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''plot%201.png"


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "x.xhtml", "page.png.html", "noext"])
def test_what_a_browser_might_run_is_mere_bytes(stack: Stack, name: str) -> None:
    job = run(stack, f"echo '<script>alert(1)</script>' > {name}", "*")

    answer = stack.http.get(next(one["link"] for one in job["artifacts"] if one["name"] == name))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_links_pipes_and_devices_are_no_artifacts(stack: Stack) -> None:
    job = run(stack, "ln -s /etc/passwd a; ln -s / b; mkfifo c; ln -s /dev/zero d; : > f", "?")

    assert [one["name"] for one in job["artifacts"]] == ["f"]


def test_names_that_are_no_names_are_left_out(stack: Stack) -> None:
    job = run(stack, "touch $'a\\nb' $'\\377' ./-rf 'a\\b' ok.txt 'dot.'", "*")

    assert [one["name"] for one in job["artifacts"]] == ["main.sh", "ok.txt"]
    assert job["artifacts_incomplete"]


def test_too_many_and_too_large_ones_are_left_out(stack: Stack) -> None:
    many = run(stack, "touch $(seq 10 40)", "??")
    large = run(stack, "truncate -s 9000000 large; truncate -s 8000000 fits; echo x > small", "large", "fits", "small")

    assert [one["name"] for one in many["artifacts"]] == [str(number) for number in range(10, 26)]
    assert [one["name"] for one in large["artifacts"]] == ["fits", "small"]
    assert many["artifacts_incomplete"]
    assert large["artifacts_incomplete"]
    assert len(stack.http.get(large["artifacts"][0]["link"]).content) == 8_000_000


def test_they_go_with_their_job(stack: Stack) -> None:
    job = run(stack, "echo x > a", "a")

    keys = [key.decode() for key in stack.client.scan_iter(f"*:{job['id']}")]
    assert any(":art:" in key for key in keys)
    assert all(0 < stack.client.ttl(key) <= 3600 for key in keys if ":art:" in key)


def test_a_file_that_is_not_there_is_a_404(stack: Stack) -> None:
    job = run(stack, "echo x > a", "a")

    for path in (f"/v1/jobs/{job['id']}/artifacts/b", f"/v1/jobs/{job['id']}/artifacts/%ff", "/v1/jobs/no/artifacts/a"):
        assert stack.http.get(path).status_code == 404, path
    assert stack.http.head(job["artifacts"][0]["link"]).headers["Content-Length"] == "2"


@pytest.mark.parametrize(
    ("patterns", "field"),
    [
        (["/etc/*"], "artifacts[0]"),
        (["ok", "a/../../x"], "artifacts[1]"),
        ([""], "artifacts[0]"),
        (["x" * 256], "artifacts[0]"),
        (["a\0b"], "artifacts[0]"),
        (["x"] * 17, "artifacts"),
        ([1], "artifacts[0]"),
    ],
)
def test_patterns_that_lead_nowhere_are_refused(stack: Stack, patterns: list[Any], field: str) -> None:
    answer = stack.http.post("/v1/jobs", json={"language": "bash", "source": "", "artifacts": patterns})

    assert (answer.status_code, answer.json()["field"]) == (422, field)

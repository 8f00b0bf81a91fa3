"""Artifacts: files that a program leaves and that the client downloads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def run(stack: Stack, source: str, *patterns: str, language: str = "bash") -> dict[str, Any]:
    return stack.submit(source, language=language, artifacts=list(patterns), wait=30)


def test_artifacts_are_listed_and_downloaded_unchanged(stack: Stack) -> None:
    source = f"import os\nos.mkdir('out')\nopen('out/plot 1.png', 'wb').write({PNG!r})\nopen('a.txt', 'w').write('x')"
    job = run(stack, source, "out/*.png", "*.txt", language="python")

    assert job["outcome"] == "ok"
    assert [(artifact["name"], artifact["size_bytes"], artifact["content_type"]) for artifact in job["artifacts"]] == [
        ("a.txt", 1, "application/octet-stream"),
        ("out/plot 1.png", len(PNG), "image/png"),
    ]
    assert not job["artifacts_incomplete"]
    response = stack.http.get(job["artifacts"][1]["link"])
    assert response.content == PNG
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Length"] == str(len(PNG))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''plot%201.png"


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "x.xhtml", "page.png.html", "noext"])
def test_artifact_is_octet_stream_when_browser_might_run_it(stack: Stack, name: str) -> None:
    job = run(stack, f"echo '<script>alert(1)</script>' > {name}", "*")

    response = stack.http.get(next(artifact["link"] for artifact in job["artifacts"] if artifact["name"] == name))
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_artifacts_contain_regular_files_only(stack: Stack) -> None:
    job = run(stack, "ln -s /etc/passwd a; ln -s / b; mkfifo c; ln -s /dev/zero d; : > f", "?")

    assert [artifact["name"] for artifact in job["artifacts"]] == ["f"]


def test_artifacts_are_incomplete_when_file_name_is_invalid(stack: Stack) -> None:
    job = run(stack, "touch $'a\\nb' $'\\377' ./-rf 'a\\b' ok.txt 'dot.'", "*")

    assert [artifact["name"] for artifact in job["artifacts"]] == ["main.sh", "ok.txt"]
    assert job["artifacts_incomplete"]


def test_artifacts_are_incomplete_when_number_or_size_exceeds_limit(stack: Stack) -> None:
    many = run(stack, "touch $(seq 10 40)", "??")
    large = run(stack, "truncate -s 9000000 large; truncate -s 8000000 fits; echo x > small", "large", "fits", "small")

    assert [artifact["name"] for artifact in many["artifacts"]] == [str(number) for number in range(10, 26)]
    assert [artifact["name"] for artifact in large["artifacts"]] == ["fits", "small"]
    assert many["artifacts_incomplete"]
    assert large["artifacts_incomplete"]
    assert len(stack.http.get(large["artifacts"][0]["link"]).content) == 8_000_000


def test_artifacts_expire_with_their_job(stack: Stack) -> None:
    job = run(stack, "echo x > a", "a")

    keys = [key.decode() for key in stack.client.scan_iter(f"*:{job['id']}")]
    assert any(":art:" in key for key in keys)
    assert all(0 < stack.client.ttl(key) <= 3600 for key in keys if ":art:" in key)


def test_artifact_is_404_when_it_does_not_exist(stack: Stack) -> None:
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
def test_artifact_patterns_are_rejected_when_invalid(stack: Stack, patterns: list[Any], field: str) -> None:
    response = stack.http.post("/v1/jobs", json={"language": "bash", "source": "", "artifacts": patterns})

    assert (response.status_code, response.json()["field"]) == (422, field)

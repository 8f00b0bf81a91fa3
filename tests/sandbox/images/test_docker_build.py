"""Messages of the build stream, as sent by different engines."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from app.core.errors import EngineUnavailable
from app.sandbox.images.build_context import BuildContext
from app.sandbox.images.buildkit_trace import BuildKitTrace
from app.sandbox.images.docker_build import BUILDKIT, CLASSIC_BUILDER, ImageBuildError, build_image, find_builder
from tests.sandbox.engine.faulty_engine import scripted_engine

CONTEXT = BuildContext({"Dockerfile": b"FROM scratch\n"}, "digest")
# StatusResponse of BuildKit 0.25: a vertex that has started, and two logs of it with a line that is split between them.
STEP = base64.b64encode(b"\x0a\x14\x0a\x01v\x1a\x0b[2/2] RUN a*\x02\x08\x01").decode()
LOGS = base64.b64encode(b"\x1a\x0e\x0a\x01v\x18\x01\x22\x07one\ntwo\x1a\x0e\x0a\x01v\x18\x01\x22\x07 two\nth").decode()


@contextmanager
def engine(
    folder: Path, *messages: dict[str, Any], status: str = "200 OK", head: str = ""
) -> Iterator[docker.APIClient]:
    body = b"".join(json.dumps(message).encode() + b"\r\n" for message in messages)
    response = f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    with scripted_engine(folder, response) as url:
        client = docker.APIClient(url, version="1.44")
        yield client
        client.close()


def build(client: docker.APIClient, lines: list[str]) -> str:
    return build_image(
        *(client, "toy", CONTEXT, lambda fraction, line: lines.append(line)),
        builder=BUILDKIT,
        arguments={},
        labels={},
        tags=["toy:latest"],
    )


def test_build_reads_the_id_and_the_lines_of_both_builders(tmp_path: Path) -> None:
    lines: list[str] = []
    messages: list[dict[str, Any]] = [
        {"id": "moby.buildkit.trace", "aux": STEP},
        {"id": "moby.buildkit.trace", "aux": LOGS},
        {"stream": "Step 1/1 : FROM scratch\n"},
        {"id": "moby.image.id", "aux": {"ID": "sha256:1"}},
        {"stream": "Successfully tagged toy:latest\n"},
    ]

    with engine(tmp_path, *messages) as client:
        assert build(client, lines) == "sha256:1"

    assert lines == ["[2/2] RUN a", "one", "two two", "Step 1/1 : FROM scratch", "Successfully tagged toy:latest"]


@pytest.mark.parametrize(
    "message",
    [
        {"errorDetail": {"message": "exit code: 1"}},
        {"errorDetail": {"code": 1, "message": "exit code: 1"}, "error": "exit code: 1"},
        {"error": "exit code: 1"},
    ],
)
def test_build_reports_an_error_with_the_log(tmp_path: Path, message: dict[str, Any]) -> None:
    with (
        engine(tmp_path, {"id": "moby.buildkit.trace", "aux": LOGS}, message) as client,
        pytest.raises(ImageBuildError, match="cannot build the image of toy: exit code: 1\none\ntwo two"),
    ):
        build(client, [])


def test_build_fails_when_the_stream_ends_without_an_image(tmp_path: Path) -> None:
    with engine(tmp_path, {"stream": "Step 1/2"}) as client, pytest.raises(ImageBuildError, match="without an image"):
        build(client, [])


def test_build_reports_the_message_of_a_refusal(tmp_path: Path) -> None:
    with (
        engine(tmp_path, {"message": "dockerfile parse error"}, status="400 Bad Request") as client,
        pytest.raises(EngineUnavailable, match="build image: EngineResponseError: dockerfile parse error"),
    ):
        build(client, [])


@pytest.mark.parametrize(
    ("head", "expected"),
    [("", CLASSIC_BUILDER), ("Builder-Version: 1\r\n", CLASSIC_BUILDER), ("Builder-Version: 2\r\n", BUILDKIT)],
)
def test_find_builder_returns_the_recommendation_of_the_engine(tmp_path: Path, head: str, expected: str) -> None:
    with engine(tmp_path, head=head) as client:
        assert find_builder(client) == expected


@pytest.mark.parametrize("encoded", ["", "?", "AAA", base64.b64encode(b"\x0a\xff\xff").decode(), "/////////w=="])
def test_trace_ignores_invalid_messages(encoded: str) -> None:
    assert BuildKitTrace().read_lines(encoded) == []

"""An engine that is down, hangs or sends invalid responses: every call fails in bounded time with EngineUnavailable."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.errors import EngineUnavailable, ImageMissing, InfrastructureError
from app.sandbox.container import Container
from app.sandbox.engine.client import Engine
from app.sandbox.images.installed import BASE_IMAGE, InstalledImage
from app.sandbox.sandbox import ContainerSandbox
from tests.patience import patient
from tests.sandbox.engine.faulty_engine import scripted_engine, unresponsive_engine
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import LANGUAGES, RecordingSink, SandboxFixture, create_sandbox, eventually, job

TIMEOUT = 0.3
MAX_SECONDS = patient(5.0)  # allows for a busy machine

CALLS: dict[str, Callable[[Engine], Any]] = {
    "create": lambda engine: engine.create_container({"Image": "x"}),
    "attach": lambda engine: engine.attach("c"),
    "start": lambda engine: engine.start_container("c"),
    "update": lambda engine: engine.update_container("c", {}),
    "remove": lambda engine: engine.remove_container("c"),
    "containers": lambda engine: engine.list_containers("l"),
    "was_oom_killed": lambda engine: engine.was_oom_killed("c", 0),
}
OPERATIONS = {
    "create": "create container",
    "attach": "attach to container",
    "start": "start container",
    "update": "update container",
    "remove": "remove container",
    "containers": "list containers",
    "was_oom_killed": "read events",
}

ISOLATIONS = ("container",)


def run_echo(sandbox: ContainerSandbox) -> None:
    with closing(InMemoryInbox()) as inbox:
        sandbox.run("j", 1, job("bash", "echo"), RecordingSink(), inbox)


@pytest.mark.parametrize("call", CALLS)
def test_call_fails_immediately_when_the_engine_is_down(call: str, tmp_path: Path) -> None:
    engine = Engine(f"unix://{tmp_path}/missing.sock", 30)

    started_at = time.monotonic()
    with pytest.raises(EngineUnavailable, match=rf"^Docker Engine: {OPERATIONS[call]}: "):
        CALLS[call](engine)

    assert time.monotonic() - started_at < MAX_SECONDS


@pytest.mark.parametrize("call", CALLS)
def test_call_fails_after_the_timeout_when_the_engine_hangs(call: str, tmp_path: Path) -> None:
    with unresponsive_engine(tmp_path) as url:
        started_at = time.monotonic()
        with pytest.raises(EngineUnavailable):
            CALLS[call](Engine(url, TIMEOUT))

    assert time.monotonic() - started_at < MAX_SECONDS


INVALID_RESPONSES = {
    "closes connection": b"",
    "not HTTP": b"nonsense\r\n\r\n",
    "error": b'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 16\r\n\r\n{"message":"no"}',
    "truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "not JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops",
    "other JSON": b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a":{}}',
}
# These calls use only the status of the response.
STATUS_ONLY = {"attach", "start", "update", "remove"}
INVALID_CASES = [
    (call, name)
    for call in CALLS
    for name, answer in INVALID_RESPONSES.items()
    if not (call in STATUS_ONLY and b"200 OK" in answer) and (call, name) != ("containers", "other JSON")
]


@pytest.mark.parametrize(("call", "name"), INVALID_CASES)
def test_invalid_response_raises_engine_unavailable(call: str, name: str, tmp_path: Path) -> None:
    with scripted_engine(tmp_path, INVALID_RESPONSES[name]) as url:
        engine = Engine(url, TIMEOUT)

        with pytest.raises(EngineUnavailable):
            CALLS[call](engine)


@pytest.mark.parametrize(
    "message",
    [
        "runc did not terminate successfully: exit status 1: unable to set memory limit to 16777216 (current usage: 4)",
        "crun: write `memory.limit_in_bytes`: Device or resource busy",
    ],
)
def test_update_returns_false_when_the_memory_is_in_use(message: str, tmp_path: Path) -> None:
    body = b'{"message":"Cannot update container c: %s"}' % message.encode()
    head = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n" % len(body)
    with scripted_engine(tmp_path, head + body) as url:
        assert Engine(url, TIMEOUT).update_container("c", {}) is False


def test_job_raises_infrastructure_error_when_the_engine_is_down(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        run_echo(create_sandbox(Engine(f"unix://{tmp_path}/missing.sock", 30), "n", 0, 0))


def test_concurrent_jobs_share_one_timeout_when_the_engine_hangs(tmp_path: Path) -> None:
    # If one lock covered the query for the images, each job would wait for a time-out of its own.
    with unresponsive_engine(tmp_path) as url:
        sandbox = create_sandbox(Engine(url, 1.0), "n", 0, 0)
        started_at = time.monotonic()
        with ThreadPoolExecutor(16) as jobs:
            failures = [jobs.submit(run_echo, sandbox).exception for _ in range(16)]
            assert all(isinstance(failure(), EngineUnavailable) for failure in failures)

    assert time.monotonic() - started_at < 1.0 * 16 / 2


def test_sandbox_stops_when_the_engine_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sandbox.pool._STOP_SECONDS", 0.5)
    with unresponsive_engine(tmp_path) as url:
        sandbox = create_sandbox(Engine(url, 60), "n", 1, 1)
        sandbox.start()
        started_at = time.monotonic()

        sandbox.stop()

        assert time.monotonic() - started_at < MAX_SECONDS


@pytest.mark.docker
def test_launch_raises_image_missing_when_the_image_was_removed(sandbox: SandboxFixture) -> None:
    container_spec = sandbox.container_spec("bash")
    gone = replace(container_spec, image=InstalledImage("bash", "", "", "", "sha256:" + "0" * 64))

    with pytest.raises(ImageMissing):
        Container.launch(sandbox.engine, gone)


@pytest.mark.docker
def test_job_raises_image_missing_when_the_language_has_no_image(sandbox: SandboxFixture) -> None:
    container_sandbox = create_sandbox(sandbox.engine, "n", 0, 0, languages={"toy": LANGUAGES["bash"]})

    spec = msgspec.structs.replace(job("bash", "echo"), language="toy")
    with closing(InMemoryInbox()) as inbox, pytest.raises(ImageMissing, match="image of language toy"):
        container_sandbox.run("j", 1, spec, RecordingSink(), inbox)


@pytest.mark.docker
def test_launch_with_unknown_runtime_fails_and_leaves_no_container(sandbox: SandboxFixture) -> None:
    with pytest.raises(EngineUnavailable, match="no-such-runtime"):
        Container.launch(sandbox.engine, replace(sandbox.container_spec("bash"), runtime="no-such-runtime"))

    assert eventually(lambda: sandbox.containers() == [])


@pytest.mark.docker
def test_container_is_removed_when_it_does_not_become_ready(sandbox: SandboxFixture) -> None:
    # The entry point of this image is not the runner
    base = sandbox.engine.docker_client.inspect_image(BASE_IMAGE)["Id"]
    foreign = replace(sandbox.container_spec("bash"), image=InstalledImage("bash", "", "", "", base))

    with pytest.raises(InfrastructureError):
        Container.launch(sandbox.engine, foreign)

    assert eventually(lambda: sandbox.containers() == [])


@pytest.mark.docker
def test_remove_ignores_a_missing_container_and_one_that_is_being_removed(sandbox: SandboxFixture) -> None:
    container = sandbox.launch("bash")
    with ThreadPoolExecutor(4) as removers:
        removals = [removers.submit(sandbox.engine.remove_container, container.id) for _ in range(4)]
        container.close()
        for removal in removals:
            removal.result()

    sandbox.engine.remove_container(container.id)


@pytest.mark.docker
def test_launch_leaks_no_file_descriptor(sandbox: SandboxFixture) -> None:
    sandbox.launch("bash").discard()
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(12):
        sandbox.launch("bash").close()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2

"""An engine that is down, hangs, or talks nonsense: an error of ours, in bounded time, and nobody queues for it."""

from __future__ import annotations

import threading
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
from app.sandbox.images.installed import ImageCache, InstalledImage
from app.sandbox.sandbox import ContainerSandbox
from tests.sandbox.arena import LANGUAGES, Arena, Recorder, eventually, job
from tests.sandbox.broken_engine import deaf_engine, scripted_engine
from tests.sandbox.mailbox import Mailbox

TIMEOUT = 0.3
PATIENCE = 5.0  # for a machine that has other things to do as well

CALLS: dict[str, Callable[[Engine], Any]] = {
    "create": lambda engine: engine.create_container({"Image": "x"}),
    "attach": lambda engine: engine.attach("c"),
    "start": lambda engine: engine.start_container("c"),
    "update": lambda engine: engine.update_container("c", {}),
    "remove": lambda engine: engine.remove_container("c"),
    "containers": lambda engine: engine.list_containers("l"),
    "was_oom_killed": lambda engine: engine.was_oom_killed("c", 0),
    "version": lambda engine: engine.version(),
}
OPERATIONS = {
    "create": "create container",
    "attach": "attach to container",
    "start": "start container",
    "update": "update container",
    "remove": "remove container",
    "containers": "list containers",
    "was_oom_killed": "read events",
    "version": "read version",
}


def sandbox_on(engine: Engine, floor: int = 0) -> ContainerSandbox:
    return ContainerSandbox(
        engine, LANGUAGES, worker="w", namespace="n", runtime="", cpus=1.0, pool_floor=floor, pool_ceiling=floor
    )


def run_echo(sandbox: ContainerSandbox) -> None:
    with closing(Mailbox()) as inbox:
        sandbox.run("j", 1, job("bash", "echo"), Recorder(), inbox)


@pytest.mark.parametrize("call", CALLS)
def test_every_call_to_an_engine_that_is_down_fails_at_once(call: str, tmp_path: Path) -> None:
    engine = Engine(f"unix://{tmp_path}/nobody.sock", 30)

    began = time.monotonic()
    with pytest.raises(EngineUnavailable, match=rf"^Docker Engine: {OPERATIONS[call]}: "):
        CALLS[call](engine)

    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("call", CALLS)
def test_every_call_to_an_engine_that_hangs_fails_in_its_time(call: str, tmp_path: Path) -> None:
    with deaf_engine(tmp_path) as url:
        began = time.monotonic()
        with pytest.raises(EngineUnavailable):
            CALLS[call](Engine(url, TIMEOUT))

    assert time.monotonic() - began < PATIENCE


NONSENSE = {
    "hangs up": b"",
    "no HTTP": b"nonsense\r\n\r\n",
    "error": b'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 16\r\n\r\n{"message":"no"}',
    "torn": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops",
    "other JSON": b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a":{}}',
}
# Of these calls only the status is of interest.
NO_CONTENT = {"attach", "start", "update", "remove"}
SAID = [
    (call, name)
    for call in CALLS
    for name, answer in NONSENSE.items()
    if not (call in NO_CONTENT and b"200 OK" in answer)
    and (call, name) not in {("version", "other JSON"), ("containers", "other JSON")}
]


@pytest.mark.parametrize(("call", "name"), SAID)
def test_an_engine_that_talks_nonsense_is_an_error_of_ours(call: str, name: str, tmp_path: Path) -> None:
    with scripted_engine(tmp_path, NONSENSE[name]) as url:
        engine = Engine(url, TIMEOUT)

        with pytest.raises(EngineUnavailable):
            CALLS[call](engine)


@pytest.mark.parametrize(
    "told",
    [
        "runc did not terminate successfully: exit status 1: unable to set memory limit to 16777216 (current usage: 4)",
        "crun: write `memory.limit_in_bytes`: Device or resource busy",
    ],
)
def test_memory_that_is_in_use_is_no_fault_of_the_engine(told: str, tmp_path: Path) -> None:
    body = b'{"message":"Cannot update container c: %s"}' % told.encode()
    head = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n" % len(body)
    with scripted_engine(tmp_path, head + body) as url:
        assert Engine(url, TIMEOUT).update_container("c", {}) is False


def test_a_job_on_an_engine_that_is_down_is_our_fault(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable):
        run_echo(sandbox_on(Engine(f"unix://{tmp_path}/nobody.sock", 30)))


def test_jobs_do_not_wait_in_line_for_an_engine_that_hangs(tmp_path: Path) -> None:
    """Each would take its own time-out, one after another, if asking for the images were simply locked."""
    with deaf_engine(tmp_path) as url:
        sandbox = sandbox_on(Engine(url, 1.0))
        began = time.monotonic()
        with ThreadPoolExecutor(16) as jobs:
            failures = [jobs.submit(run_echo, sandbox).exception for _ in range(16)]
            assert all(isinstance(failure(), EngineUnavailable) for failure in failures)

    assert time.monotonic() - began < 1.0 * 16 / 2


def test_a_sandbox_stops_though_its_engine_hangs(tmp_path: Path) -> None:
    with deaf_engine(tmp_path) as url:
        sandbox = sandbox_on(Engine(url, 60), floor=1)
        sandbox.start()
        began = time.monotonic()

        sandbox.stop()

        assert time.monotonic() - began < 10


@pytest.mark.docker
def test_an_image_that_was_removed_is_missing(arena: Arena) -> None:
    blueprint = arena.blueprint("bash")
    gone = replace(blueprint, image=InstalledImage("bash", "", "", "", "sha256:" + "0" * 64))

    with pytest.raises(ImageMissing):
        Container.launch(arena.engine, gone)


@pytest.mark.docker
def test_a_language_without_an_image_is_missing(arena: Arena) -> None:
    other = {"toy": LANGUAGES["bash"]}
    sandbox = ContainerSandbox(
        arena.engine, other, worker="w", namespace="n", runtime="", cpus=1.0, pool_floor=0, pool_ceiling=0
    )

    with closing(Mailbox()) as inbox, pytest.raises(ImageMissing, match="image of language toy is not on this engine"):
        sandbox.run("j", 1, _named("toy"), Recorder(), inbox)


def _named(language: str) -> Any:
    return msgspec.structs.replace(job("bash", "echo"), language=language)


@pytest.mark.docker
def test_a_runtime_that_is_not_installed_fails_the_launch_and_leaves_nothing(arena: Arena) -> None:
    with pytest.raises(EngineUnavailable, match="no-such-runtime"):
        Container.launch(arena.engine, replace(arena.blueprint("bash"), runtime="no-such-runtime"))

    assert eventually(lambda: arena.containers() == [])


@pytest.mark.docker
def test_a_container_that_does_not_become_ready_is_removed(arena: Arena) -> None:
    # Given an image whose entry point is not our runner
    base = arena.engine.docker_client.inspect_image("debian:bookworm-slim")["Id"]
    foreign = replace(arena.blueprint("bash"), image=InstalledImage("bash", "", "", "", base))

    with pytest.raises(InfrastructureError):
        Container.launch(arena.engine, foreign)

    assert eventually(lambda: arena.containers() == [])


@pytest.mark.docker
def test_removing_what_is_gone_or_going_is_no_error(arena: Arena) -> None:
    container = arena.launch("bash")
    with ThreadPoolExecutor(4) as removers:
        removals = [removers.submit(arena.engine.remove_container, container.id) for _ in range(4)]
        container.close()
        for removal in removals:
            removal.result()

    arena.engine.remove_container(container.id)


@pytest.mark.docker
def test_launches_keep_no_descriptor(arena: Arena) -> None:
    arena.launch("bash").discard()
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(12):
        arena.launch("bash").close()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


class Lookup:
    """Answers when it is let go; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = threading.Event()
        self.failure: InfrastructureError | None = None

    def __call__(self) -> dict[str, InstalledImage]:
        self.asked += 1
        assert self.free.wait(30)
        if self.failure is not None:
            raise self.failure
        return {}


def test_many_who_ask_at_once_share_one_answer() -> None:
    lookup = Lookup()
    known = ImageCache(lookup)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(known.read) for _ in range(8)]
        assert eventually(lambda: lookup.asked == 1)
        lookup.free.set()

        assert [answer.result() for answer in answers] == [{}] * 8

    assert lookup.asked == 1


def test_a_failure_is_shared_but_not_kept() -> None:
    lookup = Lookup()
    lookup.failure = EngineUnavailable("down")
    lookup.free.set()
    known = ImageCache(lookup)
    with pytest.raises(EngineUnavailable, match="down"):
        known.read()

    lookup.failure = None

    assert known.read() == {}


def test_with_something_known_nobody_waits_for_the_one_who_asks() -> None:
    # Given images that are known, and an engine that hangs when it is asked again
    lookup = Lookup()
    lookup.free.set()
    known = ImageCache(lookup)
    known.read()
    known.invalidate()
    lookup.free.clear()
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(known.read)
        assert eventually(lambda: lookup.asked == 2)

        assert known.read() == {}

        lookup.free.set()
        assert asking.result() == {}

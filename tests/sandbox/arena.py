"""Real sandboxes on the real engine, with what a job says and hears kept in memory."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.artifacts import Artifact
from app.core.events import Output, Stream
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import PhaseReport, Verdict, judge
from app.core.spec import JobSpec, SourceFile
from app.sandbox.container import Container, ContainerSpec
from app.sandbox.engine.client import Engine
from app.sandbox.images.catalogue import Language, load_languages
from app.sandbox.images.installed import installed_images
from app.sandbox.resources import ContainerResources
from app.sandbox.sandbox import ContainerSandbox
from app.sandbox.template import LABEL, creation_body
from tests.sandbox.mailbox import Mailbox

__all__ = ["MIB", "Arena", "Ran", "Recorder", "eventually", "job", "open_arena", "sandbox_of"]

MIB = 1024 * 1024
ENGINE_URL = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
# The suites hold for every runtime: make test-crun sets another.
RUNTIME = os.environ.get("PYXEC_CONTAINER_RUNTIME", "")
ENGINE_SECONDS = 30.0
LANGUAGES = load_languages(Path(__file__).parents[2] / "languages")


@dataclass
class Recorder:
    """A sink that keeps everything, and calls ``on_output`` with itself after each piece."""

    on_output: Callable[[Recorder], None] = lambda recorder: None
    events: list[str | Output] = field(default_factory=list)
    phase_began_at: float = field(default_factory=time.monotonic)

    def phase(self, name: str, test: str | None = None) -> None:
        self.phase_began_at = time.monotonic()
        self.events.append(name)

    def output(self, chunks: Sequence[Output]) -> None:
        self.events += chunks
        self.on_output(self)

    def bytes_of(self, stream: Stream) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, Output) and event.stream is stream)

    @property
    def phases(self) -> list[str]:
        return [event for event in self.events if isinstance(event, str)]

    @property
    def stdout(self) -> bytes:
        return self.bytes_of(Stream.STDOUT)


@dataclass(frozen=True)
class Ran:
    """A job that has ended. ``seconds`` are those of all of it, ``last_phase_seconds`` those from the begin of its last
    phase to its result; both as the worker sees them."""

    verdict: Verdict
    phases: tuple[PhaseReport, ...]
    stdout: bytes
    stderr: bytes
    seconds: float
    last_phase_seconds: float
    artifacts: tuple[Artifact, ...] = ()

    @property
    def outcome(self) -> str:
        return self.verdict.outcome.value

    @property
    def last(self) -> PhaseReport:
        return self.phases[-1]

    @property
    def text(self) -> str:
        return self.stdout.decode()


def job(
    language: str,
    source: str | bytes,
    *,
    stdin: bytes = b"",
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    interactive: bool = False,
    files: Mapping[str, bytes] | None = None,
    **limits: float,
) -> JobSpec:
    """A job with a few seconds to live unless it says otherwise."""
    own = LimitOverrides(**{"wall_seconds": 5.0, "cpu_seconds": 5.0, **limits})  # type: ignore[arg-type]
    content = source.encode() if isinstance(source, str) else source
    entrypoint = LANGUAGES[language].file_name
    others = tuple(SourceFile(name, data) for name, data in (files or {}).items())
    return JobSpec(
        language=language,
        files=(SourceFile(entrypoint, content), *others),
        entrypoint=entrypoint,
        stdin=stdin,
        args=tuple(args),
        env=dict(env or {}),
        limits=resolve_limits(own, LANGUAGES[language].limits),
        interactive=interactive,
    )


@dataclass
class Arena:
    """A sandbox whose containers carry a namespace of their own."""

    engine: Engine
    namespace: str
    sandbox: ContainerSandbox

    def run(self, spec: JobSpec, sink: Recorder | None = None, inbox: Mailbox | None = None) -> Ran:
        recorder = sink or Recorder()
        with closing(Mailbox()) as silence:
            began = time.monotonic()
            report = self.sandbox.run(uuid.uuid4().hex, 1, spec, recorder, inbox or silence)
            ended = time.monotonic()
        return Ran(
            verdict=judge(report.phases),
            phases=report.phases,
            stdout=recorder.stdout,
            stderr=recorder.bytes_of(Stream.STDERR),
            seconds=ended - began,
            last_phase_seconds=ended - recorder.phase_began_at,
            artifacts=report.artifacts,
        )

    def containers(self) -> list[str]:
        return [container.id for container in self.engine.list_containers(f"{LABEL}={self.namespace}")]

    def inspect(self, container_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.docker_client.inspect_container(container_id)
        return found

    def blueprint(self, language: str, **numbers: int) -> ContainerSpec:
        image = installed_images(self.engine.docker_client)[language]
        usual = {"memory_bytes": 128 * MIB, "processes": 32, "disk_bytes": 16 * MIB, "nano_cpus": 1_000_000_000}
        labels = {LABEL: self.namespace, f"{LABEL}.worker": "arena"}
        return ContainerSpec(image, ContainerResources(**{**usual, **numbers}), labels, RUNTIME, 21_000)

    def create(self, worker: str) -> str:
        """A container that a worker has made and never started; its id."""
        blueprint = self.blueprint("bash")
        labels = {**blueprint.labels, f"{LABEL}.worker": worker}
        return self.engine.create_container(
            creation_body(blueprint.image.image_id, blueprint.resources, labels, "", 20_000)
        )

    def launch(self, language: str, **numbers: int) -> Container:
        return Container.launch(self.engine, self.blueprint(language, **numbers))

    def language(self, name: str) -> Language:
        return LANGUAGES[name]


def sandbox_of(engine: Engine, namespace: str, pool_floor: int, pool_ceiling: int) -> ContainerSandbox:
    """Not started yet: without a warm container."""
    return ContainerSandbox(
        engine,
        LANGUAGES,
        worker="arena",
        namespace=namespace,
        runtime=RUNTIME,
        cpus=1.0,
        pool_floor=pool_floor,
        pool_ceiling=pool_ceiling,
    )


@contextmanager
def open_arena(pool_floor: int, pool_ceiling: int) -> Iterator[Arena]:
    """Whatever happens, nothing with its namespace is left on the engine."""
    engine = Engine(ENGINE_URL, ENGINE_SECONDS)
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    sandbox = sandbox_of(engine, namespace, pool_floor, pool_ceiling)
    arena = Arena(engine, namespace, sandbox)
    sandbox.start()
    try:
        yield arena
    finally:
        sandbox.stop()
        for container_id in arena.containers():
            engine.remove_container(container_id)
        engine.close()


def eventually(holds: Callable[[], bool], within_seconds: float = 10.0) -> bool:
    """Whether it comes to hold in time."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

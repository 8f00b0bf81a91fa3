"""A sandbox on the Docker Engine of this machine, and a sink that records the output of its jobs."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.job.events import Output, Stream
from app.core.job.results import Artifact
from app.core.job.spec import JobSpec, SourceFile
from app.core.judging.phase_outcomes import PhaseOutcome, judge_phases
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import PhaseReport, StopReason
from app.sandbox.cells.pool import CellPolicy
from app.sandbox.cells.sandbox import CellSandbox
from app.sandbox.container import Container, ContainerSpec
from app.sandbox.engine.client import Engine
from app.sandbox.images.catalogue import Language, load_languages
from app.sandbox.images.digests import ImageDigests
from app.sandbox.images.installed import InstalledImage, installed_images
from app.sandbox.resources import ContainerResources
from app.sandbox.sandbox import ContainerSandbox
from app.sandbox.template import INSTALLATION_LABEL, LABEL, WORKER_LABEL, creation_body
from tests.patience import patient
from tests.sandbox.in_memory_inbox import InMemoryInbox

__all__ = [
    "CELL_POLICY",
    "INSTALLATION",
    "ISOLATIONS",
    "MIB",
    "JobRun",
    "RecordingSink",
    "SandboxFixture",
    "create_cell_sandbox",
    "create_sandbox",
    "eventually",
    "execute_as_root",
    "find_image",
    "job",
    "open_sandbox_fixture",
]

MIB = 1024 * 1024
ENGINE_URL = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
# `make test-engines` also runs the suites with crun.
RUNTIME = os.environ.get("PYXEC_CONTAINER_RUNTIME", "")
INSTALLATION = "test"
ENGINE_SECONDS = patient(30.0)
JOB_SECONDS = patient(5.0)
# The values of PYXEC_ISOLATION.
ISOLATIONS = ("container", "cell")
CELL_POLICY = CellPolicy(max_jobs=1000, max_age_seconds=3600, sharing="any")
ROOT = Path(__file__).parents[2]
LANGUAGES = load_languages(ROOT / "languages")
# Of this checkout: another one may have built images on the same engine since then.
IMAGE_DIGESTS = ImageDigests.from_repository(ROOT, LANGUAGES)


@dataclass
class RecordingSink:
    """A sink that records everything and calls ``on_output`` with itself after each piece of output.

    It calls ``on_phase_end`` with the report of each phase.
    """

    on_output: Callable[[RecordingSink], None] = lambda sink: None
    on_phase_end: Callable[[PhaseReport], None] = lambda report: None
    events: list[str | Output] = field(default_factory=list)
    phase_started_at: float = field(default_factory=time.monotonic)
    flushes: int = 0

    def phase(self, name: str, test: str | None = None) -> None:
        self.phase_started_at = time.monotonic()
        self.events.append(name)

    def output(self, chunks: Sequence[Output]) -> None:
        self.events += chunks
        self.on_output(self)

    def flush(self) -> None:
        self.flushes += 1

    def end_phase(self, report: PhaseReport) -> None:
        self.on_phase_end(report)

    def hold_test(self) -> None:
        self.events.append("held")

    def read_stream(self, stream: Stream) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, Output) and event.stream is stream)

    @property
    def phases(self) -> list[str]:
        return [event for event in self.events if isinstance(event, str)]

    @property
    def stdout(self) -> bytes:
        return self.read_stream(Stream.STDOUT)


@dataclass(frozen=True)
class JobRun:
    """Result of a job.

    Attributes:
        seconds: Time of the whole job, as measured by the worker.
        last_phase_seconds: Time from the start of the last phase to the result, as measured by the worker.
    """

    verdict: PhaseOutcome
    phases: tuple[PhaseReport, ...]
    stdout: bytes
    stderr: bytes
    seconds: float
    last_phase_seconds: float
    artifacts: tuple[Artifact, ...] = ()
    exhausted: StopReason = StopReason.NONE

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
    """Return a job with the limits of its language, and JOB_SECONDS unless ``limits`` overrides them."""
    overrides = LimitOverrides(**{"wall_seconds": JOB_SECONDS, "cpu_seconds": JOB_SECONDS, **limits})  # type: ignore[arg-type]
    content = source.encode() if isinstance(source, str) else source
    entrypoint = LANGUAGES[language].file_name
    other_files = tuple(SourceFile(name, data) for name, data in (files or {}).items())
    return JobSpec(
        language=language,
        files=(SourceFile(entrypoint, content), *other_files),
        entrypoint=entrypoint,
        stdin=stdin,
        args=tuple(args),
        env=dict(env or {}),
        limits=resolve_limits(overrides, LANGUAGES[language].limits),
        interactive=interactive,
    )


@dataclass
class SandboxFixture:
    """A sandbox with a namespace of its own, on the engine of this machine."""

    engine: Engine
    namespace: str
    container_sandbox: ContainerSandbox | CellSandbox

    @property
    def isolation(self) -> str:
        """The value of PYXEC_ISOLATION to which the sandbox belongs."""
        return "cell" if isinstance(self.container_sandbox, CellSandbox) else "container"

    def run(self, spec: JobSpec, sink: RecordingSink | None = None, inbox: InMemoryInbox | None = None) -> JobRun:
        sink = sink or RecordingSink()
        with closing(InMemoryInbox()) as empty_inbox:
            started_at = time.monotonic()
            report = self.container_sandbox.run(uuid.uuid4().hex, 1, spec, sink, inbox or empty_inbox)
            ended_at = time.monotonic()
        return JobRun(
            verdict=judge_phases(report.phases, report.exhausted),
            phases=report.phases,
            stdout=sink.stdout,
            stderr=sink.read_stream(Stream.STDERR),
            seconds=ended_at - started_at,
            last_phase_seconds=ended_at - sink.phase_started_at,
            artifacts=report.artifacts,
            exhausted=report.exhausted,
        )

    def containers(self) -> list[str]:
        """Return the ids of all containers of this namespace."""
        return [container.id for container in self.engine.list_containers(f"{LABEL}={self.namespace}")]

    def count_idle(self) -> int:
        """Return the number of idle containers in the pool."""
        return sum(stats.idle for stats in self.container_sandbox.pool_stats().values())

    def inspect(self, container_id: str) -> dict[str, Any]:
        details: dict[str, Any] = self.engine.docker_client.inspect_container(container_id)
        return details

    def container_spec(self, language: str, **resources: int) -> ContainerSpec:
        image = find_image(self.engine, language)
        defaults = {"memory_bytes": 128 * MIB, "processes": 32, "disk_bytes": 16 * MIB, "nano_cpus": 1_000_000_000}
        labels = {LABEL: self.namespace, INSTALLATION_LABEL: INSTALLATION, WORKER_LABEL: "test"}
        return ContainerSpec(image, ContainerResources(**{**defaults, **resources}), labels, RUNTIME, 21_000)

    def create(self, worker: str, installation: str = INSTALLATION) -> str:
        """Create a container for a worker of an installation without starting it; return its id."""
        spec = self.container_spec("bash")
        labels = {**spec.labels, WORKER_LABEL: worker, INSTALLATION_LABEL: installation}
        return self.engine.create_container(creation_body(spec.image.image_id, spec.resources, labels, "", 20_000))

    def launch(self, language: str, **resources: int) -> Container:
        return Container.launch(self.engine, self.container_spec(language, **resources))

    def language(self, name: str) -> Language:
        return LANGUAGES[name]


def find_image(engine: Engine, language: str) -> InstalledImage:
    """Return the image of a language that this checkout has built."""
    client = engine.docker_client
    return installed_images(client, IMAGE_DIGESTS.read(client))[language]


def create_sandbox(
    engine: Engine,
    namespace: str,
    pool_floor: int,
    pool_ceiling: int,
    languages: Mapping[str, Language] = LANGUAGES,
    runtime: str = RUNTIME,
) -> ContainerSandbox:
    """Return a sandbox that is not started, so that its pool stays empty."""
    return ContainerSandbox(engine, languages, **sandbox_arguments(namespace, pool_floor, pool_ceiling, runtime))


def create_cell_sandbox(
    engine: Engine, namespace: str, pool_floor: int, pool_ceiling: int, policy: CellPolicy = CELL_POLICY
) -> CellSandbox:
    """Return a sandbox with cells that is not started, so that its pool stays empty until the first job."""
    return CellSandbox(
        engine, LANGUAGES, policy=policy, **sandbox_arguments(namespace, pool_floor, pool_ceiling, RUNTIME)
    )


def sandbox_arguments(namespace: str, pool_floor: int, pool_ceiling: int, runtime: str) -> dict[str, Any]:
    return {
        "worker": "test",
        "namespace": namespace,
        "read_installation": lambda: INSTALLATION,
        "read_image_digests": IMAGE_DIGESTS.read,
        "runtime": runtime,
        "cpus": 1.0,
        "pool_floor": pool_floor,
        "pool_ceiling": pool_ceiling,
    }


@contextmanager
def open_sandbox_fixture(
    pool_floor: int,
    pool_ceiling: int,
    engine: Engine | None = None,
    isolation: str = "container",
    policy: CellPolicy = CELL_POLICY,
) -> Iterator[SandboxFixture]:
    """Start a sandbox in a new namespace. At the end, remove all containers of the namespace."""
    engine = engine or Engine(ENGINE_URL, ENGINE_SECONDS)
    namespace = f"test-{uuid.uuid4().hex[:12]}"
    sandbox = SandboxFixture(
        engine,
        namespace,
        create_cell_sandbox(engine, namespace, pool_floor, pool_ceiling, policy)
        if isolation == "cell"
        else create_sandbox(engine, namespace, pool_floor, pool_ceiling),
    )
    sandbox.container_sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.container_sandbox.stop()
        for container_id in sandbox.containers():
            engine.remove_container(container_id)
        engine.close()


def execute_as_root(engine: Engine, pid_mode: str, script: str) -> None:
    """Run a shell script as root on the host of an engine, in another container.

    Args:
        pid_mode: PID namespace of the script: ``host`` or ``container:<id>``.
    """
    host_config = {"PidMode": pid_mode, "NetworkMode": "none"}
    command = ["/bin/sh", "-c", script]
    body = {"Image": "pyxec/bash:latest", "Entrypoint": command, "User": "0", "HostConfig": host_config}
    helper = engine.create_container(body)
    try:
        engine.start_container(helper)
        assert engine.docker_client.wait(helper)["StatusCode"] == 0, engine.docker_client.logs(helper)
    finally:
        engine.remove_container(helper)


def eventually(condition: Callable[[], bool], within_seconds: float = 10.0) -> bool:
    """Return whether a condition becomes true in time."""
    deadline = time.monotonic() + patient(within_seconds)
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

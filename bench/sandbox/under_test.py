"""The sandbox as the worker uses it, with a sink that discards output and an inbox without input."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from app.config import Settings
from app.core.errors import PyxecError
from app.core.execution.sandbox import SandboxReport, Sink
from app.core.job.events import Output
from app.core.job.job_input import Input
from app.core.job.spec import JobSpec, SourceFile
from app.core.judging.phase_outcomes import judge_phases
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import Outcome, PhaseReport
from app.sandbox.cells.pool import CellPolicy
from app.sandbox.cells.sandbox import CellSandbox
from app.sandbox.engine.client import Engine
from app.sandbox.images.catalogue import Language, load_languages
from app.sandbox.images.digests import ImageDigests
from app.sandbox.sandbox import ContainerSandbox
from app.sandbox.template import LABEL

__all__ = ["IMAGE_DIGESTS", "LANGUAGES", "NullSink", "SandboxUnderTest", "docker_host", "program", "sandbox_under_test"]

_ROOT: Final = Path(__file__).resolve().parents[2]
LANGUAGES: Final = load_languages(_ROOT / "languages")
#: Of this checkout: another one may have built images on the same engine since then.
IMAGE_DIGESTS: Final = ImageDigests.from_repository(_ROOT, LANGUAGES)
_ENGINE_SECONDS: Final = 60.0
_WARM_SECONDS: Final = 60.0


class NullSink:
    """Counts the bytes of output and records the time of the first and last piece."""

    def __init__(self) -> None:
        self.written_bytes = 0
        self.first_at = 0.0
        self.last_at = 0.0

    def phase(self, name: str, test: str | None = None) -> None:
        """Ignore the phase."""

    def output(self, chunks: Sequence[Output]) -> None:
        self.last_at = time.perf_counter()
        self.first_at = self.first_at or self.last_at
        self.written_bytes += sum(len(chunk.data) for chunk in chunks)

    def flush(self) -> None:
        """Do nothing."""

    def end_phase(self, report: PhaseReport) -> None:
        """Ignore the end of the phase."""

    def hold_test(self) -> None:
        """Do nothing: no test is held."""


class _EmptyInbox:
    """An inbox without input."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def fileno(self) -> int:
        return self._reader

    def take(self, max_bytes: int) -> list[Input]:
        return []

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


class SandboxUnderTest:
    """Runs jobs that must succeed. Safe to use from many threads."""

    def __init__(self, sandbox: ContainerSandbox | CellSandbox, engine: Engine, namespace: str) -> None:
        self.sandbox = sandbox
        self.engine = engine
        self.namespace = namespace

    def run(self, spec: JobSpec, sink: Sink) -> SandboxReport:
        """Run a job.

        Raises:
            PyxecError: The outcome is not ``ok``.
        """
        inbox = _EmptyInbox()
        try:
            report = self.sandbox.run(uuid.uuid4().hex, 1, spec, sink, inbox)
        finally:
            inbox.close()
        verdict = judge_phases(report.phases)
        if verdict.outcome is not Outcome.OK:
            raise PyxecError(f"the {spec.language} job ended as {verdict.outcome}: {verdict.message}")
        return report

    def is_warm(self, language: str) -> bool:
        """Return whether a container of the language is idle."""
        stats = self.sandbox.pool_stats().get(language)
        return stats is not None and stats.idle > 0


@contextmanager
def sandbox_under_test(
    floor: int, ceiling: int, languages: Sequence[str], isolation: str = "container"
) -> Iterator[SandboxUnderTest]:
    """Start a sandbox and wait until it has an idle container for each language. At the end, remove all containers.

    Raises:
        PyxecError: The engine does not answer or has no image for a language.
    """
    engine = Engine(docker_host(), _ENGINE_SECONDS)
    namespace = f"bench-{uuid.uuid4().hex[:12]}"
    selected = {name: LANGUAGES[name] for name in languages}
    sandbox = _create_sandbox(engine, selected, namespace, floor, ceiling, isolation)
    under_test = SandboxUnderTest(sandbox, engine, namespace)
    sandbox.start()
    try:
        if floor:
            _wait_until(lambda: all(map(under_test.is_warm, languages)), f"idle containers for {', '.join(languages)}")
        yield under_test
    finally:
        sandbox.stop()
        for container in engine.list_containers(f"{LABEL}={namespace}"):
            engine.remove_container(container.id)


def docker_host() -> str:
    """Return the address of the engine, as the worker determines it."""
    return os.environ.get("DOCKER_HOST") or str(Settings.model_fields["docker_host"].default)


def program(language: str, source: str, **limits: float) -> JobSpec:
    """Return a job with one file and the default limits of its language, except for ``limits``."""
    entrypoint = LANGUAGES[language].file_name
    overrides = LimitOverrides(**limits)  # type: ignore[arg-type]
    return JobSpec(
        language=language,
        files=(SourceFile(entrypoint, source.encode()),),
        entrypoint=entrypoint,
        stdin=b"",
        args=(),
        env={},
        limits=resolve_limits(overrides, LANGUAGES[language].limits),
        interactive=False,
    )


def _create_sandbox(
    engine: Engine, languages: dict[str, Language], namespace: str, floor: int, ceiling: int, isolation: str
) -> ContainerSandbox | CellSandbox:
    arguments: dict[str, Any] = {
        "worker": "bench",
        "namespace": namespace,
        "read_installation": lambda: "bench",
        "read_image_digests": IMAGE_DIGESTS.read,
        "runtime": os.environ.get("PYXEC_CONTAINER_RUNTIME", ""),
        "cpus": Settings.model_fields["sandbox_cpus"].default,
        "pool_floor": floor,
        "pool_ceiling": ceiling,
    }
    if isolation == "container":
        return ContainerSandbox(engine, languages, **arguments)
    fields = Settings.model_fields
    policy = CellPolicy(fields["cell_max_jobs"].default, fields["cell_max_age"].default, fields["cell_sharing"].default)
    return CellSandbox(engine, languages, policy=policy, **arguments)


def _wait_until(condition: Callable[[], bool], description: str) -> None:
    deadline = time.monotonic() + _WARM_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise PyxecError(f"no {description} within {_WARM_SECONDS:g} s")
        time.sleep(0.02)

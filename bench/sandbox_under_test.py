"""The sandbox port as a worker uses it, with a sink that forgets and an inbox that stays silent."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.config import Settings
from app.core.errors import PyxecError
from app.core.events import Output
from app.core.job_input import Input
from app.core.judging import judge_phases
from app.core.limits import LimitOverrides, resolve_limits
from app.core.outcomes import Outcome
from app.core.sandbox import SandboxReport, Sink
from app.core.spec import JobSpec, SourceFile
from app.sandbox.engine.client import Engine
from app.sandbox.images.catalogue import Language, load_languages
from app.sandbox.sandbox import ContainerSandbox
from app.sandbox.template import LABEL

__all__ = ["LANGUAGES", "NullSink", "SandboxUnderTest", "docker_host", "program", "sandbox_under_test"]

LANGUAGES: Final = load_languages(Path(__file__).resolve().parents[1] / "languages")
_ENGINE_SECONDS: Final = 60.0
_WARM_SECONDS: Final = 60.0


class NullSink:
    """Counts what is written, and when; keeps none of it."""

    def __init__(self) -> None:
        self.written_bytes = 0
        self.first_at = 0.0
        self.last_at = 0.0

    def phase(self, name: str, test: str | None = None) -> None:
        """Nothing to do."""

    def output(self, chunks: Sequence[Output]) -> None:
        self.last_at = time.perf_counter()
        self.first_at = self.first_at or self.last_at
        self.written_bytes += sum(len(chunk.data) for chunk in chunks)


class _Silence:
    """An inbox in which nothing ever arrives."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def fileno(self) -> int:
        return self._reader

    def take(self, most_bytes: int) -> list[Input]:
        return []

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)


class SandboxUnderTest:
    """Runs jobs that must end well. Safe to use from many threads."""

    def __init__(self, sandbox: ContainerSandbox, engine: Engine, namespace: str) -> None:
        self._sandbox = sandbox
        self.engine = engine
        self.namespace = namespace

    def run(self, spec: JobSpec, sink: Sink) -> SandboxReport:
        """Raises PyxecError when the job did not end well: a fast answer that is wrong is no answer."""
        inbox = _Silence()
        try:
            report = self._sandbox.run(uuid.uuid4().hex, 1, spec, sink, inbox)
        finally:
            inbox.close()
        verdict = judge_phases(report.phases)
        if verdict.outcome is not Outcome.OK:
            raise PyxecError(f"the {spec.language} job ended as {verdict.outcome}: {verdict.message}")
        return report

    def is_warm(self, language: str) -> bool:
        """Whether a container of that language waits."""
        figures = self._sandbox.pool_stats().get(language)
        return figures is not None and figures.idle > 0


@contextmanager
def sandbox_under_test(floor: int, ceiling: int, languages: Sequence[str]) -> Iterator[SandboxUnderTest]:
    """Warm for these languages; leaves nothing on the engine.

    Raises:
        PyxecError: the engine does not answer, or has no image for one of them.
    """
    engine = Engine(docker_host(), _ENGINE_SECONDS)
    namespace = f"bench-{uuid.uuid4().hex[:12]}"
    chosen = {name: LANGUAGES[name] for name in languages}
    sandbox = _sandbox(engine, chosen, namespace, floor, ceiling)
    under_test = SandboxUnderTest(sandbox, engine, namespace)
    sandbox.start()
    try:
        if floor:
            _wait_until(lambda: all(map(under_test.is_warm, languages)), f"warm sandboxes for {', '.join(languages)}")
        yield under_test
    finally:
        sandbox.stop()
        for container in engine.list_containers(f"{LABEL}={namespace}"):
            engine.remove_container(container.id)


def docker_host() -> str:
    """Where the engine is: as the worker finds it."""
    return os.environ.get("DOCKER_HOST") or str(Settings.model_fields["docker_host"].default)


def program(language: str, source: str, **limits: float) -> JobSpec:
    """A job of one file, with the language's own limits but for those named."""
    entrypoint = LANGUAGES[language].file_name
    own = LimitOverrides(**limits)  # type: ignore[arg-type]
    return JobSpec(
        language=language,
        files=(SourceFile(entrypoint, source.encode()),),
        entrypoint=entrypoint,
        stdin=b"",
        args=(),
        env={},
        limits=resolve_limits(own, LANGUAGES[language].limits),
        interactive=False,
    )


def _sandbox(
    engine: Engine, languages: dict[str, Language], namespace: str, floor: int, ceiling: int
) -> ContainerSandbox:
    return ContainerSandbox(
        engine,
        languages,
        worker="bench",
        namespace=namespace,
        runtime=os.environ.get("PYXEC_CONTAINER_RUNTIME", ""),
        cpus=Settings.model_fields["sandbox_cpus"].default,
        pool_floor=floor,
        pool_ceiling=ceiling,
    )


def _wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WARM_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise PyxecError(f"no {what} within {_WARM_SECONDS:g} s")
        time.sleep(0.02)

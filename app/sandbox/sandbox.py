"""Runs a job in a fresh container of the Docker Engine: warm from the pool when one is there, else made for it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from app.core.errors import EngineUnavailable, ImageMissing, InfrastructureError
from app.core.languages import LanguageInfo
from app.core.limits import LimitOverrides, resolve_limits
from app.core.sandbox import Inbox, SandboxReport, Sink
from app.core.spec import JobSpec
from app.sandbox.compile_memory import stages_of
from app.sandbox.container import Container, ContainerSpec
from app.sandbox.engine.client import Engine
from app.sandbox.images.cache import ImageCache
from app.sandbox.images.catalogue import Language, default_set
from app.sandbox.images.installed import InstalledImage, installed_images
from app.sandbox.pool import Pool
from app.sandbox.pool_stats import PoolStats
from app.sandbox.runner.session import run_session
from app.sandbox.template import LABEL, SANDBOX_UIDS, ContainerResources
from app.telemetry.spans import span

__all__ = ["ContainerSandbox"]

_log = structlog.get_logger(__name__)


class ContainerSandbox:
    """Implements app.core.sandbox.Sandbox.

    Parameters:
        worker: the name of this process; every container is labelled with it.
        namespace: which Pyxec this is, where several share an engine.
        runtime: OCI runtime, empty for the engine's default.
        cpus: processors a sandbox may use.
    """

    def __init__(
        self,
        engine: Engine,
        languages: Mapping[str, Language],
        *,
        worker: str,
        namespace: str,
        runtime: str,
        cpus: float,
        pool_floor: int,
        pool_ceiling: int,
    ) -> None:
        self._engine = engine
        self._languages = languages
        self._labels = {LABEL: namespace, f"{LABEL}.worker": worker}
        self._runtime = runtime
        self._cpus = cpus
        self._defaults = {name: self._default_numbers(language) for name, language in languages.items()}
        self._images = ImageCache(self._ask_for_images)
        self._pool = Pool(
            self._launch_warm, self._images.read, pool_floor, pool_ceiling, kept_warm=default_set(languages).keys()
        )

    def start(self) -> None:
        """Begin to keep containers warm."""
        self._pool.start()

    def stop(self) -> None:
        """Let the warm ones go."""
        self._pool.stop()

    def run(self, job_id: str, attempt: int, spec: JobSpec, sink: Sink, inbox: Inbox) -> SandboxReport:
        """See the port."""
        language = self._languages.get(spec.language)
        if language is None:
            raise ImageMissing(f"{spec.language} is not in this worker's catalogue")
        stages = stages_of(spec, language, self._cpus)
        with span("container take"):
            container = self._container_for(spec.language, stages.first)
        _log.info("sandbox_taken", job_id=job_id, attempt=attempt, container=container.id[:12])
        try:
            return run_session(container, spec, language, sink, inbox, stages.program)
        except BaseException:
            container.discard()
            raise
        finally:
            container.close()
            self._pool.job_ended()

    def installed(self) -> Sequence[LanguageInfo]:
        """See the port."""
        images = self._images.read()
        return [
            msgspec.structs.replace(
                self._languages[name].info(image.version), image=image.tag, image_bytes=image.size_bytes
            )
            for name, image in sorted(images.items())
            if name in self._languages
        ]

    def pool_figures(self) -> Mapping[str, PoolStats]:
        """What the pool of warm containers holds and has done, by language: for metrics."""
        return self._pool.figures()

    def _container_for(self, language: str, numbers: ContainerResources) -> Container:
        # A disk's size is fixed when a container is made: a job that wants another one leaves the warm ones to others.
        fits = numbers.disk_bytes == self._defaults[language].disk_bytes
        warm = self._pool.take(language) if fits else None
        try:
            return self._launch(language, numbers) if warm is None else _adjusted(warm, numbers)
        except BaseException:
            self._pool.job_ended()
            raise

    def _launch_warm(self, language: str) -> Container:
        return self._launch(language, self._defaults[language])

    def _launch(self, language: str, numbers: ContainerResources) -> Container:
        image = self._images.read().get(language)
        if image is None:
            raise ImageMissing(f"there is no image for {language} on this engine")
        # Not a secret, only spread: two containers with the same one share what the kernel counts by user, no more.
        uid = random.choice(SANDBOX_UIDS)  # noqa: S311
        began = time.monotonic()
        try:
            with span("container start"):
                container = Container.launch(
                    self._engine, ContainerSpec(image, numbers, self._labels, self._runtime, uid)
                )
        except ImageMissing:
            self._images.forget()
            raise
        self._pool.launched(language, time.monotonic() - began)
        return container

    def _ask_for_images(self) -> dict[str, InstalledImage]:
        found = installed_images(self._engine.api)
        return {name: image for name, image in found.items() if name in self._languages}

    def _default_numbers(self, language: Language) -> ContainerResources:
        return ContainerResources.of(resolve_limits(LimitOverrides(), language.limits), self._cpus)


def _adjusted(container: Container, numbers: ContainerResources) -> Container:
    try:
        if not container.adjust(numbers):
            raise EngineUnavailable("update: a container that waits has no room for a job's memory limit")
    except InfrastructureError:
        container.discard()
        raise
    return container

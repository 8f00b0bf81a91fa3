"""Runs a job in a fresh container of the Docker Engine: warm from the pool when one is there, else made for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from app.core.errors import ImageMissing, InfrastructureError
from app.core.languages import LanguageInfo
from app.core.limits import LimitOverrides, resolve_limits
from app.core.ports import Inbox, SandboxReport, Sink
from app.core.spec import JobSpec
from app.sandbox.container import Blueprint, Container
from app.sandbox.conversation import converse
from app.sandbox.engine import Engine
from app.sandbox.images import InstalledImage, installed_images
from app.sandbox.languages import Language
from app.sandbox.pool import Pool
from app.sandbox.template import LABEL, ContainerNumbers

__all__ = ["DockerSandbox"]

_IMAGES_FRESH_SECONDS: Final = 10.0
_log = structlog.get_logger(__name__)


class DockerSandbox:
    """Implements app.core.ports.Sandbox.

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
        self._images: dict[str, InstalledImage] = {}
        self._images_read_at = float("-inf")
        self._images_lock = threading.Lock()
        self._pool = Pool(self._launch_warm, self._read_images, pool_floor, pool_ceiling)

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
        container = self._container_for(spec)
        _log.info("sandbox_taken", job_id=job_id, attempt=attempt, container=container.id[:12])
        try:
            phases = converse(container, spec, language, sink, inbox)
        except BaseException:
            self._discard(container)
            raise
        finally:
            container.close()
            self._pool.job_ended()
        return SandboxReport(phases=tuple(phases), version=container.blueprint.image.version)

    def installed(self) -> Sequence[LanguageInfo]:
        """See the port."""
        images = self._read_images()
        return [
            _info(self._languages[name], image) for name, image in sorted(images.items()) if name in self._languages
        ]

    def _container_for(self, spec: JobSpec) -> Container:
        numbers = ContainerNumbers.of(spec.limits, self._cpus)
        warm = self._pool.take(spec.language)
        try:
            if warm is not None and warm.blueprint.numbers.disk_bytes == numbers.disk_bytes:
                return self._adjusted(warm, numbers)
            if warm is not None:
                warm.close()
            return self._launch(spec.language, numbers)
        except BaseException:
            self._pool.job_ended()
            raise

    def _adjusted(self, container: Container, numbers: ContainerNumbers) -> Container:
        try:
            container.adjust(numbers)
        except InfrastructureError:
            self._discard(container)
            container.close()
            raise
        return container

    def _launch_warm(self, language: str) -> Container:
        limits = resolve_limits(LimitOverrides(), self._languages[language].limits)
        return self._launch(language, ContainerNumbers.of(limits, self._cpus))

    def _launch(self, language: str, numbers: ContainerNumbers) -> Container:
        image = self._read_images().get(language)
        if image is None:
            raise ImageMissing(f"there is no image for {language} on this engine")
        return Container.launch(self._engine, Blueprint(image, numbers, self._labels, self._runtime))

    def _discard(self, container: Container) -> None:
        """Whatever it does, it ends now. The engine may be the very thing that failed; then the reaper comes later."""
        try:
            self._engine.remove(container.id)
        except InfrastructureError as e:
            _log.warning("sandbox_not_removed", container=container.id[:12], error=str(e))

    def _read_images(self) -> dict[str, InstalledImage]:
        with self._images_lock:
            if time.monotonic() - self._images_read_at > _IMAGES_FRESH_SECONDS:
                found = installed_images(self._engine.api)
                self._images = {name: image for name, image in found.items() if name in self._languages}
                self._images_read_at = time.monotonic()
            return self._images


def _info(language: Language, image: InstalledImage) -> LanguageInfo:
    return LanguageInfo(
        id=language.id,
        name=language.name,
        file_name=language.file_name,
        aliases=language.aliases,
        version=image.version,
        limits=language.limits,
        template=language.hello.source,
    )

"""Sandboxes that run jobs in containers of a Docker Engine, and the one that gives each job its own container."""

from __future__ import annotations

import hashlib
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Generic, TypeVar

import docker
import msgspec
import structlog

from app.core.errors import ImageMissing, InfrastructureError, OwnershipLost, SandboxUnavailable
from app.core.execution.budget import JobBudget
from app.core.execution.sandbox import Inbox, SandboxReport, Sink
from app.core.job.spec import JobSpec
from app.core.languages import LanguageInfo
from app.sandbox.container import Container, ContainerSpec, UpdateResult
from app.sandbox.engine.client import Engine
from app.sandbox.engine_availability import EngineAvailability
from app.sandbox.images.catalogue import Language, default_set
from app.sandbox.images.installed import ImageCache, InstalledImage, installed_images
from app.sandbox.language_pool import PoolStats
from app.sandbox.pool import Pool
from app.sandbox.resources import ContainerResources, StageResources, default_resources, resources_by_stage
from app.sandbox.runner.execution_plan import is_compiled, plan_execution
from app.sandbox.session import RunnerSession
from app.sandbox.template import INSTALLATION_LABEL, LABEL, SANDBOX_UIDS, WORKER_LABEL
from app.telemetry.spans import span

__all__ = ["ContainerSandbox", "PooledSandbox", "choose_uids"]

C = TypeVar("C", bound=Container)

_log = structlog.get_logger(__name__)


class PooledSandbox(ABC, Generic[C]):
    """Implements the ``Sandbox`` port with a Docker Engine and a pool of idle containers.

    Args:
        engine: The engine of this worker.
        languages: The catalogue, by id.
        worker: Name of the worker process. It becomes a label of every container.
        namespace: Namespace of the installation. It distinguishes installations that share an engine.
        read_installation: Returns the id of the installation. It distinguishes installations that also have the same
            namespace. May raise InfrastructureError; then no container is launched.
        runtime: OCI runtime. Empty for the engine's default.
        cpus: Processors that one job may use.
        pool_floor: See ``Pool``.
        pool_ceiling: See ``Pool``.
        availability: Receives the result of each launch.
        read_image_digests: Returns the digests of the language images of this checkout, which are preferred to those
            of other checkouts.
    """

    def __init__(
        self,
        engine: Engine,
        languages: Mapping[str, Language],
        *,
        worker: str,
        namespace: str,
        read_installation: Callable[[], str],
        runtime: str,
        cpus: float,
        pool_floor: int,
        pool_ceiling: int,
        availability: EngineAvailability | None = None,
        read_image_digests: Callable[[docker.APIClient], Mapping[str, str]] | None = None,
    ) -> None:
        self._engine = engine
        self._languages = languages
        self._labels = {LABEL: namespace, WORKER_LABEL: worker}
        self._read_installation = read_installation
        self._runtime = runtime
        self._availability = availability
        self._read_image_digests = read_image_digests
        self._cpus = cpus
        self._defaults = {name: default_resources(language, cpus) for name, language in languages.items()}
        self._images = ImageCache(self._list_images)
        self._pool = self._create_pool(pool_floor, pool_ceiling, default_set(languages).keys())

    @abstractmethod
    def _create_pool(self, floor: int, ceiling: int, always_warm: Collection[str]) -> Pool[C]:
        """Create the pool. The attributes of this class are set."""

    @abstractmethod
    def _acquire_container(self, language: str, stages: StageResources, caller: str | None) -> C:
        """Return a container for a job, in which the runner is ready."""

    @abstractmethod
    def _release_container(self, language: str, session: RunnerSession, *, has_failed: bool) -> None:
        """Close the container after a job, or keep it for another one."""

    @abstractmethod
    def _start_container(self, image: InstalledImage, resources: ContainerResources, labels: dict[str, str]) -> C:
        """Create a container and wait until it is ready."""

    def start(self) -> None:
        """Start filling the pool."""
        self._pool.start()

    def stop(self) -> None:
        """Close the idle containers."""
        self._pool.stop()

    def run(
        self,
        job_id: str,
        attempt: int,
        spec: JobSpec,
        sink: Sink,
        inbox: Inbox,
        on_acquired: Callable[[], None] = lambda: None,
        caller: str | None = None,
        budget: JobBudget | None = None,
    ) -> SandboxReport:
        """Run a job and return its result.

        Args:
            job_id: For the log only, like ``attempt``.
            spec: The checked job. With ``compile_only``, only its compile phase runs; if its language has none, the
                report has no phase, and no container is acquired.
            sink: Receives phases and output while the job runs.
            inbox: Supplies stdin, signals, terminal sizes and the request to cancel.
            on_acquired: Called when the container is ready, before anything of the job is sent to it.
            caller: The account that submitted the job.
            budget: The budget that it shares with other sandboxes. Default: one with the ``total_limits`` of the job.

        Raises:
            ImageMissing: The image of the language is not on this engine.
            SandboxUnavailable: The host could not provide the container for the job, or for its program after the
                compile phase.
            InfrastructureError: The job could not run, or its end is not known. If `on_acquired` was not called, no
                container could be launched.
        """
        language = self._languages.get(spec.language)
        if language is None:
            raise ImageMissing(f"language {spec.language} is not in the catalogue of this worker")
        if spec.compile_only and not is_compiled(spec, language):
            return SandboxReport(phases=(), version=None)
        resources = resources_by_stage(spec, language, self._cpus)
        with span("container take"):
            container = self._acquire_container(spec.language, resources, caller)
        _log.info("sandbox_taken", job_id=job_id, attempt=attempt, container=container.id[:12])
        session = RunnerSession(
            container,
            spec,
            language,
            sink,
            inbox,
            resources.program,
            lambda program: self._launch_for_program(spec.language, program),
            budget,
        )
        try:
            on_acquired()
            report = self._run_session(session)
        except BaseException:
            session.container.discard()
            self._release_container(spec.language, session, has_failed=True)
            raise
        self._release_container(spec.language, session, has_failed=False)
        return report

    def _run_session(self, session: RunnerSession) -> SandboxReport:
        try:
            return session.run()
        except (OwnershipLost, SandboxUnavailable):
            raise
        except InfrastructureError as e:
            if session.container.is_ready:
                raise
            # Nothing of the job has run. As after a failed launch, it waits for another container and uses no retry.
            self._record_failure(e)
            raise SandboxUnavailable(str(e)) from e

    def compilation_key(self, spec: JobSpec) -> str | None:
        """Return a digest of the image of a job and of the frames that describe its compile phase.

        None if the job has no compile phase or its image is not installed.
        """
        language, image = self._languages.get(spec.language), self._images.read().get(spec.language)
        if language is None or image is None or not is_compiled(spec, language):
            return None
        digest = hashlib.sha256(image.image_id.encode())
        for frame in plan_execution(msgspec.structs.replace(spec, compile_only=True), language).encode():
            digest.update(frame)
        return digest.hexdigest()

    def installed(self) -> Sequence[LanguageInfo]:
        """Return the languages whose image is on this engine, by id, with version and size of the image."""
        images = self._images.read()
        return [
            msgspec.structs.replace(
                self._languages[name].info(image.version), image=image.tag, image_bytes=image.size_bytes
            )
            for name, image in sorted(images.items())
            if name in self._languages
        ]

    def pool_stats(self) -> Mapping[str, PoolStats]:
        """Return the statistics of the pool by language."""
        return self._pool.stats()

    def _launch_for_program(self, language: str, resources: ContainerResources) -> C:
        """Launch another container for the program of a job whose compile phase has ended."""
        return self._launch(language, resources)

    def _launch(self, language: str, resources: ContainerResources) -> C:
        labels = {**self._labels, INSTALLATION_LABEL: self._read_installation()}
        try:
            container = self._launch_from_image(language, resources, labels)
        except InfrastructureError as e:
            self._record_failure(e)
            raise
        if self._availability is not None:
            self._availability.record_launch()
        return container

    def _record_failure(self, error: InfrastructureError) -> None:
        if self._availability is not None:
            self._availability.record_failure(error)

    def _launch_from_image(self, language: str, resources: ContainerResources, labels: dict[str, str]) -> C:
        image = self._images.read().get(language)
        if image is None:
            raise ImageMissing(f"image of language {language} is not on this engine")
        started_at = time.monotonic()
        try:
            with span("container start"):
                container = self._start_container(image, resources, labels)
        except ImageMissing:
            self._images.invalidate()
            raise
        self._pool.record_launch(language, time.monotonic() - started_at)
        return container

    def _list_images(self) -> dict[str, InstalledImage]:
        client = self._engine.docker_client
        digests = None if self._read_image_digests is None else self._read_image_digests(client)
        installed = installed_images(client, digests)
        return {name: image for name, image in installed.items() if name in self._languages}


class ContainerSandbox(PooledSandbox[Container]):
    """Runs each job in its own container."""

    def _create_pool(self, floor: int, ceiling: int, always_warm: Collection[str]) -> Pool[Container]:
        return Pool(self._launch_default, self._images.read, floor, ceiling, always_warm=always_warm)

    def _acquire_container(self, language: str, stages: StageResources, caller: str | None) -> Container:
        resources = stages.initial
        # The size of the disk is fixed at creation: a job with another size needs a new container.
        has_default_disk = resources.disk_bytes == self._defaults[language].disk_bytes
        idle = self._pool.take(language) if has_default_disk else None
        try:
            if idle is not None and self._set_resources(idle, resources):
                return idle
            return self._launch(language, resources)
        except BaseException:
            self._pool.refill()
            raise

    def _release_container(self, language: str, session: RunnerSession, *, has_failed: bool) -> None:
        session.container.close()
        self._pool.refill()

    def _launch_default(self, language: str) -> Container:
        return self._launch(language, self._defaults[language])

    def _set_resources(self, idle: Container, resources: ContainerResources) -> bool:
        """Change the resources of an idle container. Discard it and return False if this is not possible."""
        try:
            is_ready = idle.update_resources(resources) is UpdateResult.APPLIED and idle.is_alive()
        except InfrastructureError as e:
            idle.discard()
            self._record_failure(e)
            raise
        if not is_ready:
            idle.discard()
        return is_ready

    def _start_container(
        self, image: InstalledImage, resources: ContainerResources, labels: dict[str, str]
    ) -> Container:
        (uid,) = choose_uids(1)
        return Container.launch(self._engine, ContainerSpec(image, resources, labels, self._runtime, uid))


def choose_uids(count: int) -> Sequence[int]:
    """Return different user ids for a container, chosen at random.

    They need not be secret. Two containers with the same one only share the kernel's limits per user.
    """
    return random.sample(SANDBOX_UIDS, count)

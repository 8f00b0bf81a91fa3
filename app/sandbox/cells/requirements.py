"""The requirements that a host must meet to run cells, checked by creating one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from app.core.errors import EngineUnavailable, InfrastructureError, UnsupportedEngine
from app.core.limits import LimitOverrides, resolve_limits
from app.sandbox.cells.cell import Cell, CellSpec
from app.sandbox.engine.client import Engine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.images.digests import ImageDigests
from app.sandbox.images.installed import InstalledImage, installed_images
from app.sandbox.resources import ContainerResources, maximum_resources
from app.sandbox.template import LABEL, SANDBOX_UIDS, WORKER_LABEL

__all__ = ["CellProperties", "check_cell_requirements"]

# If the cell is not removed, the reaper finds no worker with this name and removes it.
_WORKER = "cell-check"


@dataclass(frozen=True)
class CellProperties:
    """What a cell on this host can do.

    Attributes:
        launch_seconds: Time of the creation of the cell.
        job_seconds: Time of the creation and the removal of a job in it.
        cgroup_version: 1 or 2 if each job can have limits of its own, 0 if a cell serves only jobs with its own limits.
        has_job_user_namespaces: Whether each job has a user namespace of its own, below that of the cell.
        has_apparmor: Whether the host uses AppArmor, with the profile in deploy/apparmor.
    """

    launch_seconds: float
    job_seconds: float
    cgroup_version: int
    has_job_user_namespaces: bool
    has_apparmor: bool


def check_cell_requirements(
    docker_host: str, runtime: str, timeout_seconds: float, namespace: str, digests: ImageDigests
) -> CellProperties | None:
    """Create a cell, and a job in it that runs no program.

    Args:
        docker_host: Address of the engine, as in DOCKER_HOST.
        runtime: OCI runtime of the sandboxes. Empty for the engine's default.
        timeout_seconds: Time-out of each request.
        namespace: Namespace of the installation.
        digests: Digests of the images of this checkout.

    Returns:
        The properties of the cell. None if the engine has no language image, so that nothing can be tried.

    Raises:
        UnsupportedEngine: The host cannot run cells. The message states the reason and what to do.
        EngineUnavailable: The engine does not answer, which may be temporary.
    """
    with closing(Engine(docker_host, timeout_seconds)) as engine:
        images = installed_images(engine.docker_client, digests.read(engine.docker_client))
        if not images:
            return None
        try:
            return _try_cell(engine, images, runtime, {LABEL: namespace, WORKER_LABEL: _WORKER})
        except EngineUnavailable as e:
            if not isinstance(e.__cause__, EngineResponseError):
                raise
            raise _unsupported(e) from e
        except InfrastructureError as e:
            raise _unsupported(e) from e


def _try_cell(
    engine: Engine, images: Mapping[str, InstalledImage], runtime: str, labels: dict[str, str]
) -> CellProperties:
    has_apparmor = engine.has_apparmor()
    image = images[min(images)]
    spec = CellSpec(image, maximum_resources(cpus=1.0), labels, runtime, SANDBOX_UIDS[0], SANDBOX_UIDS[1], has_apparmor)
    started_at = time.monotonic()
    cell = Cell.launch(engine, spec)
    launched_at = time.monotonic()
    try:
        resources = ContainerResources.from_limits(resolve_limits(LimitOverrides(), LimitOverrides()), cpus=1.0)
        cell.try_job(resources)
        return CellProperties(
            launch_seconds=launched_at - started_at,
            job_seconds=time.monotonic() - launched_at,
            cgroup_version=cell.cgroup_version,
            has_job_user_namespaces=cell.has_job_user_namespaces,
            has_apparmor=has_apparmor,
        )
    finally:
        cell.discard()


def _unsupported(error: InfrastructureError) -> UnsupportedEngine:
    reason = " ".join(str(error).split())
    return UnsupportedEngine(
        f"this host cannot run cells ({reason}): set PYXEC_ISOLATION=container, or see docs/operations.md for the "
        "requirements of cells"
    )

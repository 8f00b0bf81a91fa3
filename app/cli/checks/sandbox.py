"""Starts a sandbox on the engine and changes its limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Final

from app.cli.checks.finding import Finding, failed, passed, skipped, warned
from app.core.errors import InfrastructureError
from app.core.limits import LimitOverrides, resolve_limits
from app.sandbox.container import Container, ContainerSpec, UpdateResult
from app.sandbox.engine.client import Engine
from app.sandbox.images.digests import ImageDigests
from app.sandbox.images.installed import InstalledImage, installed_images
from app.sandbox.resources import ContainerResources
from app.sandbox.template import LABEL, SANDBOX_UIDS, WORKER_LABEL

__all__ = ["check_sandbox"]

# If the canary is not removed, the reaper finds no worker with this name and removes it.
_WORKER: Final = "doctor"


def check_sandbox(
    docker_host: str, timeout_seconds: float, namespace: str, runtime: str, digests: ImageDigests
) -> Iterator[Finding]:
    """Start a sandbox without a job and change its limits, as a worker does before a job.

    Args:
        docker_host: Address of the engine, as in DOCKER_HOST.
        timeout_seconds: Time-out of each request.
        namespace: Namespace of the installation.
        runtime: OCI runtime of the sandboxes; empty for the engine's default.
        digests: Digests of the images of this checkout.
    """
    with closing(Engine(docker_host, timeout_seconds)) as engine:
        try:
            images = installed_images(engine.docker_client, digests.read(engine.docker_client))
            if not images:
                yield skipped("sandbox", "the engine has no language image; build some with `pyxec images build`")
                return
            started_at = time.monotonic()
            container = Container.launch(engine, _create_spec(next(iter(images.values())), namespace, runtime))
        except InfrastructureError as e:
            yield failed("sandbox", f"does not start: {e}")
            return
        try:
            yield passed("sandbox", f"ready after {time.monotonic() - started_at:.2f} s")
            yield _check_update(container)
        finally:
            container.discard()


def _create_spec(image: InstalledImage, namespace: str, runtime: str) -> ContainerSpec:
    resources = ContainerResources.from_limits(resolve_limits(LimitOverrides(), LimitOverrides()), cpus=1.0)
    labels = {LABEL: namespace, WORKER_LABEL: _WORKER}
    return ContainerSpec(image, resources, labels, runtime, SANDBOX_UIDS[0])


def _check_update(container: Container) -> Finding:
    resources = container.spec.resources
    changed = replace(resources, memory_bytes=resources.memory_bytes // 2, processes=resources.processes - 1)
    try:
        result = container.update_resources(changed)
    except InfrastructureError as e:
        return failed("limits of a waiting sandbox", str(e))
    if result is UpdateResult.APPLIED and container.is_alive():
        return passed("limits of a waiting sandbox", "can be changed")
    return warned(
        "limits of a waiting sandbox",
        "the engine cannot change them: each job with its own limits waits for a new container. Update the OCI runtime",
    )

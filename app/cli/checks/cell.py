"""Creates a cell on the engine and a job in it."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.checks.finding import Finding, failed, passed, skipped, warned
from app.core.errors import InfrastructureError
from app.sandbox.cells.requirements import CellProperties, check_cell_requirements
from app.sandbox.images.digests import ImageDigests

__all__ = ["check_cell"]


def check_cell(
    docker_host: str, timeout_seconds: float, namespace: str, runtime: str, digests: ImageDigests, *, is_required: bool
) -> Iterator[Finding]:
    """Create a cell, and a job in it without a program, and report each property of the cell.

    Args:
        docker_host: Address of the engine, as in DOCKER_HOST.
        timeout_seconds: Time-out of each request.
        namespace: Namespace of the installation.
        runtime: OCI runtime of the sandboxes; empty for the engine's default.
        digests: Digests of the images of this checkout.
        is_required: Whether PYXEC_ISOLATION is ``cell``. Otherwise, a host without cells is not a fault.
    """
    try:
        properties = check_cell_requirements(docker_host, runtime, timeout_seconds, namespace, digests)
    except InfrastructureError as e:
        yield (
            failed("cell", str(e))
            if is_required
            else warned("cell", f"{e}. PYXEC_ISOLATION=container does not need it")
        )
        return
    if properties is None:
        yield skipped("cell", "the engine has no language image; build some with `pyxec images build`")
        return
    yield passed(
        "cell",
        f"ready after {properties.launch_seconds:.2f} s, a job in it after {properties.job_seconds * 1000:.0f} ms",
    )
    yield _describe_limits(properties)
    yield _describe_user_namespaces(properties)
    yield passed("cell AppArmor", "profile pyxec-cell" if properties.has_apparmor else "the host does not use AppArmor")


def _describe_limits(properties: CellProperties) -> Finding:
    if properties.cgroup_version:
        return passed("cell limits", f"each job has its own, with cgroup v{properties.cgroup_version}")
    return warned(
        "cell limits",
        "the cgroups are not writable for a cell: each job with other limits than the default waits for a new cell",
    )


def _describe_user_namespaces(properties: CellProperties) -> Finding:
    if properties.has_job_user_namespaces:
        return passed("cell user namespaces", "one for each job")
    return warned(
        "cell user namespaces", "one for all jobs of a cell, because the host restricts unprivileged user namespaces"
    )

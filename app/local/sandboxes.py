"""The sandboxes that are left when everything has stopped. There should be none: they end with their worker."""

from __future__ import annotations

import platform

import docker
import requests
from docker.errors import DockerException

from app.local.errors import SetupError
from app.local.state import start_ticks
from app.sandbox.template import LABEL

__all__ = ["remove_orphans"]


def remove_orphans(client: docker.APIClient, namespace: str) -> int:
    """Remove the containers of this namespace whose worker ran on this machine and is gone; return how many.

    Raises:
        SetupError: the engine refused.
    """
    try:
        containers = client.containers(all=True, filters={"label": [f"{LABEL}={namespace}"]})
        orphans = [item["Id"] for item in containers if _is_orphan(item["Labels"].get(f"{LABEL}.worker", ""))]
        for container in orphans:
            client.remove_container(container, force=True)
    except (DockerException, requests.RequestException) as e:
        raise SetupError(f"the engine does not remove sandboxes: {e}") from e
    return len(orphans)


def _is_orphan(worker: str) -> bool:
    """A worker calls itself ``host:pid:random``; those of other machines are not ours to judge."""
    host, pid, _ = (*worker.split(":", 2), "", "")[:3]
    return host == platform.node() and pid.isdecimal() and start_ticks(int(pid)) is None

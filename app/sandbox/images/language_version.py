"""The version of a language, read from its packages during the build of its image."""

from __future__ import annotations

import re
import time
from typing import Final

import docker

from app.sandbox.engine.errors import translate_engine_errors
from app.sandbox.images.catalogue import VersionProbe
from app.sandbox.images.docker_build import ImageBuildError
from app.sandbox.images.removal import PROBE_LABEL, ignore_conflict

__all__ = ["read_version"]

_TIMEOUT_SECONDS: Final = 60


def read_version(client: docker.APIClient, image: str, image_id: str, probe: VersionProbe) -> str:
    """Run the version command of a language in its image and return the version.

    Raises:
        ImageBuildError: The command failed or printed no version.
        EngineUnavailable: The engine does not answer.
    """
    status, output = _run_command(client, image_id, probe.command)
    match = re.search(probe.pattern, output)
    if status != 0 or match is None:
        raise ImageBuildError(image, f"{' '.join(probe.command)!r} printed no version (exit code {status})", output)
    return str(match.group(1))


def _run_command(client: docker.APIClient, image_id: str, command: tuple[str, ...]) -> tuple[int, str]:
    with translate_engine_errors(f"run {command[0]}"):
        container = client.create_container(
            image_id,
            list(command),
            user="10001:10001",
            network_disabled=True,
            host_config=client.create_host_config(network_mode="none", mem_limit="512m", pids_limit=128),
            # remove_superseded removes the container if this process is killed.
            labels={PROBE_LABEL: str(time.time())},
        )["Id"]
        try:
            client.start(container)
            status = int(client.wait(container, timeout=_TIMEOUT_SECONDS)["StatusCode"])
            return status, client.logs(container, stdout=True, stderr=True).decode(errors="replace")
        finally:
            with ignore_conflict():
                client.remove_container(container, force=True)

"""One image build: the engine's stream of log lines becomes progress, and its failure one readable error."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import docker
import requests
from docker.errors import DockerException

from app.core.errors import EngineUnavailable, PyxecError
from app.sandbox.images.build_context import BuildContext
from app.sandbox.images.install_progress import InstallProgress
from app.sandbox.images.language_fields import VersionProbe

__all__ = ["BuildEvent", "BuildProgress", "ImageBuildError", "build_image", "read_version"]

_LOG_TAIL_LINES = 15
# Between two pieces of the log, not for the whole build: a slow mirror may be silent for a while.
_SILENCE_SECONDS = 600
_PROBE_SECONDS = 60
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

Stage = Literal["waiting", "building", "unchanged", "built", "failed"]


@dataclass(frozen=True)
class BuildEvent:
    """Something to show: `fraction` of the work on `image` is done (0 to 1); `line` is what it does now."""

    image: str
    stage: Stage
    fraction: float = 0.0
    line: str = ""


# Called from the threads that build, one event at a time per image.
BuildProgress = Callable[[BuildEvent], None]


class ImageBuildError(PyxecError):
    """An image could not be built; the message ends with the last lines of the build's log."""

    def __init__(self, image: str, reason: str, log: str) -> None:
        super().__init__(f"cannot build the image of {image}: {reason}\n{log}")
        self.image = image


def build_image(
    client: docker.APIClient,
    image: str,
    context: BuildContext,
    progress: Callable[[float, str], None],
    *,
    arguments: Mapping[str, str],
    target: str | None = None,
    labels: Mapping[str, str] | None = None,
    tag: str | None = None,
) -> str:
    """Build one target of a Dockerfile and return the id of the image.

    The build has the host's network, as it fetches packages; jobs never do.

    Raises:
        ImageBuildError: a step failed.
        EngineUnavailable: the engine went away.
    """
    tail: deque[str] = deque(maxlen=_LOG_TAIL_LINES)
    image_id = ""
    meter = InstallProgress()
    stream = _stream(client, context, arguments=arguments, target=target, labels=labels, tag=tag)
    for message in stream:
        if "error" in message:
            raise ImageBuildError(image, str(message["error"]).strip(), "\n".join(tail))
        image_id = message.get("aux", {}).get("ID", image_id)
        for line in str(message.get("stream", "")).splitlines():
            if line.strip():
                tail.append(line.rstrip())
                progress(meter.read(line), line.strip())
    return image_id


def read_version(client: docker.APIClient, image: str, image_id: str, probe: VersionProbe) -> str:
    """Run the version command of a language in its image and return what its pattern finds.

    Raises:
        ImageBuildError: the command failed, or printed no version.
    """
    status, output = _run(client, image_id, probe.command)
    found = re.search(probe.pattern, output)
    if status != 0 or found is None:
        raise ImageBuildError(image, f"{' '.join(probe.command)!r} told no version (status {status})", output)
    return str(found.group(1))


def _stream(
    client: docker.APIClient,
    context: BuildContext,
    *,
    arguments: Mapping[str, str],
    target: str | None,
    labels: Mapping[str, str] | None,
    tag: str | None,
) -> Iterator[dict[str, Any]]:
    proxies = {name: os.environ[name] for name in _PROXY_VARIABLES if name in os.environ}
    try:
        yield from client.build(
            fileobj=context.tar(),
            custom_context=True,
            buildargs={**proxies, **arguments},
            target=target,
            labels=dict(labels or {}),
            tag=tag,
            network_mode="host",
            rm=True,
            forcerm=True,
            decode=True,
            timeout=_SILENCE_SECONDS,
        )
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine gave up on a build: {e}") from e


def _run(client: docker.APIClient, image_id: str, command: tuple[str, ...]) -> tuple[int, str]:
    try:
        host = client.create_host_config(network_mode="none", mem_limit="512m", pids_limit=128)
        container = client.create_container(
            image_id, list(command), user="10001:10001", network_disabled=True, host_config=host
        )["Id"]
        try:
            client.start(container)
            status = int(client.wait(container, timeout=_PROBE_SECONDS)["StatusCode"])
            return status, client.logs(container, stdout=True, stderr=True).decode(errors="replace")
        finally:
            client.remove_container(container, force=True)
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine could not run {command[0]!r}: {e}") from e

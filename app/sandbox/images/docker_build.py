"""One Docker image build, and the version command that runs in its result."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import docker

from app.core.errors import PyxecError
from app.sandbox.engine.errors import translate_engine_errors
from app.sandbox.images.apt_progress import AptProgress
from app.sandbox.images.build_context import BuildContext
from app.sandbox.images.catalogue import VersionProbe

__all__ = ["ImageBuildError", "build_image", "read_version"]

_LOG_TAIL_LINES: Final = 15
# Time-out for the next line of the build log, not for the whole build. A slow mirror may not answer for minutes.
_LOG_TIMEOUT_SECONDS: Final = 600
_VERSION_TIMEOUT_SECONDS: Final = 60
# Build arguments that Docker predefines for proxies (https://docs.docker.com/build/building/variables/).
_PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class ImageBuildError(PyxecError):
    """An image could not be built. The message contains the last lines of the build log.

    Attributes:
        image: The language, or ``runner``.
    """

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

    The build uses the network of the host to fetch packages. Jobs never have a network.

    Args:
        image: The language or ``runner``, for error messages.
        progress: Called with the finished fraction (0 to 1) and a line for each line of the build log.
        arguments: Build arguments. The proxy variables of this process are added.
        target: Stage of the Dockerfile. None for the last stage.

    Raises:
        ImageBuildError: A step failed.
        EngineUnavailable: The engine does not answer.
    """
    tail: deque[str] = deque(maxlen=_LOG_TAIL_LINES)
    image_id = ""
    apt_progress = AptProgress()
    for message in _stream_build(client, context, arguments=arguments, target=target, labels=labels, tag=tag):
        if "error" in message:
            raise ImageBuildError(image, str(message["error"]).strip(), "\n".join(tail))
        image_id = message.get("aux", {}).get("ID", image_id)
        for line in str(message.get("stream", "")).splitlines():
            if line.strip():
                tail.append(line.rstrip())
                progress(apt_progress.read(line), line.strip())
    return image_id


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


def _stream_build(
    client: docker.APIClient,
    context: BuildContext,
    *,
    arguments: Mapping[str, str],
    target: str | None,
    labels: Mapping[str, str] | None,
    tag: str | None,
) -> Iterator[dict[str, Any]]:
    proxies = {name: os.environ[name] for name in _PROXY_VARIABLES if name in os.environ}
    with translate_engine_errors("build image"):
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
            timeout=_LOG_TIMEOUT_SECONDS,
        )


def _run_command(client: docker.APIClient, image_id: str, command: tuple[str, ...]) -> tuple[int, str]:
    with translate_engine_errors(f"run {command[0]}"):
        host = client.create_host_config(network_mode="none", mem_limit="512m", pids_limit=128)
        container = client.create_container(
            image_id, list(command), user="10001:10001", network_disabled=True, host_config=host
        )["Id"]
        try:
            client.start(container)
            status = int(client.wait(container, timeout=_VERSION_TIMEOUT_SECONDS)["StatusCode"])
            return status, client.logs(container, stdout=True, stderr=True).decode(errors="replace")
        finally:
            client.remove_container(container, force=True)

"""One image build through the Docker Engine API, with the classic builder or with BuildKit."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import docker

from app.core.errors import PyxecError
from app.sandbox.engine.errors import EngineResponseError, translate_engine_errors
from app.sandbox.images.apt_progress import AptProgress
from app.sandbox.images.build_context import BuildContext
from app.sandbox.images.buildkit_trace import BuildKitTrace

__all__ = ["BUILDKIT", "CLASSIC_BUILDER", "ImageBuildError", "build_image", "find_builder", "read_stream_error"]

#: Values of the parameter ``version`` of ``POST /build``, and of the header ``Builder-Version`` of ``GET /_ping``.
CLASSIC_BUILDER: Final = "1"
BUILDKIT: Final = "2"

_LOG_TAIL_LINES: Final = 15
# Time-out for the next line of the build log, not for the whole build. A slow mirror may not answer for minutes.
_LOG_TIMEOUT_SECONDS: Final = 600
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


def find_builder(client: docker.APIClient) -> str:
    """Return the builder that the engine recommends: BuildKit since Docker 23.0, the classic builder before.

    An engine without the classic builder recommends BuildKit, and an engine without BuildKit does not. The engine's
    option ``features.buildkit`` changes the recommendation.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    with translate_engine_errors("ping"):
        response = client.get(f"{client.base_url}/_ping")
        return BUILDKIT if response.headers.get("Builder-Version") == BUILDKIT else CLASSIC_BUILDER


def build_image(
    client: docker.APIClient,
    image: str,
    context: BuildContext,
    progress: Callable[[float, str], None],
    *,
    builder: str,
    arguments: Mapping[str, str],
    labels: Mapping[str, str],
    tags: Sequence[str],
    target: str = "",
) -> str:
    """Build one target of a Dockerfile and return the id of the image.

    The build uses the network of the host to fetch packages. Jobs never have a network.

    BuildKit is used without a session of its protocol, hence without buildx: the context is the body of the request,
    and the base images are on the engine. A session would only provide local files and credentials of registries.

    Args:
        image: The language or ``runner``, for error messages.
        progress: Called with the finished fraction (0 to 1) and a line for each line of the build log.
        builder: CLASSIC_BUILDER or BUILDKIT.
        arguments: Build arguments. The proxy variables of this process are added.
        tags: Names of the image. The engine sets all of them at the end of the build.
        target: Stage of the Dockerfile. Empty for the last stage.

    Raises:
        ImageBuildError: A step failed.
        EngineUnavailable: The engine does not answer.
    """
    proxies = {name: os.environ[name] for name in _PROXY_VARIABLES if name in os.environ}
    parameters = [
        ("version", builder),
        ("buildargs", json.dumps({**proxies, **arguments})),
        ("labels", json.dumps(dict(labels))),
        ("target", target),
        ("networkmode", "host"),
        ("rm", "1"),
        ("forcerm", "1"),
        *(("t", tag) for tag in tags),
    ]
    tail: deque[str] = deque(maxlen=_LOG_TAIL_LINES)
    image_id = ""
    apt_progress = AptProgress()
    trace = BuildKitTrace()
    with translate_engine_errors("build image"):
        for message in _stream_build(client, context, parameters):
            if error := read_stream_error(message):
                raise ImageBuildError(image, error, "\n".join(tail))
            lines = str(message.get("stream", "")).splitlines()
            match message.get("aux"):
                case {"ID": str(built_id)}:
                    image_id = built_id
                case str(encoded):
                    lines = trace.read_lines(encoded)
            for line in lines:
                if line.strip():
                    tail.append(line.rstrip())
                    progress(apt_progress.read(line), line.strip())
    if not image_id:
        raise ImageBuildError(image, "the engine ended the build without an image", "\n".join(tail))
    return image_id


def read_stream_error(message: Mapping[str, Any]) -> str:
    """Return the error in a message of a build, pull or load, or an empty string.

    Engines before Docker 29 also send the deprecated field ``error`` (schema ``JSONMessage`` of the Engine API).
    """
    detail = message.get("errorDetail") or {}
    return str(detail.get("message") or message.get("error") or "").strip()


def _stream_build(
    client: docker.APIClient, context: BuildContext, parameters: Sequence[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    """Send ``POST /build`` and yield the messages of the response.

    The method ``build`` of docker-py supports neither BuildKit nor several tags.
    """
    with client.post(
        f"{client.base_url}/v{client.api_version}/build",
        params=parameters,
        data=context.tar(),
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=_LOG_TIMEOUT_SECONDS,
    ) as response:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise EngineResponseError(response.status_code, response.content)
        for line in response.iter_lines():
            if line.strip():
                yield json.loads(line)

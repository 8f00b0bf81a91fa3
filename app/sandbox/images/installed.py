"""The images of the languages that are on the engine.

An image is tagged ``pyxec/<language>:<digest>`` and ``pyxec/<language>:latest``. The digest covers all that decides
what is in it (the recipe, the packages, the runner's sources, the base), so that nothing is built twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import docker
import requests
from docker.errors import DockerException

from app.core.errors import EngineUnavailable

__all__ = [
    "BASE_IMAGE",
    "DIGEST_LABEL",
    "LANGUAGE_LABEL",
    "RUNNER_LABEL",
    "VERSION_LABEL",
    "InstalledImage",
    "find_images",
    "installed_images",
]

BASE_IMAGE: Final = "debian:bookworm-slim"
LANGUAGE_LABEL: Final = "org.pyxec.language"
VERSION_LABEL: Final = "org.pyxec.version"
RUNNER_LABEL: Final = "org.pyxec.runner"
DIGEST_LABEL: Final = "org.pyxec.digest"


@dataclass(frozen=True)
class InstalledImage:
    """A language as it is on the engine. `image_id` (``sha256:...``) is what containers are made from; `size_bytes`
    counts what it shares with other images, too."""

    language: str
    version: str
    runner: str
    digest: str
    image_id: str
    size_bytes: int = 0

    @property
    def tag(self) -> str:
        """Its name on the engine."""
        return f"pyxec/{self.language}:{self.digest or 'latest'}"


def installed_images(client: docker.APIClient) -> dict[str, InstalledImage]:
    """Return what is ready to run, by language.

    Raises:
        EngineUnavailable: the engine does not answer.
    """
    found = find_images(client, {"label": [LANGUAGE_LABEL], "reference": ["pyxec/*:latest"]})
    images = [_installed(summary, summary["Labels"]) for summary in found]
    return {image.language: image for image in images}


def find_images(client: docker.APIClient, filters: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Ask for images by the engine's own filters; return its summaries.

    Raises:
        EngineUnavailable: the engine does not answer.
    """
    try:
        return list(client.images(filters=dict(filters)))
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine does not answer: {e}") from e


def _installed(summary: Mapping[str, Any], labels: Mapping[str, str]) -> InstalledImage:
    return InstalledImage(
        language=labels[LANGUAGE_LABEL],
        version=labels.get(VERSION_LABEL, ""),
        runner=labels.get(RUNNER_LABEL, ""),
        digest=labels.get(DIGEST_LABEL, ""),
        image_id=summary["Id"],
        size_bytes=summary["Size"],
    )

"""The language images that are on an engine.

An image has the tags ``pyxec/<language>:<digest>`` and ``pyxec/<language>:latest``. The digest covers everything that
determines its content: the Dockerfile and scripts, the packages, the sources of the runner and the base image. Several
checkouts can use one engine: each prefers the images with the digests of its own sources.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cachetools
import docker
from docker.errors import ImageNotFound

from app.core.errors import EngineUnavailable, InfrastructureError
from app.sandbox.engine.errors import translate_engine_errors

__all__ = [
    "BASE_IMAGE",
    "BUILT_LABEL",
    "DIGEST_LABEL",
    "LANGUAGE_LABEL",
    "RUNNER_LABEL",
    "VERSION_LABEL",
    "ImageCache",
    "InstalledImage",
    "find_images",
    "installed_images",
]

BASE_IMAGE: Final = "debian:trixie-slim"
LANGUAGE_LABEL: Final = "org.pyxec.language"
VERSION_LABEL: Final = "org.pyxec.version"
RUNNER_LABEL: Final = "org.pyxec.runner"
DIGEST_LABEL: Final = "org.pyxec.digest"
#: Unix time of the build in seconds, by the clock of the builder. The intermediate images have the label as well.
BUILT_LABEL: Final = "org.pyxec.built"
_MAX_AGE_SECONDS: Final = 10.0
_CACHED_SIZES: Final = 256
_NO_TAG: Final = "<none>:<none>"


@dataclass(frozen=True)
class InstalledImage:
    """One language image on an engine.

    Attributes:
        language: Id of the language.
        version: Version that the language's command printed during the build.
        runner: Digest of the runner's sources.
        digest: Digest of everything that determines the content.
        image_id: ``sha256:...``, from which containers are created.
        size_bytes: Size including layers that are shared with other images.
    """

    language: str
    version: str
    runner: str
    digest: str
    image_id: str
    size_bytes: int = 0

    @property
    def tag(self) -> str:
        """Name and digest tag of the image."""
        return f"pyxec/{self.language}:{self.digest or 'latest'}"


def installed_images(client: docker.APIClient, digests: Mapping[str, str] | None = None) -> dict[str, InstalledImage]:
    """Return the current image of each language that has one, by language.

    The current image is the one with the digest of the checkout, otherwise the one with the tag ``latest``. While the
    engine moves the tag, its list can contain the tag twice or not at all; then it is the image that was built last.

    Args:
        digests: Digests of the images of the checkout, by language.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    # A build sets this label last: with the classic builder, the images of its steps have only the earlier ones.
    summaries = [
        summary
        for summary in find_images(client, {"label": [VERSION_LABEL], "reference": ["pyxec/*"]})
        # If containerd stores the images, the list contains an image without its labels while it is deleted.
        if LANGUAGE_LABEL in summary["Labels"]
    ]
    summaries.sort(key=lambda summary: _read_priority(summary, digests or {}))
    current = {summary["Labels"][LANGUAGE_LABEL]: summary for summary in summaries}
    images = {}
    for language, summary in current.items():
        # Not found: the image was removed after the list was read.
        with translate_engine_errors("read image history"), contextlib.suppress(ImageNotFound):
            images[language] = _parse_summary(summary, summary["Labels"], _read_size(client, summary["Id"]))
    return images


def find_images(client: docker.APIClient, filters: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return the engine's summaries of all images that match. ``RepoTags`` and ``Labels`` can be empty.

    Args:
        filters: Filters of ``GET /images/json`` in the Docker Engine API.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    with translate_engine_errors("list images"):
        summaries: list[dict[str, Any]] = client.images(filters=dict(filters))
    for summary in summaries:
        # Before API 1.43, an image without tags has the tag <none>:<none>.
        summary["RepoTags"] = [tag for tag in summary["RepoTags"] or () if tag != _NO_TAG]
        summary["Labels"] = summary["Labels"] or {}
    return summaries


class ImageCache:
    """Caches the list of images for a few seconds. Safe to use from many threads.

    At most one thread queries the engine, which may hang. Meanwhile, the other threads use the old list. If there is no
    list yet, they wait and share the result, which may be an error.

    Args:
        list_images: Queries the engine.
    """

    def __init__(self, list_images: Callable[[], Mapping[str, InstalledImage]]) -> None:
        self._list_images = list_images
        self._images: Mapping[str, InstalledImage] | None = None
        self._updated_at = float("-inf")
        self._error: InfrastructureError | None = None
        self._failed_at = float("-inf")
        self._query_lock = threading.Lock()

    def read(self) -> Mapping[str, InstalledImage]:
        """Return the images by language, at most 10 seconds old unless the engine is slow.

        Raises:
            InfrastructureError: The engine does not answer.
        """
        images, started_at = self._images, time.monotonic()
        if images is not None and (self._is_fresh() or not self._query_lock.acquire(blocking=False)):
            return images
        if images is None:
            self._query_lock.acquire()
        try:
            return self._update(started_at)
        finally:
            self._query_lock.release()

    def invalidate(self) -> None:
        """Query the engine at the next ``read``, because an image in the list does not exist."""
        self._updated_at = float("-inf")

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._updated_at < _MAX_AGE_SECONDS

    def _update(self, started_at: float) -> Mapping[str, InstalledImage]:
        if self._images is not None and self._is_fresh():
            return self._images
        if self._error is not None and self._failed_at >= started_at:
            raise EngineUnavailable(str(self._error)) from self._error
        try:
            self._images = self._list_images()
        except InfrastructureError as e:
            self._error, self._failed_at = e, time.monotonic()
            raise
        self._updated_at = time.monotonic()
        return self._images


def _read_priority(summary: Mapping[str, Any], digests: Mapping[str, str]) -> tuple[bool, bool, float]:
    labels = summary["Labels"]
    language, digest = labels[LANGUAGE_LABEL], labels.get(DIGEST_LABEL)
    is_own = digest is not None and digest == digests.get(language)
    return is_own, f"pyxec/{language}:latest" in summary["RepoTags"], float(labels.get(BUILT_LABEL, 0))


@cachetools.cached(cachetools.LRUCache(_CACHED_SIZES), key=lambda client, image_id: image_id, lock=threading.Lock())
def _read_size(client: docker.APIClient, image_id: str) -> int:
    """Return the sum of the sizes of all layers in bytes.

    The field ``Size`` in the list of images also counts the compressed layers if containerd stores the images.
    """
    layers: Any = client.history(image_id)  # type: ignore[no-untyped-call]
    return sum(int(layer["Size"]) for layer in layers)


def _parse_summary(summary: Mapping[str, Any], labels: Mapping[str, str], size_bytes: int) -> InstalledImage:
    return InstalledImage(
        language=labels[LANGUAGE_LABEL],
        version=labels.get(VERSION_LABEL, ""),
        runner=labels.get(RUNNER_LABEL, ""),
        digest=labels.get(DIGEST_LABEL, ""),
        image_id=summary["Id"],
        size_bytes=size_bytes,
    )

"""The digests of the language images of a checkout."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from app.core.errors import ImageMissing
from app.sandbox.engine.errors import translate_engine_errors
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import Language
from app.sandbox.images.installed import BASE_IMAGE

__all__ = ["ImageDigests", "read_base_image", "read_layers_digest"]


def read_base_image() -> str:
    """Return the base of the language images: the environment variable ``PYXEC_BASE_IMAGE`` or Debian 13."""
    return os.environ.get("PYXEC_BASE_IMAGE") or BASE_IMAGE


def read_layers_digest(client: docker.APIClient, reference: str) -> str:
    """Return a digest of the content of an image. Its id differs between the image stores of Docker.

    Raises:
        ImageMissing: The image is not on the engine.
        EngineUnavailable: The engine does not answer.
    """
    with translate_engine_errors("inspect image"):
        try:
            layers = client.inspect_image(reference)["RootFS"]["Layers"]  # type: ignore[no-untyped-call]
        except ImageNotFound as e:
            raise ImageMissing(f"base image {reference} is not on the engine") from e
    return hashlib.sha256("\n".join(layers).encode()).hexdigest()


class ImageDigests:
    """Computes the digests of the language images of a checkout. Safe to use from many threads.

    Several checkouts can build images on one engine. Each uses those with its own digests.

    Args:
        languages: The catalogue, by id.
        sources: Sources of the images.
        base: Image with Debian on which all images are based.
    """

    def __init__(self, languages: Mapping[str, Language], sources: ImageSources, base: str) -> None:
        self._languages = languages
        self._sources = sources
        self._base = base
        self._computed: tuple[str, dict[str, str]] | None = None

    @classmethod
    def from_repository(cls, root: Path, languages: Mapping[str, Language]) -> ImageDigests:
        """Create the digests of the sources below ``root``, on the base image of the environment."""
        return cls(languages, ImageSources.from_repository(root), read_base_image())

    def read(self, client: docker.APIClient) -> Mapping[str, str]:
        """Return the digests by language. Without the base image on the engine, there are none.

        Raises:
            EngineUnavailable: The engine does not answer.
        """
        try:
            base_id = read_layers_digest(client, self._base)
        except ImageMissing:
            return {}
        if self._computed is None or self._computed[0] != base_id:
            runner = self._sources.runner_context(base_id).digest
            contexts = {
                name: self._sources.language_context(language, base_id, runner)
                for name, language in self._languages.items()
            }
            self._computed = base_id, {name: context.digest for name, context in contexts.items()}
        return self._computed[1]

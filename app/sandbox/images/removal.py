"""Removes images: those of a language, and those that a newer build has superseded."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import docker
from docker.errors import APIError, ImageNotFound

from app.sandbox.engine.errors import translate_engine_errors
from app.sandbox.images.installed import (
    DIGEST_LABEL,
    LANGUAGE_LABEL,
    RUNNER_LABEL,
    VERSION_LABEL,
    find_images,
    installed_images,
)

__all__ = ["remove_images", "remove_superseded"]

_RUNNER_REPOSITORY: Final = "pyxec/runner"
# A newer runner image may be needed by another build that is in progress on this engine.
_RUNNER_MIN_AGE_SECONDS: Final = 3600
_LABELS: Final = (DIGEST_LABEL, LANGUAGE_LABEL, RUNNER_LABEL, VERSION_LABEL)


def remove_images(client: docker.APIClient, languages: Iterable[str]) -> list[str]:
    """Remove all images of some languages.

    Running jobs are not affected: an image in use loses its tags and is deleted by the next removal.

    Returns:
        The languages that had an image.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    removed = []
    for language in languages:
        tags = [tag for image in find_images(client, {"reference": [f"pyxec/{language}"]}) for tag in _tags(image)]
        for tag in tags:
            _untag(client, tag)
        removed += [language] if tags else []
    _prune(client)
    return removed


def remove_superseded(client: docker.APIClient, languages: Iterable[str]) -> None:
    """Remove the images of some languages except the current ones, and runner images that no language uses.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    installed = installed_images(client)
    for language in languages:
        for image in find_images(client, {"reference": [f"pyxec/{language}"]}):
            if language in installed and image["Id"] != installed[language].image_id:
                _untag_all(client, image)
    runners = {f"{_RUNNER_REPOSITORY}:{image.runner}" for image in installed.values()}
    for image in find_images(client, {"reference": [_RUNNER_REPOSITORY]}):
        if not runners.intersection(_tags(image)) and image["Created"] < time.time() - _RUNNER_MIN_AGE_SECONDS:
            _untag_all(client, image)
    _prune(client)


def _tags(image: dict[str, Any]) -> list[str]:
    return [str(tag) for tag in image["RepoTags"] or ()]


def _untag_all(client: docker.APIClient, image: dict[str, Any]) -> None:
    for tag in _tags(image):
        _untag(client, tag)


def _untag(client: docker.APIClient, tag: str) -> None:
    """Remove a tag. The engine deletes an image with its last tag, unless a container uses it."""
    # Not found: another process has removed it.
    with translate_engine_errors(f"remove image {tag}"), contextlib.suppress(ImageNotFound):
        client.remove_image(tag, force=True)


def _prune(client: docker.APIClient) -> None:
    """Delete untagged language images that no container uses.

    A build in progress is not affected: the builder adds each label in a step of its own and tags the image after the
    last one, so that only the image of the last step has all labels.
    """
    with translate_engine_errors("prune images"):
        try:
            client.prune_images(filters={"dangling": True, "label": [*_LABELS]})  # type: ignore[no-untyped-call]
        except APIError as e:
            # Conflict: another prune is in progress. The next removal deletes what remains.
            if e.status_code != HTTPStatus.CONFLICT:
                raise

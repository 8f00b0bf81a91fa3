"""Images that are no longer wanted: those of a language, and those that a newer build took the place of."""

from __future__ import annotations

import time
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound

from app.core.errors import EngineUnavailable
from app.sandbox.images.installed import LANGUAGE_LABEL, find_images, installed_images

__all__ = ["remove_images", "remove_superseded"]

_RUNNER_REPOSITORY: Final = "pyxec/runner"
# A young one may be what another build on this engine waits for.
_RUNNER_KEPT_SECONDS: Final = 3600


def remove_images(client: docker.APIClient, languages: Iterable[str]) -> list[str]:
    """Remove every image of these languages; return those that had one. A job that runs is not disturbed: its image
    only loses its name, and goes with the next removal.

    Raises:
        EngineUnavailable: the engine does not answer.
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
    """Remove what is not the latest image of these languages, and old runners that no installed image has.

    Raises:
        EngineUnavailable: the engine does not answer.
    """
    installed = installed_images(client)
    for language in languages:
        for image in find_images(client, {"reference": [f"pyxec/{language}"]}):
            if language in installed and image["Id"] != installed[language].image_id:
                _untag_all(client, image)
    runners = {f"{_RUNNER_REPOSITORY}:{image.runner}" for image in installed.values()}
    for image in find_images(client, {"reference": [_RUNNER_REPOSITORY]}):
        if not runners.intersection(_tags(image)) and image["Created"] < time.time() - _RUNNER_KEPT_SECONDS:
            _untag_all(client, image)
    _prune(client)


def _tags(image: dict[str, Any]) -> list[str]:
    return [str(tag) for tag in image["RepoTags"] or ()]


def _untag_all(client: docker.APIClient, image: dict[str, Any]) -> None:
    for tag in _tags(image):
        _untag(client, tag)


def _untag(client: docker.APIClient, tag: str) -> None:
    """The last name of an image takes the image with it, unless a container still needs it."""
    try:
        client.remove_image(tag, force=True)
    except ImageNotFound:
        pass  # somebody else was faster
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine does not remove {tag}: {e}") from e


def _prune(client: docker.APIClient) -> None:
    """Take away nameless images of ours that no container needs any more. What a build has made so far is safe: it
    carries this label only from its last step on, when it gets its name."""
    try:
        client.prune_images(filters={"dangling": True, "label": [LANGUAGE_LABEL]})  # type: ignore[no-untyped-call]
    except APIError as e:
        if e.status_code != HTTPStatus.CONFLICT:
            raise EngineUnavailable(f"the engine does not prune its images: {e}") from e
        # Somebody else prunes at this moment; what is left over now goes next time.
    except (DockerException, requests.RequestException) as e:
        raise EngineUnavailable(f"the engine does not prune its images: {e}") from e

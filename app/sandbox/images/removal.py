"""Removes images: those of a language, and those that a newer build has superseded.

Several builders may use one engine. None of them may remove an image that another one is building, or has built and is
using. Therefore, only old images are removed, except at the request of an operator. The age of an image is that of its
label BUILT_LABEL, which every build sets anew. The field ``Created`` is older if the image comes from a build cache.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import docker
from docker.errors import APIError, ImageNotFound

from app.sandbox.engine.errors import translate_engine_errors
from app.sandbox.images.installed import (
    BUILT_LABEL,
    DIGEST_LABEL,
    LANGUAGE_LABEL,
    RUNNER_LABEL,
    VERSION_LABEL,
    find_images,
)

__all__ = [
    "MIN_AGE_SECONDS",
    "PACKAGES_TAG_PREFIX",
    "PROBE_LABEL",
    "ignore_conflict",
    "read_age",
    "remove_image_tag",
    "remove_images",
    "remove_superseded",
]

#: Images that are younger may belong to a build in progress. The longest builds take half an hour.
MIN_AGE_SECONDS: Final = 3 * 3600.0

#: Label of the containers that read a version: the Unix time of their creation. Containers inherit BUILT_LABEL.
PROBE_LABEL: Final = "org.pyxec.version-probe"
#: The tags of the packages stage start with this. The image exists during the build of its language.
PACKAGES_TAG_PREFIX: Final = "packages-"

_RUNNER_REPOSITORY: Final = "pyxec/runner"
_FINAL_LABELS: Final = {BUILT_LABEL, DIGEST_LABEL, LANGUAGE_LABEL, RUNNER_LABEL, VERSION_LABEL}


def remove_images(client: docker.APIClient, languages: Iterable[str]) -> list[str]:
    """Remove all images of some languages, of any age.

    Running jobs are not affected: an image in use loses its tags and is deleted by the next removal.

    Returns:
        The languages that had an image.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    removed = []
    for language in languages:
        images = find_images(client, {"reference": [f"pyxec/{language}"]})
        tags = [tag for image in images if not _is_building(image) for tag in image["RepoTags"]]
        for tag in tags:
            remove_image_tag(client, tag)
        removed += [language] if tags else []
        # Images that a container used during an earlier removal, or whose tags were given to a newer image.
        _remove_untagged(client, f"{LANGUAGE_LABEL}={language}", lambda image: image["Labels"].keys() >= _FINAL_LABELS)
    return removed


def remove_superseded(client: docker.APIClient, digests: Mapping[str, str]) -> None:
    """Remove old images of some languages except the current ones, and old intermediate images of all builds.

    Args:
        digests: Digests of the images of this checkout, by language. They are kept, and so are the images with the tag
            ``latest``, which another checkout may have built.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    for language, digest in digests.items():
        images = find_images(client, {"reference": [f"pyxec/{language}"]})
        for image in images:
            if {f"pyxec/{language}:latest", f"pyxec/{language}:{digest}"}.isdisjoint(image["RepoTags"]):
                _delete_if_old(client, image)
    runners = {image["Labels"].get(RUNNER_LABEL) for image in find_images(client, {"reference": ["pyxec/*:latest"]})}
    for image in find_images(client, {"reference": [_RUNNER_REPOSITORY]}):
        if not runners.intersection(tag.rpartition(":")[2] for tag in image["RepoTags"]):
            _delete_if_old(client, image)
    _remove_untagged(client, BUILT_LABEL, _is_old)
    _remove_old_containers(client)


def read_age(item: Mapping[str, Any], label: str = BUILT_LABEL) -> float:
    """Return the age of an image or container in seconds. Without a valid label, it is infinite.

    Args:
        item: Summary of the Docker Engine API, with the field ``Labels``.
        label: Label with the Unix time of the creation.
    """
    try:
        return time.time() - float((item["Labels"] or {})[label])
    except (KeyError, ValueError):
        return float("inf")


def remove_image_tag(client: docker.APIClient, tag: str) -> None:
    """Remove a tag. The engine deletes an image with its last tag, unless a container uses it.

    Raises:
        EngineUnavailable: The engine does not answer.
    """
    # Not found: another process has removed it.
    with translate_engine_errors(f"remove image {tag}"), contextlib.suppress(ImageNotFound):
        client.remove_image(tag, force=True)


def _is_old(image: Mapping[str, Any]) -> bool:
    return read_age(image) > MIN_AGE_SECONDS


def _is_building(image: Mapping[str, Any]) -> bool:
    """Return whether the image is the packages stage of a build that may be in progress."""
    return not _is_old(image) and any(
        tag.rpartition(":")[2].startswith(PACKAGES_TAG_PREFIX) for tag in image["RepoTags"]
    )


def _delete_if_old(client: docker.APIClient, image: Mapping[str, Any]) -> None:
    """Delete an image with all its tags. If a running container uses it, a later build deletes it."""
    if _is_old(image):
        # By id: another builder may have given the tag to a new image since the list was read.
        with translate_engine_errors("remove image"), ignore_conflict():
            client.remove_image(image["Id"], force=True)


def _remove_untagged(client: docker.APIClient, label: str, is_removable: Callable[[Mapping[str, Any]], bool]) -> None:
    """Delete the untagged images with a label that no container uses."""
    for image in find_images(client, {"dangling": ["true"], "label": [label]}):
        if is_removable(image):
            with translate_engine_errors("remove image"), ignore_conflict():
                client.remove_image(image["Id"])


def _remove_old_containers(client: docker.APIClient) -> None:
    """Remove containers of builders that were killed while they read a version."""
    with translate_engine_errors("remove container"):
        for container in client.containers(all=True, filters={"label": PROBE_LABEL}):
            if read_age(container, PROBE_LABEL) > MIN_AGE_SECONDS:
                with ignore_conflict():
                    client.remove_container(container["Id"], force=True)


@contextlib.contextmanager
def ignore_conflict() -> Iterator[None]:
    """Ignore that an image or container is in use, or that another process has removed it."""
    try:
        yield
    except APIError as e:
        if e.status_code not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise

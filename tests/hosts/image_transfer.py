"""Transfer of images from the engine of this machine to another engine."""

from __future__ import annotations

import contextlib
import sys

import docker

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker

__all__ = ["transfer_images"]

_TIMEOUT_SECONDS = 600


def transfer_images(engine: docker.APIClient, *images: str) -> None:
    """Transfer the images that the engine does not have. An image with several names is sent once."""
    with contextlib.closing(connect_docker(engine_host(), _TIMEOUT_SECONDS)) as source:
        for image in images:
            image_id = source.inspect_image(image)["Id"]
            if not _has_image(engine, image_id):
                sys.stderr.write(f"transferring {image}\n")
                with contextlib.closing(source.get_image(image)) as archive:
                    for _ in engine.load_image(archive):
                        pass
            engine.tag(image_id, *image.split(":"))


def _has_image(engine: docker.APIClient, image_id: str) -> bool:
    try:
        engine.inspect_image(image_id)
    except docker.errors.ImageNotFound:
        return False
    return True

"""Images of this machine's engine for the engines of others, which keep them for the next time."""

from __future__ import annotations

import contextlib
import sys

import docker

__all__ = ["hand_over"]

_PATIENCE_SECONDS = 600


def hand_over(engine: docker.APIClient, *images: str) -> None:
    """Each of them, unless it is there already. One that several names stand for is sent once."""
    with contextlib.closing(docker.APIClient(version="auto", timeout=_PATIENCE_SECONDS)) as source:
        for image in images:
            image_id = source.inspect_image(image)["Id"]
            if not _has(engine, image_id):
                sys.stderr.write(f"handing over {image}\n")
                with contextlib.closing(source.get_image(image)) as archive:
                    for _ in engine.load_image(archive):
                        pass
            engine.tag(image_id, *image.split(":"))


def _has(engine: docker.APIClient, image_id: str) -> bool:
    try:
        engine.inspect_image(image_id)
    except docker.errors.ImageNotFound:
        return False
    return True

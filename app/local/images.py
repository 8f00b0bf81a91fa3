"""Images of this machine: `python -m app.local.images` builds the missing ones; `--base` only provides their base."""

from __future__ import annotations

import argparse
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from docker.utils import parse_repository_tag
from rich.console import Console

from app.config import ConfigurationError, read_language_folders
from app.local.console import SetupError, Step, Steps, exit_on_error
from app.local.engine import engine_host, ensure_engine
from app.local.packages import PACKAGES, find_install_obstacle, find_program, install_packages
from app.local.state import StateFolder, tail
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.build import BuildEvent, ensure_images
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import Language, default_set, load_languages
from app.sandbox.images.digests import read_base_image
from app.sandbox.images.docker_build import read_stream_error
from app.sandbox.images.installed import installed_images

__all__ = [
    "LanguageSelector",
    "default_and_installed",
    "ensure_base_image",
    "load_catalogue",
    "prepare_engine_and_images",
]

LanguageSelector = Callable[[docker.APIClient, Mapping[str, Language]], Mapping[str, Language]]
"""Selects the languages to build from the catalogue. The client lists the installed images."""

# Images that can be built from Debian packages.
_DEBIAN_IMAGE = re.compile(r"debian:([a-z]+)-slim")
# A firewall that drops packets sends no error. If a registry is silent for this time, there is none.
_REGISTRY_SECONDS = 10
_PULL_SECONDS = 180
# Ubuntu does not trust the keys of Debian.
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_MMDEBSTRAP = (
    "mmdebstrap",
    "--variant=minbase",
    f"--keyring={_KEYRING}",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/lintian/*",
    # A build that is interrupted leaves no image.
    "--dpkgopt=force-unsafe-io",
    '--aptopt=Acquire::Languages "none"',
)
# mmdebstrap prints a line with this prefix at the start of each stage.
_STAGE_PREFIX = "I: "
_STAGES = 15
# The log of a container shows no progress bar. A build of five minutes prints ten lines.
_PRINT_EVERY = 0.1


def load_catalogue() -> dict[str, Language]:
    """Return the languages of Pyxec and of the folders in ``PYXEC_LANGUAGES``.

    Raises:
        SetupError: The variable is invalid.
        app.sandbox.images.catalogue.CatalogueError: A language file is invalid.
    """
    try:
        return load_languages(*read_language_folders())
    except ConfigurationError as e:
        raise SetupError(str(e)) from e


def default_and_installed(client: docker.APIClient, catalogue: Mapping[str, Language]) -> Mapping[str, Language]:
    """Select the default languages and the installed ones, whose images must be rebuilt when the runner changes."""
    installed = installed_images(client)
    return default_set(catalogue) | {name: catalogue[name] for name in catalogue if name in installed}


def prepare_engine_and_images(
    root: Path, state: StateFolder, steps: Steps, select: LanguageSelector = default_and_installed
) -> docker.APIClient:
    """Start the engine if necessary, and build the missing and outdated images of the selected languages.

    Raises:
        app.core.errors.PyxecError: The engine cannot be started, or a build failed.
    """
    client = _prepare_engine_and_base(state, steps)
    languages = select(client, load_catalogue())
    images = ensure_images(
        client,
        languages.values(),
        ImageSources.from_repository(root),
        _BuildProgress(steps).show,
        base=read_base_image(),
    )
    with steps.step("languages") as step:
        step.outcome = ", ".join(f"{image.language} {image.version}" for image in images.values())
    return client


def ensure_base_image(client: docker.APIClient, state: StateFolder, step: Step) -> None:
    """Pull the base image of all images. If no registry responds, build it from Debian packages.

    Raises:
        SetupError: The image can neither be pulled nor built.
    """
    image = read_base_image()
    if _has_image(client, image):
        step.outcome = f"{image}, was installed"
    elif _pull(client, image, step):
        step.outcome = f"{image}, pulled"
    else:
        _bootstrap(client, image, state, step)
        step.outcome = f"{image}, built from Debian packages"


class _BuildProgress:
    """Shows the events of the image builder, one step for each image."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._steps_by_image: dict[str, Step] = {}

    def show(self, event: BuildEvent) -> None:
        match event.stage:
            case "building":
                self._step(event.image).advance(event.fraction, event.line)
            case "built":
                self._step(event.image).succeed(event.line)
            case "failed":
                self._step(event.image).fail()
            case "waiting" | "unchanged":
                pass

    def _step(self, image: str) -> Step:
        if image not in self._steps_by_image:
            self._steps_by_image[image] = self._steps.start(f"image {image}", _PRINT_EVERY)
        return self._steps_by_image[image]


def _prepare_engine_and_base(state: StateFolder, steps: Steps) -> docker.APIClient:
    with steps.step("Docker Engine") as step:
        client = ensure_engine(state, step)
    with steps.step("base image") as step:
        ensure_base_image(client, state, step)
    return client


def _has_image(client: docker.APIClient, image: str) -> bool:
    try:
        client.inspect_image(image)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def _pull(client: docker.APIClient, image: str, step: Step) -> bool:
    """Pull the base image. Return False after any failure."""
    repository, tag = parse_repository_tag(image)
    pulling = connect_docker(engine_host(), _REGISTRY_SECONDS)
    deadline = time.monotonic() + _PULL_SECONDS
    step.advance(0, "connecting to the image registry")
    try:
        for message in pulling.pull(repository, tag=tag, stream=True, decode=True):
            if read_stream_error(message) or time.monotonic() > deadline:
                return False
            step.advance(_pulled_fraction(message), str(message.get("status", "")))
    except (DockerException, requests.RequestException):
        return False
    finally:
        pulling.close()
    return _has_image(client, image)


def _pulled_fraction(message: dict[str, Any]) -> float:
    detail = message.get("progressDetail") or {}
    return float(detail.get("current", 0)) / float(detail.get("total") or 1)


def _bootstrap(client: docker.APIClient, image: str, state: StateFolder, step: Step) -> None:
    suite = _DEBIAN_IMAGE.fullmatch(image)
    if suite is None:
        raise SetupError(f"missing: the image {image}. It cannot be pulled, and only debian:<suite>-slim can be built")
    if find_program("mmdebstrap") is None or find_program(_KEYRING) is None:
        obstacle = find_install_obstacle()
        if obstacle:
            raise SetupError(f"missing: the image {image}. No image registry responds, and {obstacle}")
        install_packages(PACKAGES["mmdebstrap"], state.log("apt"), step)
    archive = state.path / "base.tar"
    try:
        _create_archive(suite[1], archive, state.log("mmdebstrap"), step)
        step.advance(1, "importing")
        repository, tag = parse_repository_tag(image)
        client.import_image(src=str(archive), repository=repository, tag=tag)
    except (DockerException, requests.RequestException) as e:
        raise SetupError(f"the engine cannot import the image {image}: {e}") from e
    finally:
        archive.unlink(missing_ok=True)


def _create_archive(suite: str, archive: Path, log: Path, step: Step) -> None:
    command = [*_MMDEBSTRAP, suite, str(archive)]
    with (
        log.open("w") as sink,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr is not None
        stage = 0
        for line in process.stderr:
            sink.write(line)
            if line.startswith(_STAGE_PREFIX):
                stage += 1
                step.advance(min(1.0, stage / _STAGES), line.removeprefix(_STAGE_PREFIX).strip())
    if process.returncode != 0:
        raise SetupError(f"Debian {suite} cannot be installed. End of {log}:\n{tail(log)}")


def main() -> None:
    """Prepare the engine and the images of the checkout in the current folder."""
    parser = argparse.ArgumentParser(prog="python -m app.local.images", description="Builds the missing images.")
    parser.add_argument("--base", action="store_true", help="only pull or build the base image")
    base_only = parser.parse_args().base
    root = Path.cwd()
    state = StateFolder.for_checkout(root)
    with exit_on_error(), Steps(Console()) as steps:
        if base_only:
            _prepare_engine_and_base(state, steps)
        else:
            prepare_engine_and_images(root, state, steps)


if __name__ == "__main__":
    main()

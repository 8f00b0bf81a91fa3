"""The images of this machine: `python -m app.local.images` builds what is missing. Also a step of `make up`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import docker
from rich.console import Console

from app.core.errors import PyxecError
from app.local.base_image import ensure_base
from app.local.engine import ensure_engine
from app.local.errors import exit_with
from app.local.state import StateFolder
from app.local.steps import Step, Steps
from app.sandbox.images.build import BuildEvent, ensure_images
from app.sandbox.images.build_context import ImageSources
from app.sandbox.images.catalogue import Language, default_set, load_languages
from app.sandbox.images.installed import installed_images

__all__ = ["Choice", "prepare_engine_and_images", "usual_languages"]

# Which languages of a catalogue to build, with the engine at hand that tells what is there already.
Choice = Callable[[docker.APIClient, Mapping[str, Language]], Mapping[str, Language]]


def usual_languages(client: docker.APIClient, catalogue: Mapping[str, Language]) -> Mapping[str, Language]:
    """The default set, and what somebody has built besides: an image has to keep up with the runner."""
    installed = installed_images(client)
    return default_set(catalogue) | {name: catalogue[name] for name in catalogue if name in installed}


def prepare_engine_and_images(
    root: Path, state: StateFolder, steps: Steps, choose: Choice = usual_languages
) -> docker.APIClient:
    """Bring an engine that answers, and the images of the chosen languages onto it.

    Raises:
        PyxecError: what is missing, or which build failed and how.
    """
    with steps.step("Docker Engine") as step:
        client = ensure_engine(state, step)
    with steps.step("base image") as step:
        ensure_base(client, state, step)
    languages = choose(client, load_languages(root / "languages"))
    images = ensure_images(client, languages.values(), ImageSources.from_repository(root), _Board(steps).show)
    with steps.step("languages") as step:
        step.outcome = ", ".join(f"{image.language} {image.version}" for image in images.values())
    return client


class _Board:
    """Turns the builder's events into one step for each image that is built."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._shown: dict[str, Step] = {}

    def show(self, event: BuildEvent) -> None:
        match event.stage:
            case "building":
                self._step(event.image).advance(event.fraction, event.line)
            case "built":
                self._step(event.image).done(event.line)
            case "failed":
                self._step(event.image).failed()
            case "waiting" | "unchanged":
                pass

    def _step(self, image: str) -> Step:
        if image not in self._shown:
            self._shown[image] = self._steps.begin(f"image {image}")
        return self._shown[image]


def main() -> None:
    """Build what is missing, and say so."""
    root = Path.cwd()
    try:
        with Steps(Console()) as steps:
            prepare_engine_and_images(root, StateFolder.of_repository(root), steps)
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()

"""``pyxec images``: builds, lists and removes the language images of this machine's engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.checkout import state_root
from app.resources import RESOURCES
from pyxec.cli.job_options import Json

if TYPE_CHECKING:
    import docker

    from app.sandbox.images.catalogue import Language
    from app.sandbox.images.installed import InstalledImage

__all__ = ["images"]

images = typer.Typer(help="Language images of this machine's engine.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(metavar="[LANGUAGE]...", show_default=False)]
_POLL_SECONDS: Final = 2.0

All = Annotated[bool, typer.Option("--all", help="Every language of the catalogue.")]


@images.command()
def build(names: Names = None, every: All = False, as_json: Json = False) -> None:
    """Build missing and outdated images, of the default languages or of the given ones."""
    from rich.console import Console

    from app.local.console import Steps, exit_on_error
    from app.local.images import default_and_installed, prepare_engine_and_images
    from app.local.state import StateFolder
    from pyxec.cli.json_output import print_json

    named = _select_languages(names or [], every)
    choose = (lambda client, catalogue: named) if named else default_and_installed
    with exit_on_error(), Steps(Console(stderr=as_json)) as steps:
        prepare_engine_and_images(RESOURCES, StateFolder.for_checkout(state_root()), steps, choose)
    if as_json:
        found = _find_images()
        print_json([found[name] for name in sorted(found) if not named or name in named])


@images.command()
def remove(names: Names = None, every: All = False, as_json: Json = False) -> None:
    """Remove images. Running jobs are not affected."""
    from app.sandbox.images.removal import remove_images
    from pyxec.cli.json_output import print_json

    named = _select_languages(names or [], every)
    if not named:
        raise typer.BadParameter("name languages, or pass --all")
    removed = remove_images(_connect_engine(), named)
    if as_json:
        print_json({"removed": removed})
        return
    typer.echo(f"removed: {', '.join(removed)}" if removed else "nothing removed: none of these languages has an image")


@images.command()
def wait() -> None:
    """Wait until every default language has an image, outdated or not."""
    from app.sandbox.images.catalogue import default_set
    from app.sandbox.images.installed import installed_images
    from pyxec.cli.notes import note

    engine, message = _connect_engine(), ""
    while missing := sorted(default_set(_catalogue()).keys() - installed_images(engine).keys()):
        if message != (message := f"waiting for the images of {', '.join(missing)}"):
            note(message)
        time.sleep(_POLL_SECONDS)


@images.command("list")
def list_images(every: All = False, as_json: Json = False) -> None:
    """List the built images with their versions. With --all, also list languages without an image."""
    from app.cli.image_table import print_images
    from pyxec.cli.json_output import print_json

    found = _find_images()
    if as_json:
        print_json([found[name] for name in sorted(found)])
        return
    print_images(_catalogue(), found, every)


def _select_languages(names: list[str], every: bool) -> Mapping[str, Language]:
    """Return the languages with these ids or aliases. ``java@25`` means ``java-25``."""
    catalogue = _catalogue()
    if every:
        return catalogue
    known = {name: language for language in catalogue.values() for name in (*language.aliases, language.id)}
    names = [name.replace("@", "-") for name in names]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not in the catalogue. Available: {', '.join(sorted(catalogue))}")
    return {known[name].id: known[name] for name in names}


def _catalogue() -> Mapping[str, Language]:
    from app.local.images import load_catalogue

    return load_catalogue()


def _find_images() -> Mapping[str, InstalledImage]:
    """Return the images that a worker of this checkout uses, by language."""
    from app.sandbox.images.digests import ImageDigests
    from app.sandbox.images.installed import installed_images

    engine = _connect_engine()
    return installed_images(engine, ImageDigests.from_repository(RESOURCES, _catalogue()).read(engine))


def _connect_engine() -> docker.APIClient:
    from app.local.engine import engine_host
    from app.sandbox.engine.client import connect_docker
    from app.sandbox.engine.requirements import describe_engine

    describe_engine(engine_host())  # unlike docker-py, it states what to do if the engine cannot be used
    return connect_docker(engine_host())

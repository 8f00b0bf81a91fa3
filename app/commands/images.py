"""``pyxec images``: the sandbox images on this machine's engine."""

from __future__ import annotations

import os

import typer

from app.commands.checkout import ROOT
from app.commands.job_options import Json

__all__ = ["images"]

images = typer.Typer(help="The sandbox images on this machine's engine.", no_args_is_help=True)


@images.command()
def build() -> None:
    """Build the images that are missing or out of date, with progress."""
    from rich.console import Console

    from app.core.errors import PyxecError
    from app.local.errors import exit_with
    from app.local.images import prepare_engine_and_images
    from app.local.state import StateFolder
    from app.local.steps import Steps

    try:
        with Steps(Console()) as steps:
            prepare_engine_and_images(ROOT, StateFolder.of_repository(ROOT), steps)
    except PyxecError as e:
        exit_with(e)


@images.command("list")
def list_images(as_json: Json = False) -> None:
    """List the languages whose image is there."""
    import docker
    from docker.errors import DockerException

    from app.commands.json_output import print_json
    from app.config import OPTIONS
    from app.core.errors import EngineUnavailable
    from app.sandbox.images import installed_images

    option = OPTIONS["docker_host"]
    try:
        client = docker.APIClient(base_url=os.environ.get(option.variable) or option.default, version="auto")
    except DockerException as e:
        raise EngineUnavailable(str(e)) from e
    found = sorted(installed_images(client).values(), key=lambda image: image.language)
    if as_json:
        print_json(found)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("language", "version", "runner", "image")
    for image in found:
        table.add_row(image.language, image.version, image.runner, image.image_id)
    Console().print(table)

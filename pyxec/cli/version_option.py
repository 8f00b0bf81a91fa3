"""The option ``--version``."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.version import VERSION

__all__ = ["print_version"]


def _exit_with_version(requested: bool) -> None:
    if requested:
        typer.echo(f"pyxec {VERSION}")
        raise typer.Exit


def print_version(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_exit_with_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run untrusted code in containers: over HTTP, live, and without losing a job."""

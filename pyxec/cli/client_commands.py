"""Registers the commands that need only a running service."""

from __future__ import annotations

import typer

from pyxec.cli.commands.batch import batch
from pyxec.cli.commands.bench import bench
from pyxec.cli.commands.cancel import cancel
from pyxec.cli.commands.files import files
from pyxec.cli.commands.judge import judge
from pyxec.cli.commands.languages import languages
from pyxec.cli.commands.mcp import mcp
from pyxec.cli.commands.run import run
from pyxec.cli.commands.submit import submit
from pyxec.cli.commands.tail import tail
from pyxec.cli.version_option import print_version

__all__ = ["create_app"]

# Arguments after FILE belong to the program, even if they look like options.
_PROGRAM_ARGUMENTS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def create_app() -> typer.Typer:
    """Return the command line with the client commands. The server adds its own commands to it."""
    app = typer.Typer(
        name="pyxec",
        help="Run untrusted code in containers: over HTTP, live, and without losing a job.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(print_version)
    app.command(context_settings=_PROGRAM_ARGUMENTS)(run)
    app.command(context_settings=_PROGRAM_ARGUMENTS)(submit)
    app.command()(batch)
    app.command()(tail)
    app.command()(cancel)
    app.command()(judge)
    app.command()(languages)
    app.command()(bench)
    app.add_typer(files, name="files")
    app.command()(mcp)
    return app

"""Entry point of the command line: ``pyxec`` or ``python -m app.cli``."""

from __future__ import annotations

import sys

import typer

from app.cli.commands.bench import bench
from app.cli.commands.cancel import cancel
from app.cli.commands.dead import dead
from app.cli.commands.doctor import doctor
from app.cli.commands.images import images
from app.cli.commands.keys import keys
from app.cli.commands.languages import languages
from app.cli.commands.queues import queues
from app.cli.commands.run import run
from app.cli.commands.submit import submit
from app.cli.commands.tail import tail
from app.cli.commands.up import down, up
from app.cli.notes import note

__all__ = ["app", "main"]

# Arguments after FILE belong to the program, even if they look like options.
_PROGRAM_ARGUMENTS = {"ignore_unknown_options": True, "allow_interspersed_args": False}

app = typer.Typer(
    name="pyxec",
    help="Run untrusted code in containers: over HTTP, live, and without losing a job.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(context_settings=_PROGRAM_ARGUMENTS)(run)
app.command(context_settings=_PROGRAM_ARGUMENTS)(submit)
app.command()(tail)
app.command()(cancel)
app.command()(languages)
app.command()(doctor)
app.command()(up)
app.command()(down)
app.command()(queues)
app.command()(bench)
app.add_typer(images, name="images")
app.add_typer(keys, name="keys")
app.add_typer(dead, name="dead")


def main() -> None:
    """Run one command and exit with its exit code."""
    from app.cli.exit_codes import CANCELLED, SERVICE_FAILED

    try:
        app(prog_name="pyxec")
    except _expected_errors() as e:
        note(str(e))
        sys.exit(SERVICE_FAILED)
    except KeyboardInterrupt:
        sys.exit(CANCELLED)


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that are reported in one line. Imported late: the SDK slows down the start."""
    from app.core.errors import PyxecError
    from pyxec import PyxecError as ClientError

    return PyxecError, ClientError


if __name__ == "__main__":
    main()

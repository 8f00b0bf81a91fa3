"""``pyxec``, also ``python -m app.cli``: the command line. Each command is a module of app.cli."""

from __future__ import annotations

import sys

import typer

from app.cli.bench import bench
from app.cli.cancel import cancel
from app.cli.dead import dead
from app.cli.doctor import doctor
from app.cli.images import images
from app.cli.keys import keys
from app.cli.languages import languages
from app.cli.notes import note
from app.cli.queues import queues
from app.cli.run import run
from app.cli.submit import submit
from app.cli.tail import tail
from app.cli.up import down, up

__all__ = ["app", "main"]

# What comes after FILE is the program's, even if it looks like an option of ours.
_PROGRAM = {"ignore_unknown_options": True, "allow_interspersed_args": False}

app = typer.Typer(
    name="pyxec",
    help="Run untrusted code in containers: over HTTP, live, and without losing a job.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command(context_settings=_PROGRAM)(run)
app.command(context_settings=_PROGRAM)(submit)
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
    """Run one command and exit with its code."""
    from app.cli.exit_codes import CANCELLED, SERVICE_FAILED

    try:
        app(prog_name="pyxec")
    except _told_in_one_line() as e:
        note(str(e))
        sys.exit(SERVICE_FAILED)
    except KeyboardInterrupt:
        sys.exit(CANCELLED)


def _told_in_one_line() -> tuple[type[Exception], ...]:
    """Imported only once something has gone wrong: the SDK is heavy, and not every command needs it."""
    from app.core.errors import PyxecError
    from pyxec import PyxecError as ClientError

    return PyxecError, ClientError


if __name__ == "__main__":
    main()

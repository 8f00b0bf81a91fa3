"""Entry point of the command line of the server: ``pyxec`` or ``python -m app.cli``.

It contains the commands of the client and those that need the server's code: the engine, Redis and the local start.
"""

from __future__ import annotations

from app.cli.commands.dead import dead
from app.cli.commands.doctor import doctor
from app.cli.commands.images import images
from app.cli.commands.keys import keys
from app.cli.commands.queues import queues
from app.cli.commands.up import down, up
from app.core.errors import PyxecError
from pyxec.cli.client_commands import create_app
from pyxec.cli.entry_point import run_app

__all__ = ["app", "main"]

app = create_app()
app.command()(doctor)
app.command()(up)
app.command()(down)
app.command()(queues)
app.add_typer(images, name="images")
app.add_typer(keys, name="keys")
app.add_typer(dead, name="dead")


def main() -> None:
    """Run one command and exit with its exit code."""
    run_app(app, PyxecError)


if __name__ == "__main__":
    main()

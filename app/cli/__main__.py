"""Entry point of the command line of the server: ``pyxec`` or ``python -m app.cli``.

It contains the commands of the client and those that need the server's code: the engine, Redis and the local start.
"""

from __future__ import annotations

import os

from app.cli.checkout import find_running_url
from app.cli.commands.audit import audit
from app.cli.commands.dead import dead
from app.cli.commands.doctor import doctor
from app.cli.commands.images import images
from app.cli.commands.jobs import jobs
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
app.command()(audit)
app.add_typer(queues, name="queues")
app.add_typer(jobs, name="jobs")
app.add_typer(images, name="images")
app.add_typer(keys, name="keys")
app.add_typer(dead, name="dead")


def main() -> None:
    """Run one command and exit with its exit code.

    Without PYXEC_URL, the commands use the service that `make up` started in this checkout, on whatever port it runs.
    """
    if not os.environ.get("PYXEC_URL") and (url := find_running_url()):
        os.environ["PYXEC_URL"] = url
    run_app(app, PyxecError)


if __name__ == "__main__":
    main()

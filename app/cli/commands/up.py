"""``pyxec up`` and ``pyxec down``: start and stop the service on this machine, as `make up` and `make down` do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pyxec.cli.job_options import Json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["down", "up"]


def up(as_json: Json = False) -> None:
    """Install missing dependencies, start the service, and run a first job."""
    from app.cli.checkout import find_checkout
    from app.local.address import running_url, web_url
    from app.local.state import StateFolder
    from app.local.up import bring_up
    from pyxec.cli.json_output import print_json

    _run_in_checkout(bring_up, as_json)
    if as_json:
        print_json({"url": running_url(StateFolder.for_checkout(find_checkout())), "page": web_url()})


def down(as_json: Json = False) -> None:
    """Stop the service. Data and images are kept."""
    from app.local.down import bring_down
    from pyxec.cli.json_output import print_json

    _run_in_checkout(bring_down, as_json)
    if as_json:
        print_json({"down": True})


def _run_in_checkout(action: Callable[[Path, Console], None], as_json: bool) -> None:
    from rich.console import Console

    from app.cli.checkout import find_checkout
    from app.local.console import exit_on_error

    with exit_on_error():
        action(find_checkout(), Console(stderr=as_json))

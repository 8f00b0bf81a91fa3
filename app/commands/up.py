"""``pyxec up`` and ``pyxec down``: the whole service on this machine, as `make up` and `make down` do it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.checkout import ROOT

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["down", "up"]


def up() -> None:
    """Install what is missing, start everything, and run a first job."""
    from app.local.up import bring_up

    _in_checkout(bring_up)


def down() -> None:
    """Stop what `up` started; data and images stay."""
    from app.local.down import bring_down

    _in_checkout(bring_down)


def _in_checkout(action: Callable[[Path, Console], None]) -> None:
    from rich.console import Console

    from app.core.errors import PyxecError
    from app.local.errors import exit_with

    try:
        action(ROOT, Console())
    except PyxecError as e:
        exit_with(e)

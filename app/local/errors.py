"""What goes wrong while a machine is set up, told to a person in one message."""

from __future__ import annotations

import sys
from typing import NoReturn

from rich.console import Console

from app.core.errors import PyxecError

__all__ = ["SetupError", "exit_with"]


class SetupError(PyxecError):
    """The machine cannot be set up; the message says what is missing or where the log is."""


def exit_with(error: PyxecError) -> NoReturn:
    """Tell the error and end the process with status 1."""
    console = Console(stderr=True)
    console.print("[red]error:[/]", end=" ")
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)

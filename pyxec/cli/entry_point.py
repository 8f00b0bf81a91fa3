"""Runs a command line: reports the expected errors in one line, and exits with the exit code of the command."""

from __future__ import annotations

import sys

import typer

from pyxec.cli.notes import note

__all__ = ["run_app"]


def run_app(app: typer.Typer, *expected_errors: type[Exception]) -> None:
    """Run one command and exit with its exit code.

    Args:
        app: The command line.
        expected_errors: Exceptions that are reported in one line, besides those of the SDK.
    """
    from pyxec.cli.exit_codes import CANCELLED, SERVICE_FAILED
    from pyxec.errors import PyxecError

    reported: tuple[type[Exception], ...] = (PyxecError, *expected_errors)
    try:
        app(prog_name="pyxec")
    except reported as e:
        note(str(e))
        sys.exit(SERVICE_FAILED)
    except KeyboardInterrupt:
        sys.exit(CANCELLED)

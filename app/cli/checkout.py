"""The checkout that the commands for this machine use."""

from __future__ import annotations

import os
from pathlib import Path

from app.resources import RESOURCES

__all__ = ["find_checkout", "find_running_url", "state_root"]


def find_checkout() -> Path:
    """Return the checkout that this code belongs to, or that is the current folder.

    Raises:
        SetupError: Neither is a checkout: the package is installed without one.
    """
    for folder in (RESOURCES, Path.cwd()):
        if (folder / "Procfile").is_file():
            return folder
    from app.local.console import SetupError

    raise SetupError("no checkout of Pyxec: run the command in a folder that `git clone` created")


def find_running_url() -> str | None:
    """Return the URL of the API that `make up` started, in the current folder or in this checkout."""
    from app.local.state import ProcessRecord

    for folder in (Path.cwd(), RESOURCES):
        record = ProcessRecord.read(folder / ".pyxec" / "run" / "supervisor.json")
        if record is not None and record.url:
            return record.url
    return None


def state_root() -> Path:
    """Return the folder below which logs are kept: the checkout, or a folder of the user."""
    if (RESOURCES / "app").is_dir():
        return RESOURCES
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "pyxec"

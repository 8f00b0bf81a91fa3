"""The service to measure: the one that runs, or one that is started for the purpose and stopped again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from app.local.address import running_url
from app.local.down import bring_down
from app.local.state import StateFolder
from app.local.up import bring_up
from pyxec import Client, PyxecError

__all__ = ["service_under_test"]

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def service_under_test(console: Console) -> Iterator[Client]:
    """A service that is ready.

    Raises:
        pyxec.PyxecError: PYXEC_URL names one that is not ready.
        app.core.errors.PyxecError: it could not be started.
    """
    state = StateFolder.of_repository(ROOT)
    named = os.environ.get("PYXEC_URL")
    url = named or running_url(state)
    if named or _is_ready(url):
        service = Client(url)
        service.ready()
        yield service
        return
    try:
        bring_up(ROOT, console)
        yield Client(running_url(state))
    finally:
        bring_down(ROOT, console)


def _is_ready(url: str) -> bool:
    try:
        Client(url, timeout_seconds=2).ready()
    except PyxecError:
        return False
    return True

"""The service to measure: the one that runs, or one that is started for the purpose and stopped again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from app.client.errors import ClientError
from app.client.service import Service
from app.local.address import running_url
from app.local.down import bring_down
from app.local.state import StateFolder
from app.local.up import bring_up

__all__ = ["service_under_test"]

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def service_under_test(console: Console) -> Iterator[Service]:
    """A service that is ready.

    Raises:
        ClientError: PYXEC_URL names one that is not.
        PyxecError: it could not be started.
    """
    state = StateFolder.of_repository(ROOT)
    named = os.environ.get("PYXEC_URL")
    url = named or running_url(state)
    if named or _is_ready(url):
        service = Service(url)
        service.ready()
        yield service
        return
    try:
        bring_up(ROOT, console)
        yield Service(running_url(state))
    finally:
        bring_down(ROOT, console)


def _is_ready(url: str) -> bool:
    try:
        Service(url, timeout_seconds=2).ready()
    except ClientError:
        return False
    return True

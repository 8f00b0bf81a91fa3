"""A gateway for a server process of its own: ``tests.http.served:gateway()``."""

from __future__ import annotations

import os
from typing import Any

from app.http import HttpSettings
from tests.http.conftest import make_app
from tests.http.fakes import InMemoryAdmissions, InMemoryJobs


def gateway() -> Any:
    """An application whose jobs stay queued for ever."""
    settings = HttpSettings(drain_seconds=float(os.environ["DRAIN_SECONDS"]))
    return make_app(settings, InMemoryJobs(), InMemoryAdmissions(1000))

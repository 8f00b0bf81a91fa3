"""goxec's addresses."""

from __future__ import annotations

from typing import Final

from app.http.compat.goxec.run import RunResource
from app.http.compat.goxec.watch import WatchResource
from app.http.services import Services

__all__ = ["GOXEC_RUN", "GOXEC_WATCH", "goxec_routes"]

GOXEC_RUN: Final = "/api/run"
GOXEC_WATCH: Final = "/api/ws"


def goxec_routes(services: Services) -> dict[str, object]:
    """Each template with its resource."""
    return {GOXEC_RUN: RunResource(services), GOXEC_WATCH: WatchResource(services)}

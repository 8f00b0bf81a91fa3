"""Piston's addresses: below /api/v2 as in a server of one's own, below /api/v2/piston as in the public one."""

from __future__ import annotations

from typing import Final

from app.http.compat.piston.connect import ConnectResource
from app.http.compat.piston.execute import ExecuteResource
from app.http.compat.piston.packages import PackagesResource
from app.http.compat.piston.runtimes import RuntimesResource
from app.http.services import Services

__all__ = ["PISTON_PREFIX", "piston_routes"]

PISTON_PREFIX: Final = "/api/v2"


def piston_routes(services: Services) -> dict[str, object]:
    """Each template with its resource. Piston does not mind a slash at the end, and some of its clients write one."""
    resources: dict[str, object] = {
        "execute": ExecuteResource(services),
        "runtimes": RuntimesResource(services.languages),
        "packages": PackagesResource(services.languages, services.settings),
        "connect": ConnectResource(services),
    }
    prefixes = (PISTON_PREFIX, f"{PISTON_PREFIX}/piston")
    return {
        f"{prefix}/{name}{slash}": resource
        for prefix in prefixes
        for name, resource in resources.items()
        for slash in ("", "/")
    }

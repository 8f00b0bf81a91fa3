"""The routes of Piston's API: below /api/v2, as on a private server, and below /api/v2/piston, as on the public one."""

from __future__ import annotations

from typing import Final

from app.http.compat.piston.connect import ConnectResource
from app.http.compat.piston.execute import ExecuteResource
from app.http.compat.piston.runtime_resources import PackagesResource, RuntimesResource
from app.http.services import Services

__all__ = ["PISTON_PREFIX", "piston_routes"]

PISTON_PREFIX: Final = "/api/v2"


def piston_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template. Some clients add a slash to the path, which Piston ignores."""
    resources: dict[str, object] = {
        "execute": ExecuteResource(services),
        "runtimes": RuntimesResource(services.languages),
        "packages": PackagesResource(services.languages, services.settings),
        "connect": ConnectResource(services),
    }
    return {
        f"{prefix}/{name}{slash}": resource
        for prefix in (PISTON_PREFIX, f"{PISTON_PREFIX}/piston")
        for name, resource in resources.items()
        for slash in ("", "/")
    }

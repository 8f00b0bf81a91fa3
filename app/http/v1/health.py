"""GET /livez: the process answers. GET /readyz: it can take a job."""

from __future__ import annotations

from typing import Final, Literal

import falcon
import msgspec
from falcon.asgi import Response

from app.http.middleware.draining import Lifecycle
from app.http.request import Request
from app.http.responses import send_json
from app.store.jobs import JobStore

__all__ = ["HealthView", "LivezResource", "ReadyzResource"]


class HealthView(msgspec.Struct, frozen=True):
    """That all is well."""

    status: Literal["ok"] = "ok"


OK: Final = HealthView()


class LivezResource:
    """Says only that it runs: a store that is down is no reason to restart this process."""

    async def on_get(self, request: Request, response: Response) -> None:
        """200."""
        send_json(response, 200, OK)

    on_head = on_get


class ReadyzResource:
    """For load balancers."""

    def __init__(self, jobs: JobStore, lifecycle: Lifecycle) -> None:
        self._jobs = jobs
        self._lifecycle = lifecycle

    async def on_get(self, request: Request, response: Response) -> None:
        """200, or 503 while the store does not answer or this process is about to end."""
        if not self._lifecycle.ready:
            raise falcon.HTTPServiceUnavailable(description="this server is shutting down")
        await self._jobs.ping()
        send_json(response, 200, OK)

    on_head = on_get

"""GET /livez and GET /readyz: health checks."""

from __future__ import annotations

from typing import Final, Literal

import falcon
import msgspec
from falcon.asgi import Response

from app.http.middleware.draining import Lifecycle
from app.http.request import Request
from app.http.responses import send_json
from app.store.jobs.job_store import JobStore

__all__ = ["HealthView", "LivezResource", "ReadyzResource"]


class HealthView(msgspec.Struct, frozen=True):
    """A healthy status. Problem documents report everything else."""

    status: Literal["ok"] = "ok"


OK: Final = HealthView()


class LivezResource:
    """GET /livez: whether the process runs. It does not check the store: restarting the gateway would not repair it."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Send 200."""
        send_json(response, 200, OK)

    on_head = on_get


class ReadyzResource:
    """GET /readyz: whether the gateway can accept a job, for load balancers."""

    def __init__(self, jobs: JobStore, lifecycle: Lifecycle) -> None:
        self._jobs = jobs
        self._lifecycle = lifecycle

    async def on_get(self, request: Request, response: Response) -> None:
        """Send 200.

        Raises:
            falcon.HTTPServiceUnavailable: The server is shutting down.
            StoreUnavailable: Redis did not answer or cannot be written to.
        """
        if not self._lifecycle.ready:
            raise falcon.HTTPServiceUnavailable(description="the server is shutting down")
        await self._jobs.ping()
        send_json(response, 200, OK)

    on_head = on_get

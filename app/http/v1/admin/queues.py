"""/v1/admin/queues and /v1/admin/workers: how many messages wait and run; pause and resume a queue."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.http.request import Request
from app.http.responses import send_json
from app.store.admin.administration import Administration
from app.store.admin.queue_stats import QueueStats, WorkerStats

__all__ = ["PauseResource", "QueuesResource", "QueuesView", "ResumeResource", "WorkersResource", "WorkersView"]


class QueuesView(msgspec.Struct, frozen=True):
    """All queues, sorted by name."""

    queues: list[QueueStats]


class WorkersView(msgspec.Struct, frozen=True):
    """All workers, sorted by name."""

    workers: list[WorkerStats]


class QueuesResource:
    """GET /v1/admin/queues."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the queues with their lanes."""
        send_json(response, 200, QueuesView(list(await self._administration.queues())))

    on_head = on_get


class PauseResource:
    """POST /v1/admin/queues/{queue}/pause."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_post(self, request: Request, response: Response, queue: str) -> None:
        """Pause a queue, and send 204. Raises NotFound, InvalidRequest."""
        await self._administration.pause(queue)
        response.status = 204


class ResumeResource:
    """POST /v1/admin/queues/{queue}/resume."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_post(self, request: Request, response: Response, queue: str) -> None:
        """Resume a queue, and send 204. Raises NotFound, InvalidRequest."""
        await self._administration.resume(queue)
        response.status = 204


class WorkersResource:
    """GET /v1/admin/workers."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the workers with the messages that each of them has."""
        send_json(response, 200, WorkersView(list(await self._administration.workers())))

    on_head = on_get

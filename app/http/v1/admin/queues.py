"""/v1/admin/queues, /v1/admin/workers and /v1/admin/dead: what is going on, and what went wrong."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.core.timestamps import Moment, moment
from app.http.request import Request
from app.http.responses import send_json
from app.store.administration import Administration
from app.store.stats import DeadMessage, QueueStats, WorkerStats

__all__ = [
    "MOST_LETTERS",
    "DeadLetterResource",
    "DeadLetterView",
    "DeadLettersResource",
    "DeadLettersView",
    "QueuesResource",
    "QueuesView",
    "ReplayResource",
    "WorkersResource",
    "WorkersView",
]

MOST_LETTERS: Final = 100


class QueuesView(msgspec.Struct, frozen=True):
    """All queues."""

    queues: list[QueueStats]


class WorkersView(msgspec.Struct, frozen=True):
    """All workers."""

    workers: list[WorkerStats]


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter."""

    queue: str
    id: str
    actor: str
    job_id: str | None
    reason: str
    deliveries: int
    attempts: int
    dead_lettered_at: Moment
    traceback: str
    message: str


class DeadLettersView(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters of one queue, newest first. ``next`` is what comes as ``after``; None at the end."""

    dead_letters: list[DeadLetterView]
    next: str | None


class QueuesResource:
    """GET /v1/admin/queues."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """By name."""
        send_json(response, 200, QueuesView(list(await self._administration.queues())))

    on_head = on_get


class WorkersResource:
    """GET /v1/admin/workers."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response) -> None:
        """By name, with what each of them holds."""
        send_json(response, 200, WorkersView(list(await self._administration.workers())))

    on_head = on_get


class DeadLettersResource:
    """GET /v1/admin/dead/{queue}."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response, queue: str) -> None:
        """A page of them."""
        count = request.get_param_as_int("limit", default=20)
        if not 1 <= count <= MOST_LETTERS:
            raise InvalidRequest("limit", f"must be between 1 and {MOST_LETTERS}")
        before = request.get_param("after") or None
        letters = [_view(letter) for letter in await self._administration.dead_letters(queue, count, before)]
        after = letters[-1].id if len(letters) == count else None
        send_json(response, 200, DeadLettersView(dead_letters=letters, next=after))

    on_head = on_get


class DeadLetterResource:
    """GET and DELETE /v1/admin/dead/{queue}/{dead_letter_id}."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response, queue: str, dead_letter_id: str) -> None:
        """One."""
        send_json(response, 200, _view(await self._administration.dead_letter(queue, dead_letter_id)))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, queue: str, dead_letter_id: str) -> None:
        """204: it is dropped."""
        await self._administration.drop(queue, dead_letter_id)
        response.status = 204


class ReplayResource:
    """POST /v1/admin/dead/{queue}/{dead_letter_id}/replay."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_post(self, request: Request, response: Response, queue: str, dead_letter_id: str) -> None:
        """204: it is queued again, once."""
        await self._administration.replay(queue, dead_letter_id)
        response.status = 204


def _view(letter: DeadMessage) -> DeadLetterView:
    return DeadLetterView(
        queue=letter.queue,
        id=letter.id,
        actor=letter.actor,
        job_id=letter.job_id,
        reason=letter.reason,
        deliveries=letter.deliveries,
        attempts=letter.attempts,
        dead_lettered_at=moment(letter.died_at_ms),
        traceback=letter.traceback,
        message=letter.message,
    )

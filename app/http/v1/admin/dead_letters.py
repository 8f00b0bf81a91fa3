"""/v1/admin/dead: list, read, replay and drop dead letters."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.core.errors import InvalidRequest
from app.core.timestamps import Timestamp, format_timestamp
from app.http.request import Request
from app.http.responses import send_json
from app.store.admin.administration import Administration
from app.store.admin.queue_stats import DeadMessage

__all__ = [
    "MAX_DEAD_LETTERS",
    "DeadLetterResource",
    "DeadLetterView",
    "DeadLettersResource",
    "DeadLettersView",
    "ReplayResource",
]

MAX_DEAD_LETTERS: Final = 100


class DeadLetterView(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was not processed successfully and is not retried any more.

    ``job_id`` is None if the message belongs to no job. ``message`` is its JSON text, truncated to 10,000 characters.
    """

    queue: str
    id: str
    actor: str
    job_id: str | None
    reason: str
    deliveries: int
    attempts: int
    dead_lettered_at: Timestamp
    traceback: str
    message: str


class DeadLettersView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of dead letters of one queue, newest first.

    Pass ``next`` as ``after`` to get the next page. It is None on the last page.
    """

    dead_letters: list[DeadLetterView]
    next: str | None


class DeadLettersResource:
    """GET /v1/admin/dead/{queue}."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response, queue: str) -> None:
        """Send a page of dead letters.

        Raises:
            InvalidRequest: ``limit`` is out of range.
            NotFound: No queue has this name.
        """
        limit = request.get_param_as_int("limit", default=20)
        if not 1 <= limit <= MAX_DEAD_LETTERS:
            raise InvalidRequest("limit", f"must be between 1 and {MAX_DEAD_LETTERS}")
        before_id = request.get_param("after") or None
        messages = await self._administration.dead_letters(queue, limit, before_id)
        dead_letters = [_create_view(message) for message in messages]
        next_id = dead_letters[-1].id if len(dead_letters) == limit else None
        send_json(response, 200, DeadLettersView(dead_letters=dead_letters, next=next_id))

    on_head = on_get


class DeadLetterResource:
    """GET and DELETE /v1/admin/dead/{queue}/{dead_letter_id}."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_get(self, request: Request, response: Response, queue: str, dead_letter_id: str) -> None:
        """Send the dead letter. Raises NotFound."""
        send_json(response, 200, _create_view(await self._administration.dead_letter(queue, dead_letter_id)))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, queue: str, dead_letter_id: str) -> None:
        """Delete the dead letter and send 204. Raises NotFound."""
        await self._administration.drop(queue, dead_letter_id)
        response.status = 204


class ReplayResource:
    """POST /v1/admin/dead/{queue}/{dead_letter_id}/replay."""

    def __init__(self, administration: Administration) -> None:
        self._administration = administration

    async def on_post(self, request: Request, response: Response, queue: str, dead_letter_id: str) -> None:
        """Move the message back to its queue and send 204. Raises NotFound, NotReplayable."""
        await self._administration.replay(queue, dead_letter_id)
        response.status = 204


def _create_view(message: DeadMessage) -> DeadLetterView:
    return DeadLetterView(
        queue=message.queue,
        id=message.id,
        actor=message.actor,
        job_id=message.job_id,
        reason=message.reason,
        deliveries=message.deliveries,
        attempts=message.attempts,
        dead_lettered_at=format_timestamp(message.dead_lettered_at_ms),
        traceback=message.traceback,
        message=message.message,
    )

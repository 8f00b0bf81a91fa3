"""Client of the administration API, /v1/admin. It requires an admin key in PYXEC_API_KEY."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from app.core.errors import NotAllowed, NotFound
from pyxec import Client, NotAuthenticated
from pyxec import NotAllowed as KeyNotAllowed
from pyxec import NotFound as DeadLetterNotFound
from pyxec.calls import Call

__all__ = [
    "AdminClient",
    "AnyJob",
    "AnyJobDetails",
    "AuditEntry",
    "AuditPage",
    "DeadLetter",
    "JobPage",
    "Key",
    "Lane",
    "NewKey",
    "Queue",
    "RotatedKey",
    "has_api_key",
]

_T = TypeVar("_T")
_CREATE_KEY = "`pyxec keys create --admin`, without PYXEC_API_KEY on the host of the service, creates one"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret."""

    id: str
    name: str
    tier: str
    admin: bool
    created_at: str
    expires_at: str | None = None
    last_used_at: str | None = None


class RotatedKey(Key, frozen=True, kw_only=True):
    """An API key with its new text, which is shown once. The previous text is valid until ``previous_expires_at``."""

    key: str
    previous_expires_at: str | None = None


class NewKey(Key, frozen=True, kw_only=True):
    """A new API key, with the secrets that are shown once."""

    key: str
    webhook_secret: str


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The messages of one priority in a queue."""

    name: str
    waiting: int
    running: int
    delayed: int


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Stats of a queue, in total and for each lane."""

    name: str
    waiting: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None = None
    is_paused: bool = False
    lanes: tuple[Lane, ...] = ()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead-lettered message. ``message`` is its body as it was queued, ``dead_lettered_at`` a UTC timestamp."""

    queue: str
    id: str
    actor: str
    job_id: str | None = None
    reason: str
    deliveries: int
    attempts: int
    dead_lettered_at: str
    traceback: str = ""
    message: str = ""


class AnyJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job of any caller, without its source and output."""

    id: str
    owner: str
    status: str
    outcome: str | None = None
    language: str
    priority: str
    labels: dict[str, str] = {}
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None


class AnyJobDetails(AnyJob, frozen=True, kw_only=True):
    """A job of any caller, with the request that submitted it and the worker that started it last."""

    attempt: int
    worker: str | None = None
    cancel_requested: bool
    request_id: str


class JobPage(msgspec.Struct, frozen=True):
    """A page of jobs, newest first, and the cursor of the next page."""

    jobs: list[AnyJob]
    next: str | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An action of an administrator."""

    at: str
    actor: str
    actor_name: str
    address: str | None = None
    action: str
    target: str
    request_id: str | None = None
    outcome: str


class AuditPage(msgspec.Struct, frozen=True):
    """A page of the audit log, newest first, and the cursor of the next page."""

    entries: list[AuditEntry]
    next: str | None = None


class _Keys(msgspec.Struct, frozen=True):
    keys: list[Key]


class _Queues(msgspec.Struct, frozen=True):
    queues: list[Queue]


class _DeadLetters(msgspec.Struct, frozen=True):
    dead_letters: list[DeadLetter]


def has_api_key() -> bool:
    """Return whether the environment has an API key. Keys are not options: other users can read command lines."""
    return bool(os.environ.get("PYXEC_API_KEY"))


class AdminClient:
    """The administration API of a service. Every method raises a PyxecError of the SDK.

    Raises:
        NotAllowed: The environment has no API key.
    """

    def __init__(self, url: str) -> None:
        if not has_api_key():
            raise NotAllowed(f"set PYXEC_API_KEY to an admin key. {_CREATE_KEY}")
        self._client = Client(url)

    def create_key(self, name: str, tier: str, admin: bool, expires_in_seconds: int | None = None) -> NewKey:
        """Create a key."""
        body = {"name": name, "tier": tier, "admin": admin, "expires_in_seconds": expires_in_seconds}
        return self._request("POST", "keys", NewKey, body)

    def rotate_key(self, key_id: str, grace_seconds: int) -> RotatedKey:
        """Replace the text of a key."""
        return self._request("POST", f"keys/{_quote(key_id)}/rotate", RotatedKey, {"grace_seconds": grace_seconds})

    def keys(self) -> list[Key]:
        """Return all keys, oldest first."""
        return self._request("GET", "keys", _Keys).keys

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key."""
        self._request_without_body("DELETE", f"keys/{_quote(key_id)}")

    def queues(self) -> list[Queue]:
        """Return the stats of all queues."""
        return self._request("GET", "queues", _Queues).queues

    def pause_queue(self, name: str) -> None:
        """Pause a queue."""
        self._request_without_body("POST", f"queues/{_quote(name)}/pause")

    def resume_queue(self, name: str) -> None:
        """Resume a queue."""
        self._request_without_body("POST", f"queues/{_quote(name)}/resume")

    def jobs(
        self, *, owner: str | None, status: str | None, labels: Sequence[str], count: int, after: str | None
    ) -> JobPage:
        """Return a page of jobs of all callers or of one owner."""
        filters = [("owner", owner), ("status", status), ("after", after), *(("label", label) for label in labels)]
        query = urlencode([("limit", str(count)), *((name, value) for name, value in filters if value is not None)])
        return self._request("GET", f"jobs?{query}", JobPage)

    def job(self, job_id: str) -> AnyJobDetails:
        """Return a job of any caller."""
        return self._request("GET", f"jobs/{_quote(job_id)}", AnyJobDetails)

    def cancel_job(self, job_id: str) -> AnyJobDetails:
        """Cancel a job of any caller."""
        return self._request("POST", f"jobs/{_quote(job_id)}/cancel", AnyJobDetails)

    def audit_log(self, count: int, after: str | None) -> AuditPage:
        """Return a page of the audit log."""
        query = urlencode({"limit": count, **({} if after is None else {"after": after})})
        return self._request("GET", f"audit?{query}", AuditPage)

    def dead_letters(self, queue: str, count: int, before: str | None = None) -> list[DeadLetter]:
        """Return up to ``count`` dead letters, newest first, optionally only those older than the id ``before``."""
        page = f"limit={count}" + ("" if before is None else f"&after={_quote(before)}")
        return self._request("GET", f"dead/{_quote(queue)}?{page}", _DeadLetters).dead_letters

    def dead_letter(self, queue: str, dead_letter_id: str) -> DeadLetter:
        """Return one dead letter."""
        return self._request("GET", f"dead/{_quote(queue)}/{_quote(dead_letter_id)}", DeadLetter)

    def find_queue(self, dead_letter_id: str) -> str:
        """Return the queue of a dead letter.

        Raises:
            NotFound: No queue has a dead letter with this id.
        """
        for queue in self.queues():
            try:
                return self.dead_letter(queue.name, dead_letter_id).queue
            except DeadLetterNotFound:
                continue
        raise NotFound(f"no queue has a dead letter with the id {dead_letter_id}. `pyxec dead list` lists all")

    def replay(self, queue: str, dead_letter_id: str) -> None:
        """Queue a dead letter again."""
        self._request_without_body("POST", f"dead/{_quote(queue)}/{_quote(dead_letter_id)}/replay")

    def drop(self, queue: str, dead_letter_id: str) -> None:
        """Delete a dead letter."""
        self._request_without_body("DELETE", f"dead/{_quote(queue)}/{_quote(dead_letter_id)}")

    def _request(self, method: str, path: str, response_type: type[_T], body: Any = None) -> _T:
        # Only reads are repeated: a repeated creation would leave a key whose secret was never delivered.
        call = Call(
            method,
            f"/v1/admin/{path}",
            lambda reply: reply.read(response_type),
            body=body,
            is_repeatable=method == "GET",
        )
        return self._send(call)

    def _request_without_body(self, method: str, path: str) -> None:
        self._send(Call(method, f"/v1/admin/{path}", lambda reply: None, is_repeatable=False))

    def _send(self, call: Call[_T]) -> _T:
        try:
            return self._client.send(call)
        except (NotAuthenticated, KeyNotAllowed) as e:
            raise NotAllowed(
                f"the key in PYXEC_API_KEY is not an admin key of {self._client.url}. {_CREATE_KEY}"
            ) from e


def _quote(text: str) -> str:
    return quote(text, safe="")

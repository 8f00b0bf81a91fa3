"""Client of the administration API, /v1/admin. It requires an admin key in PYXEC_API_KEY."""

from __future__ import annotations

import os
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from app.core.errors import NotAllowed, NotFound
from pyxec import Client, NotAuthenticated
from pyxec import NotAllowed as KeyNotAllowed
from pyxec import NotFound as DeadLetterNotFound
from pyxec.calls import Call

__all__ = ["AdminClient", "DeadLetter", "Key", "Lane", "NewKey", "Queue", "has_api_key"]

_T = TypeVar("_T")
_CREATE_KEY = "`pyxec keys create --admin`, without PYXEC_API_KEY on the host of the service, creates one"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without its secret."""

    id: str
    name: str
    tier: str
    admin: bool
    created_at: str


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

    def create_key(self, name: str, tier: str, admin: bool) -> NewKey:
        """Create a key."""
        return self._request("POST", "keys", NewKey, {"name": name, "tier": tier, "admin": admin})

    def keys(self) -> list[Key]:
        """Return all keys, oldest first."""
        return self._request("GET", "keys", _Keys).keys

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key."""
        self._request_without_body("DELETE", f"keys/{_quote(key_id)}")

    def queues(self) -> list[Queue]:
        """Return the stats of all queues."""
        return self._request("GET", "queues", _Queues).queues

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

"""The routes below /v1/admin, each a method. All of them need an admin key in PYXEC_API_KEY."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from pyxec import Client
from pyxec.calls import Call

__all__ = ["Admin", "DeadLetter", "Key", "Lane", "NewKey", "Queue"]

_Shape = TypeVar("_Shape")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, without what makes it one."""

    id: str
    name: str
    tier: str
    admin: bool
    created_at: str


class NewKey(Key, frozen=True, kw_only=True):
    """A key at its creation."""

    key: str
    webhook_secret: str


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a queue that has one priority."""

    name: str
    waiting: int
    running: int
    delayed: int


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue now, in all and by lane."""

    name: str
    waiting: int
    running: int
    delayed: int
    dead: int
    oldest_seconds: float | None = None
    lanes: tuple[Lane, ...] = ()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was given up. ``message`` is its text as it was queued."""

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


class Admin:
    """A running Pyxec, as who runs it sees it. Every method raises a PyxecError of the SDK."""

    def __init__(self, url: str) -> None:
        self._client = Client(url)

    def create_key(self, name: str, tier: str, admin: bool) -> NewKey:
        """Make a key."""
        return self._ask("POST", "keys", NewKey, {"name": name, "tier": tier, "admin": admin})

    def keys(self) -> list[Key]:
        """All of them, oldest first."""
        return self._ask("GET", "keys", _Keys).keys

    def revoke_key(self, key_id: str) -> None:
        """Make one worthless."""
        self._tell("DELETE", f"keys/{_part(key_id)}")

    def queues(self) -> list[Queue]:
        """All of them."""
        return self._ask("GET", "queues", _Queues).queues

    def dead_letters(self, queue: str, count: int, before: str | None = None) -> list[DeadLetter]:
        """The newest ones, or those that died just before a letter."""
        page = f"limit={count}" + ("" if before is None else f"&after={_part(before)}")
        return self._ask("GET", f"dead/{_part(queue)}?{page}", _DeadLetters).dead_letters

    def dead_letter(self, queue: str, letter_id: str) -> DeadLetter:
        """One."""
        return self._ask("GET", f"dead/{_part(queue)}/{_part(letter_id)}", DeadLetter)

    def replay(self, queue: str, letter_id: str) -> None:
        """Queue it again."""
        self._tell("POST", f"dead/{_part(queue)}/{_part(letter_id)}/replay")

    def drop(self, queue: str, letter_id: str) -> None:
        """Forget it."""
        self._tell("DELETE", f"dead/{_part(queue)}/{_part(letter_id)}")

    def _ask(self, method: str, path: str, shape: type[_Shape], body: Any = None) -> _Shape:
        # A key that was made and never told is a key too many: only what looks may be sent again.
        call = Call(
            method, f"/v1/admin/{path}", lambda reply: reply.read(shape), body=body, is_repeatable=method == "GET"
        )
        return self._client.send(call)

    def _tell(self, method: str, path: str) -> None:
        self._client.send(Call(method, f"/v1/admin/{path}", lambda reply: None, is_repeatable=False))


def _part(text: str) -> str:
    return quote(text, safe="")

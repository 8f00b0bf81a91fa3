"""A condition of the user's own, looked at in the same step as an enqueue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.broker.keys import QueueKeys, check_key

__all__ = ["Precondition"]


@dataclass
class Precondition:
    """Decides in the server, in the script that writes the message, whether it is written.

    It is asked behind the dedupe key, once for each message that is not there yet, and before the backlog is counted.
    What it writes stays written, whatever becomes of the message.

    Parameters:
        source: the body of a Lua function of ``keys`` and ``args``, two tables. It returns whether the message may be
            written, then anything that Redis can reply with.
        keys: at least one; each must carry the hash tag of the message's queue.
        args: numbers arrive as text.
        reply: what the function returned behind its verdict; None until it was asked.
    """

    source: str
    keys: Sequence[str]
    args: Sequence[str | bytes | int | float]
    reply: Any = field(default=None, compare=False)

    def check(self, queue: QueueKeys) -> None:
        """Raises ValueError: there is no key, or one lacks the queue's hash tag."""
        if not self.keys:
            raise ValueError("a precondition needs at least one key")
        for key in self.keys:
            check_key(key, queue, "the precondition")

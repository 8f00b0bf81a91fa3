"""What enqueuing one message sends to Redis: the same for the blocking broker and the asyncio producer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dramatiq import Message
from dramatiq.common import current_millis, dq_name, q_name
from dramatiq.message import get_encoder

from app.broker.effects import Effect, PackedEffects, flatten, pack
from app.broker.errors import Duplicate, PreconditionFailed, QueueFull
from app.broker.keys import LaneKeys, QueueKeys, check_key
from app.broker.lanes import DEFAULT_LANE, Lane
from app.broker.precondition import Precondition
from app.broker.scripts import Call, Script, preconditioned_enqueue

__all__ = ["Submission", "announced", "chosen_lane", "encode", "many", "settle"]


@dataclass(slots=True)
class Submission:
    """One message and everything to be written with it.

    Parameters:
        delay_ms: counted from the server's time; None when the message is to run now, or at its own ``eta`` option.
        effects: run in the same step.
        on_dead: stored with the message, run when it is dead-lettered.
        dedupe_key: if this key exists, nothing is written.
        max_backlog: if as many messages are there (waiting, running or delayed, of all lanes), nothing is written.
        lane: whose streams it goes to.
        precondition: asked in the same step; nothing but what it writes itself is written when it says no.
    """

    message: Message[Any]
    keys: QueueKeys
    delay_ms: int | None = None
    effects: Sequence[Effect] = ()
    on_dead: Sequence[Effect] | PackedEffects = ()
    dedupe_key: str | None = None
    max_backlog: int | None = None
    lane: Lane = DEFAULT_LANE
    precondition: Precondition | None = None

    @property
    def place(self) -> LaneKeys:
        """The keys of its lane."""
        return self.keys.lanes[self.lane]

    @property
    def when(self) -> tuple[str, int]:
        """('now', 0), ('in', ms from now) or ('at', Unix time in ms)."""
        if self.delay_ms is not None:
            return ("in", self.delay_ms) if self.delay_ms > 0 else ("now", 0)
        eta = self.message.options.get("eta")
        return ("at", int(eta)) if isinstance(eta, (int, float)) else ("now", 0)

    @property
    def plain(self) -> bool:
        """Needs no script: nothing is asked, nothing but the entry is written, and that now."""
        asks = self.dedupe_key or self.precondition or self.max_backlog is not None
        return not (self.effects or asks) and self.when[0] == "now"

    def as_effect(self) -> Effect:
        """The XADD of a plain submission."""
        fields: list[str | bytes] = ["*", "m", encode(self.message)]
        if self.on_dead:
            fields += ["d", pack(self.on_dead, self.keys)]
        return Effect("XADD", self.place.stream, *fields)

    def command(self) -> Sequence[Any] | Call:
        """A bare XADD when that is enough, else the script.

        Raises:
            ValueError: a key lacks the queue's hash tag.
        """
        if not self.plain:
            return self._call()
        xadd = self.as_effect()
        return [xadd.command, xadd.key, *xadd.args]

    def _call(self) -> Call:
        keys, place, (when, at_ms) = self.keys, self.place, self.when
        counted = () if self.max_backlog is None else keys.backlog
        script = Script.ENQUEUE if self.precondition is None else preconditioned_enqueue(self.precondition.source)
        asked = self.dedupe_key or place.stream
        check_key(asked, keys, "the dedupe key")
        call = Call(script, [place.stream, place.delayed, place.delayed_bodies, asked, *counted])
        call.args += (
            encode(self.message), pack(self.on_dead, keys), when, at_ms,
            "" if when == "now" else os.urandom(12).hex(),
            "" if self.max_backlog is None else self.max_backlog, "1" if self.dedupe_key else "",
            *((len(keys.streams), len(keys.lanes)) if counted else (0, 0)),
        )  # fmt: skip
        self._add_precondition(call)
        flatten(self.effects, call.keys, call.args, keys)
        return call

    def _add_precondition(self, call: Call) -> None:
        if self.precondition is None:
            call.args += [0, 0]
            return
        self.precondition.check(self.keys)
        call.keys += self.precondition.keys
        call.args += [len(self.precondition.keys), len(self.precondition.args), *self.precondition.args]


def many(messages: Sequence[Message[Any]], place: LaneKeys, delay_ms: int | None) -> Call:
    """All messages of one lane in one step."""
    call = Call(Script.ENQUEUE_MANY, [place.stream, place.delayed, place.delayed_bodies], [delay_ms or 0])
    batch = os.urandom(8).hex()
    for number, message in enumerate(messages):
        call.args += (encode(message), f"{batch}-{number}")
    return call


def chosen_lane(*choices: Any) -> Lane:
    """The first choice that is one; the default lane when none is.

    Raises:
        ValueError: there is no such lane.
    """
    for choice in choices:
        if choice is not None:
            return Lane(choice)
    return DEFAULT_LANE


def encode(message: Message[Any]) -> bytes:
    """The stored form: canonical queue name, no ``eta``. Dramatiq's worker would hold a message with one in memory."""
    if "eta" not in message.options and q_name(message.queue_name) == message.queue_name:
        return _encode(message)
    options = {name: value for name, value in message.options.items() if name != "eta"}
    return _encode(replace(message, queue_name=q_name(message.queue_name), options=options))


def _encode(message: Message[Any]) -> bytes:
    # What Message.encode does, without its walk over the dataclass' fields: half the time of it all.
    return get_encoder().encode(vars(message)) if type(message) is Message else message.encode()


def announced(message: Message[Any], delay_ms: int | None) -> Message[Any]:
    """The form middleware and callers see: as with Dramatiq's brokers, a delayed message names its delay queue."""
    if delay_ms is None:
        return message
    return message.copy(queue_name=dq_name(message.queue_name), options={"eta": current_millis() + delay_ms})


def settle(reply: Any, submission: Submission) -> None:
    """Raise what the script's reply stands for.

    Raises:
        Duplicate, QueueFull, PreconditionFailed: nothing was written.
    """
    if submission.plain:
        return
    verdict, *said = reply
    if submission.precondition is not None and said:
        submission.precondition.reply = said[0]
    if verdict == b"ok":
        return
    if verdict == b"duplicate":
        raise Duplicate(f"{submission.dedupe_key} exists")
    if verdict == b"refused":
        raise PreconditionFailed(f"the precondition was not met: queue {submission.keys.queue!r}")
    if verdict == b"full":
        raise QueueFull(f"queue {submission.keys.queue!r} holds {submission.max_backlog} messages or more")

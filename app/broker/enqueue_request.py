"""A message with everything that is written in the same step, for the blocking broker and for the asyncio producer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dramatiq import Message
from dramatiq.common import current_millis, dq_name, q_name
from dramatiq.message import get_encoder

from app.broker.effects import Effect, PackedEffects, add_effects, pack_effects
from app.broker.errors import Duplicate, PreconditionFailed, QueueFull
from app.broker.keys import LaneKeys, QueueKeys, check_key
from app.broker.lanes import DEFAULT_LANE, Lane
from app.broker.scripts import Command, Script, ScriptCall, preconditioned

__all__ = [
    "EnqueueRequest",
    "Precondition",
    "encode_message",
    "enqueue_many_call",
    "select_lane",
    "with_delay",
]


@dataclass
class Precondition:
    """A condition that is checked in the script that enqueues a message.

    The script checks the dedupe key, then the precondition, then the backlog limit. Writes of the precondition itself
    are not undone if the message is not enqueued.

    Attributes:
        source: Body of a Lua function of the tables ``keys`` and ``args``. It returns whether the message may be
            enqueued and, optionally, a value for `reply`.
        keys: At least one key. Each must contain the hash tag of the queue.
        args: Arguments; the function receives them as strings.
        reply: Second value that the function returned; None if the function did not run.
    """

    source: str
    keys: Sequence[str]
    args: Sequence[str | bytes | int | float]
    reply: Any = field(default=None, compare=False)

    def check_keys(self, queue: QueueKeys) -> None:
        """Validate the keys.

        Raises:
            ValueError: There is no key, or a key does not have the hash tag of the queue.
        """
        if not self.keys:
            raise ValueError("a precondition needs at least one key")
        for key in self.keys:
            check_key(key, queue, "the precondition")


@dataclass(slots=True)
class EnqueueRequest:
    """One message to be enqueued.

    Attributes:
        message: The message. Without `delay_ms`, its option ``eta`` (Unix time in ms) delays it.
        keys: Keys of its queue.
        delay_ms: Delay from the server's time; None for no delay.
        effects: Writes that the script makes.
        on_dead: Writes that are stored with the message and made when it is dead-lettered.
        dedupe_key: Nothing is written if this key exists.
        max_backlog: Nothing is written if the queue holds so many waiting, running and delayed messages of all lanes.
        lane: The lane.
        precondition: Checked in the script.
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
    def is_plain(self) -> bool:
        """Whether one XADD is enough: nothing is checked, and only the entry is written, without a delay."""
        has_checks = self.dedupe_key or self.precondition or self.max_backlog is not None
        return not (self.effects or has_checks) and self._schedule()[0] == "now"

    def command(self) -> Command:
        """Build the command that enqueues the message.

        Raises:
            ValueError: A key does not have the hash tag of the queue.
        """
        if not self.is_plain:
            return self._script_call()
        effect = self.as_effect()
        return [effect.command, effect.key, *effect.args]

    def as_effect(self) -> Effect:
        """Return the XADD of a plain request."""
        fields: list[str | bytes] = ["*", "message", encode_message(self.message)]
        if self.on_dead:
            fields += ["on_dead", pack_effects(self.on_dead, self.keys)]
        return Effect("XADD", self.keys.lanes[self.lane].stream, *fields)

    def check_reply(self, reply: Any) -> None:
        """Raise the error that the reply to `command` stands for and set the reply of the precondition.

        Raises:
            Duplicate: The dedupe key exists.
            PreconditionFailed: The precondition was not met.
            QueueFull: The backlog limit is reached.
        """
        if self.is_plain:
            return
        outcome, *condition_reply = reply
        if self.precondition is not None and condition_reply:
            self.precondition.reply = condition_reply[0]
        match outcome:
            case b"duplicate":
                raise Duplicate(f"{self.dedupe_key} exists")
            case b"precondition_failed":
                raise PreconditionFailed(f"the precondition was not met: queue {self.keys.queue!r}")
            case b"full":
                raise QueueFull(f"queue {self.keys.queue!r} holds {self.max_backlog} messages or more")

    def _schedule(self) -> tuple[str, int]:
        """Return ('now', 0), ('in', ms from now) or ('at', Unix time in ms)."""
        if self.delay_ms is not None:
            return ("in", self.delay_ms) if self.delay_ms > 0 else ("now", 0)
        eta = self.message.options.get("eta")
        return ("at", int(eta)) if isinstance(eta, (int, float)) else ("now", 0)

    def _script_call(self) -> ScriptCall:
        keys, lane = self.keys, self.keys.lanes[self.lane]
        schedule, time_ms = self._schedule()
        delayed_id = "" if schedule == "now" else os.urandom(12).hex()
        dedupe_key = self.dedupe_key or lane.stream
        check_key(dedupe_key, keys, "the dedupe key")
        has_limit = self.max_backlog is not None
        condition = self.precondition
        script = Script.ENQUEUE if condition is None else preconditioned(Script.ENQUEUE, condition.source)
        call = ScriptCall(script, [lane.stream, lane.delayed, lane.delayed_entries, dedupe_key])
        call.args += (encode_message(self.message), pack_effects(self.on_dead, keys), schedule, time_ms, delayed_id)
        call.args += (self.max_backlog if has_limit else "", "1" if self.dedupe_key else "")
        if has_limit:
            call.keys += keys.backlog
        call.args += (len(keys.streams), len(keys.lanes)) if has_limit else (0, 0)
        if self.precondition is None:
            call.args += (0, 0)
        else:
            self.precondition.check_keys(keys)
            call.keys += self.precondition.keys
            call.args += (len(self.precondition.keys), len(self.precondition.args), *self.precondition.args)
        add_effects(self.effects, call.keys, call.args, keys)
        return call


def enqueue_many_call(messages: Sequence[Message[Any]], lane: LaneKeys, delay_ms: int | None) -> ScriptCall:
    """Build the call that enqueues all messages in one lane, or none of them."""
    call = ScriptCall(Script.ENQUEUE_MANY, [lane.stream, lane.delayed, lane.delayed_entries], [delay_ms or 0])
    batch_id = os.urandom(8).hex()
    for number, message in enumerate(messages):
        call.args += (encode_message(message), f"{batch_id}-{number}")
    return call


def select_lane(*candidates: Any) -> Lane:
    """Return the first candidate that is not None, or the default lane.

    Raises:
        ValueError: The lane does not exist.
    """
    return Lane(next((candidate for candidate in candidates if candidate is not None), DEFAULT_LANE))


def with_delay(message: Message[Any], delay_ms: int | None) -> Message[Any]:
    """Return the form of a message that middleware and callers see.

    As with Dramatiq's brokers, a delayed message has the name of its delay queue and an ``eta``.
    """
    if delay_ms is None:
        return message
    return message.copy(queue_name=dq_name(message.queue_name), options={"eta": current_millis() + delay_ms})


def encode_message(message: Message[Any]) -> bytes:
    """Return the stored form of a message: with the canonical queue name and without ``eta``.

    Dramatiq's worker would hold a message with an ``eta`` in memory until it is due.
    """
    if "eta" in message.options or q_name(message.queue_name) != message.queue_name:
        options = {name: value for name, value in message.options.items() if name != "eta"}
        message = replace(message, queue_name=q_name(message.queue_name), options=options)
    # Message.encode() copies the fields with dataclasses.asdict(), which takes half of the time of an enqueue_many.
    return get_encoder().encode(vars(message)) if type(message) is Message else message.encode()

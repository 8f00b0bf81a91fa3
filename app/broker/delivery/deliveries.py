"""The deliveries of this process, in all queues, and how they end."""

from __future__ import annotations

import logging
import math
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from app.broker.delivery.in_flight import InFlightMessages, ProcessLimit
from app.broker.delivery.message import StreamMessage
from app.broker.delivery.settlement import fenced_call, is_settled_together, release_call, start_call, start_mark_effect
from app.broker.effects import Effect
from app.broker.errors import BrokerUnavailable, Duplicate, LeaseLost, PreconditionFailed, QueueFull
from app.broker.keys import QueueKeys
from app.broker.scripts import Run, ScriptCall

__all__ = ["Deliveries"]

_log = logging.getLogger(__name__)
# If the server is still out of memory, it refuses lua/fetch.lua.
_FAILED_WRITE_SECONDS = 5.0


class Deliveries:
    """Thread-safe: consumer threads fetch messages, worker threads settle them, the lease renewal reads them.

    Args:
        run: Runs a command.

    Attributes:
        fenced_total: How often a write or a finish of this process was refused because it had lost the lease.
        limit: How many messages this process may hold.
        consumer_threads: Dramatiq's thread of each consumed queue. Empty without a worker.
        is_paused: Whether consumers fetch nothing and release what was not started.
        stopping_since: Value of `time.monotonic` when this process was asked to stop; None before. From then on,
            consumers fetch nothing and release what was not started. A signal handler may set it: it has no lock.
    """

    def __init__(self, run: Run) -> None:
        self.fenced_total = 0
        self.limit = ProcessLimit()
        self.consumer_threads: dict[QueueKeys, Any] = {}
        self.is_paused = False
        self.stopping_since: float | None = None
        self._run = run
        self._write_failed_at = -math.inf
        self._names: dict[int, str] = {}
        self._in_flight: dict[QueueKeys, InFlightMessages] = {}
        self._lock = threading.Lock()

    @property
    def consumer_name(self) -> str:
        """Host, process id and a random part. A forked child has another name."""
        pid = os.getpid()
        with self._lock:
            if pid not in self._names:
                self._names[pid] = f"{socket.gethostname()}:{pid}:{secrets.token_hex(4)}"
            return self._names[pid]

    def queues(self) -> list[QueueKeys]:
        """Return the queues that this process has consumed."""
        with self._lock:
            return list(self._in_flight)

    def in_flight(self, keys: QueueKeys) -> InFlightMessages:
        """Return the messages of a queue that this process holds."""
        with self._lock:
            return self._in_flight.setdefault(keys, InFlightMessages(self.limit))

    def start(self, keys: QueueKeys, messages: Sequence[StreamMessage], *, counts: bool) -> None:
        """Mark messages of a queue as started, if they count, and set `lease_lost` of those that were lost.

        Only started messages count towards `max_deliveries` when this process is killed. The process holds no more
        messages than it has threads: a started message reaches its actor at once.

        Raises:
            BrokerUnavailable: None, some or all messages were marked. Call it again.
        """
        for number in self._run(start_call(keys, self.consumer_name, messages, counts=counts)):
            messages[number - 1].lose_lease()

    def release(self, keys: QueueKeys, messages: Sequence[StreamMessage], *, were_started: bool = False) -> None:
        """Requeue messages of a queue and hold them no longer. The deliveries do not count towards `max_deliveries`.

        Args:
            keys: Keys of the queue.
            messages: The messages.
            were_started: Whether the actors of the messages were called. Their next attempt then has a new number.

        Raises:
            BrokerUnavailable: None, some or all messages were requeued. They are still held.
        """
        for stream in keys.streams:
            if entry_ids := [message.entry_id for message in messages if message.stream == stream]:
                call = release_call(keys, self.consumer_name, stream, entry_ids, were_started=were_started)
                self._run(call)
        self.in_flight(keys).discard(messages)

    def fenced(self, message: StreamMessage, effects: Sequence[Effect], *, is_started: bool | None = None) -> list[Any]:
        """Run effects if this process owns the entry; see `StreamsBroker.fenced`."""
        marks = [] if is_started is None else [start_mark_effect(message, self.consumer_name, is_started=is_started)]
        try:
            # A full server refuses an effect, and then the effects after it do not run.
            is_owned, *replies = self._run(fenced_call(message, self.consumer_name, [*effects, *marks]))
        except BrokerUnavailable:
            self._write_failed_at = time.monotonic()
            raise
        if not is_owned:
            self._note_fenced(message)
            raise LeaseLost(f"message {message.message_id} is owned by another worker")
        if is_started is not None:
            message.is_counted = is_started
        return list(replies[0])[: len(effects)]

    def may_fetch_with_finish(self) -> bool:
        """Return whether the script that finishes a message may fetch the next one.

        It runs although the server is out of memory. Therefore it must not start messages after a write has failed.
        """
        return time.monotonic() - self._write_failed_at > _FAILED_WRITE_SECONDS

    def may_fetch(self) -> bool:
        """Return whether this process may fetch messages."""
        return self.stopping_since is None and not self.is_paused

    def settle(
        self,
        message: StreamMessage,
        call: ScriptCall,
        decode_next: Callable[[Any], StreamMessage | None] = lambda _: None,
    ) -> bool:
        """End a delivery with a call of the module settlement.

        Args:
            message: The message.
            call: The call.
            decode_next: Returns the message in the reply that was fetched for the same worker thread, if any.

        Returns:
            False if the script refused it because the lease was lost.

        Raises:
            BrokerUnavailable: Settle the message again: the check of the owner prevents a second execution.
        """
        in_flight = self.in_flight(message.keys)
        message.is_settling = True
        try:
            reply = self._send_follow_ups(message) and self._run(call)
            is_owned = bool(reply[0] if isinstance(reply, list) else reply)
            successor = decode_next(reply) if is_owned else None
        except BrokerUnavailable:
            message.settlement_unknown = True
            raise
        except BaseException:
            # The server refused an effect, or the thread was interrupted. Dramatiq does not try again. The lease is no
            # longer renewed, and the message is delivered again when it has expired.
            in_flight.discard([message])
            raise
        in_flight.replace(message, successor)
        if not is_owned and not message.settlement_unknown:
            self._note_fenced(message)
        return is_owned

    def _send_follow_ups(self, message: StreamMessage) -> bool:
        """Enqueue the follow-ups that the settling script cannot write. They are sent first, so that none is lost.

        Returns:
            False if the lease was lost; nothing was sent.
        """
        if message.lease_lost.is_set():
            return False
        separate = [request for request in message.follow_ups if not is_settled_together(request, message)]
        if separate and not self._run(fenced_call(message, self.consumer_name, ()))[0]:
            return False
        for request in separate:
            try:
                request.check_reply(self._run(request.command()))
            except (Duplicate, PreconditionFailed, QueueFull) as e:
                _log.warning("A message that follows message %s was not enqueued: %s", message.message_id, e)
            message.follow_ups.remove(request)
        return True

    def _note_fenced(self, message: StreamMessage) -> None:
        with self._lock:
            self.fenced_total += 1
        _log.warning("The lease of message %s was lost: its writes are refused.", message.message_id)
        message.lose_lease()

"""The deliveries of this process, in all queues, and how they end."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import Any

from app.broker.delivery.in_flight import InFlightMessages
from app.broker.delivery.message import StreamMessage
from app.broker.delivery.settlement import fenced_call, is_settled_together, start_call
from app.broker.effects import Effect
from app.broker.errors import BrokerUnavailable, Duplicate, LeaseLost, PreconditionFailed, QueueFull
from app.broker.keys import QueueKeys
from app.broker.scripts import Run, ScriptCall

__all__ = ["Deliveries"]

_log = logging.getLogger(__name__)


class Deliveries:
    """Thread-safe: consumer threads fetch messages, worker threads settle them, the lease renewal reads them.

    Args:
        run: Runs a command.

    Attributes:
        fenced_total: How often a write or a finish of this process was refused because it had lost the lease.
    """

    def __init__(self, run: Run) -> None:
        self.fenced_total = 0
        self._run = run
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
            return self._in_flight.setdefault(keys, InFlightMessages())

    def leased(self) -> dict[str, list[StreamMessage]]:
        """Return the messages whose leases are to be renewed, by stream."""
        streams: dict[str, list[StreamMessage]] = {}
        for keys in self.queues():
            for message in self.in_flight(keys).leased():
                streams.setdefault(message.stream, []).append(message)
        return streams

    def start(self, message: StreamMessage) -> bool:
        """Return whether a message may be started: not if its lease was lost while it waited in memory.

        If a delivery of the message was lost before, a script checks the lease and marks the entry as started. Only
        messages that were running when a worker was killed count towards `max_deliveries`.

        Raises:
            BrokerUnavailable: The state is unknown. The message may be started.
        """
        if message.deliveries > 1 and not self._run(start_call(message, self.consumer_name)):
            message.lose_lease()
        return not message.lease_lost.is_set()

    def fenced(self, message: StreamMessage, effects: Sequence[Effect]) -> list[Any]:
        """Run effects if this process owns the entry; see `StreamsBroker.fenced`."""
        is_owned, *replies = self._run(fenced_call(message, self.consumer_name, effects))
        if not is_owned:
            self._note_fenced(message)
            raise LeaseLost(f"message {message.message_id} is owned by another worker")
        return list(replies[0])

    def settle(self, message: StreamMessage, call: ScriptCall) -> bool:
        """End a delivery with a call of the module settlement.

        Returns:
            False if the script refused it because the lease was lost.

        Raises:
            BrokerUnavailable: Settle the message again: the check of the owner prevents a second execution.
        """
        in_flight = self.in_flight(message.keys)
        message.is_settling = True
        try:
            is_owned = self._send_follow_ups(message) and bool(self._run(call))
        except BrokerUnavailable:
            message.settlement_unknown = True
            raise
        except BaseException:
            # The server refused an effect, or the thread was interrupted. Dramatiq does not try again. The lease is no
            # longer renewed, and the message is delivered again when it has expired.
            in_flight.discard([message])
            raise
        in_flight.discard([message])
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

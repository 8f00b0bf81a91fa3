"""What this process holds, of every queue, and how each delivery ends."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from dramatiq.common import q_name

from app.broker import settlement
from app.broker.effects import Effect
from app.broker.errors import BrokerUnavailable, Duplicate, LeaseLost, PreconditionFailed, QueueFull
from app.broker.in_flight import InFlight
from app.broker.message import StreamMessage
from app.broker.scripts import Call
from app.broker.submission import settle

__all__ = ["Deliveries"]

_log = logging.getLogger(__name__)


class Deliveries:
    """Thread-safe: consumer threads fetch, worker threads settle, the heartbeat renews.

    Parameters:
        run: runs a script or a bare command; raises BrokerUnavailable.
        consumer_name: this process' name in every consumer group; made up when not given.

    Attributes:
        fenced_total: how often a write or a finish was refused because the lease was lost.
    """

    def __init__(self, run: Callable[[Call | Sequence[Any]], Any], consumer_name: str | None) -> None:
        self.fenced_total = 0
        self._run = run
        self._given_name = consumer_name
        self._names: dict[int, str] = {}
        self._in_flight: dict[str, InFlight] = {}
        self._lock = threading.Lock()

    @property
    def consumer_name(self) -> str:
        """Host, process and a random part; a forked child gets a name of its own."""
        pid = os.getpid()
        with self._lock:
            if pid not in self._names:
                made_up = f"{socket.gethostname()}:{pid}:{secrets.token_hex(4)}"
                self._names[pid] = self._given_name or made_up
            return self._names[pid]

    def queues(self) -> list[str]:
        """The queues this process has consumed."""
        with self._lock:
            return list(self._in_flight)

    def of(self, queue_name: str) -> InFlight:
        """What is held of one queue."""
        with self._lock:
            return self._in_flight.setdefault(q_name(queue_name), InFlight())

    def leased(self) -> dict[str, list[StreamMessage]]:
        """By stream, all messages whose leases are to be renewed."""
        streams: dict[str, list[StreamMessage]] = {}
        for queue_name in self.queues():
            for message in self.of(queue_name).leased():
                streams.setdefault(message.stream, []).append(message)
        return streams

    def start(self, message: StreamMessage) -> bool:
        """May this message be started? False when its lease was lost while it waited in memory.

        A message that was lost before is asked for at the server, which notes that it was started: only what ran
        when a worker died is counted towards `max_deliveries`. Others cost no round trip.

        Raises:
            BrokerUnavailable: unknown; to start it is no mistake.
        """
        if message.deliveries > 1 and not self._run(settlement.start(message, self.consumer_name)):
            message.lose_lease()
        return not message.lease_lost.is_set()

    def fenced(self, message: StreamMessage, effects: Sequence[Effect]) -> list[Any]:
        """As `StreamsBroker.fenced`."""
        owned, *replies = self._run(settlement.fenced(message, self.consumer_name, effects))
        if not owned:
            self._refuse(message)
            raise LeaseLost(f"message {message.message_id} is no longer ours")
        return list(replies[0])

    def settle(self, message: StreamMessage, call: Call) -> bool:
        """End a delivery by a script of `settlement`; False when it was refused because the lease was lost.

        Raises:
            BrokerUnavailable: call again; the owner check keeps it from being applied twice.
        """
        held = self.of(message.keys.queue)
        message.settling = True
        try:
            owned = self._send_follow_ups(message) and bool(self._run(call))
        except BrokerUnavailable:
            message.finish_in_doubt = True
            raise
        except BaseException:
            # An effect the server refuses, or an interrupt: nobody will try again. Held no longer, the message comes
            # back when its lease runs out.
            held.discard([message])
            raise
        held.discard([message])
        if not owned and not message.finish_in_doubt:
            self._refuse(message)
        return owned

    def _send_follow_ups(self, message: StreamMessage) -> bool:
        """Enqueue what the finish's script cannot write, before it, so none is lost. False: not ours, none sent."""
        if message.lease_lost.is_set():
            return False
        strangers = [one for one in message.follow_ups if not settlement.belongs(one, message)]
        if strangers and not self._run(settlement.fenced(message, self.consumer_name, ()))[0]:
            return False
        for submission in strangers:
            try:
                settle(self._run(submission.command()), submission)
            except (Duplicate, QueueFull, PreconditionFailed) as e:
                _log.warning("A message that follows on message %s was not enqueued: %s", message.message_id, e)
            message.follow_ups.remove(submission)
        return True

    def _refuse(self, message: StreamMessage) -> None:
        with self._lock:
            self.fenced_total += 1
        _log.warning("The lease of message %s was lost: nothing of it counts any more.", message.message_id)
        message.lose_lease()

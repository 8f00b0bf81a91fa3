"""Renews the leases of everything this process holds: running, queued in memory, prefetched."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.broker.errors import BrokerUnavailable
from app.broker.keys import GROUP
from app.broker.message import StreamMessage
from app.broker.scripts import Call, Script

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["LeaseRenewal"]

_MESSAGES_PER_CALL = 200
_log = logging.getLogger(__name__)


class LeaseRenewal(threading.Thread):
    """One thread a process; nothing slow may run on it, since every lease depends on it.

    It outlives `stop` for as long as anything is held.
    """

    def __init__(self, broker: StreamsBroker) -> None:
        super().__init__(name="streams-heartbeat", daemon=True)
        self._broker = broker
        self._interval_seconds = broker.lease_ms / 4 / 1000
        self._stopping = threading.Event()

    def run(self) -> None:
        """Beat until stopped and nothing is held."""
        pause = self._interval_seconds
        while True:
            # Once stopping, the event is set and would not wait any more.
            time.sleep(pause) if self._stopping.is_set() else self._stopping.wait(pause)
            if self._stopping.is_set() and not self._broker.deliveries.leased():
                return
            pause = self._interval_seconds if self._beat() else self._interval_seconds / 4

    def stop(self) -> None:
        """End once nothing is held any more."""
        self._stopping.set()

    def _beat(self) -> bool:
        """False when Redis could not be reached: then the next beat comes sooner."""
        try:
            for stream, messages in self._broker.deliveries.leased().items():
                self.renew(stream, messages)
        except BrokerUnavailable as e:
            _log.warning("Leases could not be renewed: %s", e)
            return False
        except Exception:  # noqa: BLE001  # the thread must go on: every lease depends on it
            _log.exception("Leases could not be renewed.")
            return False
        return True

    def renew(self, stream: str, messages: Sequence[StreamMessage]) -> None:
        """Renew these, and mark the lost ones.

        Raises:
            BrokerUnavailable: none, some or all were renewed.
        """
        by_id = {message.entry_id: message for message in messages}
        for start in range(0, len(messages), _MESSAGES_PER_CALL):
            chunk = [message.entry_id for message in messages[start : start + _MESSAGES_PER_CALL]]
            args = [GROUP, self._broker.consumer_name, *chunk]
            for lost in self._broker.run(Call(Script.HEARTBEAT, [stream], args)):
                message = by_id[lost.decode()]
                # Its finish may have been executed while the beat was under way: then that one's reply decides.
                if not message.settling:
                    message.lose_lease()

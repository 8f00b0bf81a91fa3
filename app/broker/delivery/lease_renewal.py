"""Renewal of the lease of this process and of the leases of all messages that it holds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from app.broker.delivery.deliveries import Deliveries
from app.broker.delivery.message import StreamMessage
from app.broker.delivery.settlement import number_entries
from app.broker.errors import BrokerUnavailable
from app.broker.keys import QueueKeys
from app.broker.scripts import Run, Script, ScriptCall

__all__ = ["LeaseRenewal"]

# lua/recovery_rule.lua depends on both values.
_RENEWALS_PER_LEASE = 4
_ATTEMPTS_PER_LEASE = 16

_MESSAGES_PER_CALL = 200
_log = logging.getLogger(__name__)


class LeaseRenewal(threading.Thread):
    """Renews the leases of one queue four times per lease. After `stop`, it continues while messages are held.

    Each queue has its own thread, because a slow reply for one queue must not delay the others. Nothing slow may run on
    this thread.

    Args:
        keys: Keys of the queue.
        deliveries: The messages of this process.
        run: Runs a command.
        lease_ms: Duration of a lease.
    """

    def __init__(self, keys: QueueKeys, deliveries: Deliveries, run: Run, lease_ms: int) -> None:
        super().__init__(name=f"lease-renewal-{keys.queue}", daemon=True)
        self._keys = keys
        self._deliveries = deliveries
        self._in_flight = deliveries.in_flight(keys)
        self._run_command = run
        self._lease_ms = lease_ms
        self._stopping = threading.Event()

    def run(self) -> None:
        """Renew leases until `stop` was called and no message is held."""
        while not self._stopping.is_set() or self._in_flight.leased():
            intervals = _RENEWALS_PER_LEASE if self._try_renew() else _ATTEMPTS_PER_LEASE
            pause = self._lease_ms / intervals / 1000
            # A set event does not wait.
            time.sleep(pause) if self._stopping.is_set() else self._stopping.wait(pause)

    def stop(self) -> None:
        """End the thread when no message is held any more."""
        self._stopping.set()

    def renew(self) -> None:
        """Renew the lease of this process and those of its messages, and mark the messages whose lease was lost.

        Raises:
            BrokerUnavailable: None, some or all leases were renewed.
        """
        messages = self._in_flight.leased()
        # Without a message, one call renews the lease of the process.
        for start in range(0, max(1, len(messages)), _MESSAGES_PER_CALL):
            self._renew(messages[start : start + _MESSAGES_PER_CALL])

    def _renew(self, messages: Sequence[StreamMessage]) -> None:
        streams, entries = number_entries(messages)
        keys = [self._keys.availability, self._keys.workers, *streams]
        args = [self._keys.group, self._deliveries.consumer_name, self._lease_ms, *entries]
        for number in self._run_command(ScriptCall(Script.RENEW_LEASES, keys, args)):
            message = messages[number - 1]
            # The script that settles a message may have run in the meantime. Its reply decides.
            if not message.is_settling:
                message.lose_lease()

    def _try_renew(self) -> bool:
        try:
            self.renew()
        except BrokerUnavailable as e:
            _log.warning("Leases could not be renewed: %s", e)
            return False
        except Exception:  # noqa: BLE001  # the thread must not end: every lease depends on it
            _log.exception("Leases could not be renewed.")
            return False
        return True

"""Renewal of the leases of all messages that this process holds, whether they run or wait in memory."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from app.broker.delivery.deliveries import Deliveries
from app.broker.delivery.message import StreamMessage
from app.broker.errors import BrokerUnavailable
from app.broker.keys import GROUP
from app.broker.scripts import Run, Script, ScriptCall

__all__ = ["RENEWALS_PER_LEASE", "LeaseRenewal"]

RENEWALS_PER_LEASE = 4

_MESSAGES_PER_CALL = 200
_log = logging.getLogger(__name__)


class LeaseRenewal(threading.Thread):
    """Renews the leases `RENEWALS_PER_LEASE` times per lease. After `stop`, it continues while messages are held.

    Nothing slow may run on this thread, because every lease depends on it.

    Args:
        deliveries: The messages of this process.
        run: Runs a command.
        lease_ms: Duration of a lease.
    """

    def __init__(self, deliveries: Deliveries, run: Run, lease_ms: int) -> None:
        super().__init__(name="lease-renewal", daemon=True)
        self._deliveries = deliveries
        self._run_command = run
        self._interval_seconds = lease_ms / RENEWALS_PER_LEASE / 1000
        self._stopping = threading.Event()

    def run(self) -> None:
        """Renew leases until `stop` was called and no message is held."""
        pause = self._interval_seconds
        while True:
            # A set event does not wait.
            time.sleep(pause) if self._stopping.is_set() else self._stopping.wait(pause)
            if self._stopping.is_set() and not self._deliveries.leased():
                return
            pause = self._interval_seconds if self._renew_all() else self._interval_seconds / 4

    def stop(self) -> None:
        """End the thread when no message is held any more."""
        self._stopping.set()

    def renew(self, stream: str, messages: Sequence[StreamMessage]) -> None:
        """Renew the leases of messages of one stream and mark those that are lost.

        Raises:
            BrokerUnavailable: None, some or all leases were renewed.
        """
        by_id = {message.entry_id: message for message in messages}
        for start in range(0, len(messages), _MESSAGES_PER_CALL):
            entry_ids = [message.entry_id for message in messages[start : start + _MESSAGES_PER_CALL]]
            args = [GROUP, self._deliveries.consumer_name, *entry_ids]
            for lost_id in self._run_command(ScriptCall(Script.RENEW_LEASES, [stream], args)):
                message = by_id[lost_id.decode()]
                # The script that settles a message may have run in the meantime. Its reply decides.
                if not message.is_settling:
                    message.lose_lease()

    def _renew_all(self) -> bool:
        """Return False if Redis was unavailable; the next attempt then follows sooner."""
        try:
            for stream, messages in self._deliveries.leased().items():
                self.renew(stream, messages)
        except BrokerUnavailable as e:
            _log.warning("Leases could not be renewed: %s", e)
            return False
        except Exception:  # noqa: BLE001  # the thread must not end: every lease depends on it
            _log.exception("Leases could not be renewed.")
            return False
        return True

"""The actor that recovers the messages of lost workers, once a minute.

periodiq enqueues it every minute on the maintenance queue, which no job can block. Any number of schedulers may enqueue
it, because recovery is idempotent. Workers call the same function for the queues that they consume every second. A
periodic task of the maintenance worker does the same for queues that have no worker at the moment.
"""

from __future__ import annotations

from app.broker import StreamsBroker

__all__ = ["Recovery"]


class Recovery:
    """Recovers all declared queues of a broker."""

    def __init__(self, broker: StreamsBroker) -> None:
        self._broker = broker

    def run(self) -> None:
        """Requeue or dead-letter every message whose lease has expired, and promote delayed messages that are due.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        for queue_name in sorted(self._broker.get_declared_queues()):
            self._broker.maintain(queue_name)

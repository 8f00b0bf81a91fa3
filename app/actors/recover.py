"""The actor that recovers the messages of lost workers, once a minute.

periodiq enqueues it every minute on the maintenance queue, which no job can block. Any number of schedulers may enqueue
it, because recovery is idempotent. Workers also recover the queues that they consume, within seconds (app/broker); the
actor covers the queues that have no worker at the moment.
"""

from __future__ import annotations

from app.broker import StreamsBroker

__all__ = ["Recovery"]


class Recovery:
    """Recovers all declared queues of a broker."""

    def __init__(self, broker: StreamsBroker) -> None:
        self._broker = broker

    def run(self) -> None:
        """Requeue or dead-letter every message whose lease has expired.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        for queue_name in sorted(self._broker.get_declared_queues()):
            self._broker.recover(queue_name)

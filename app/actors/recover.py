"""Recovery on a schedule: periodiq ticks once a minute, each tick fans out sweeps through that minute.

Any number of schedulers may tick, and a tick may come twice: a minute counts once. The sweeps ride a queue of their
own that no user's job can clog; besides, every worker sweeps by itself, so that a dead scheduler stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from app.broker import StreamsBroker

__all__ = ["Recovery"]

_MINUTE_MS: Final = 60_000
_SHORTEST_INTERVAL_MS: Final = 1_000
# A killed worker's job starts again within its lease and 5 s, however long the lease is.
_LONGEST_INTERVAL_MS: Final = 5_000
_log = structlog.get_logger(__name__)


class Recovery:
    """The bodies of the two actors.

    Parameters:
        schedule_sweep: enqueue a sweep of a queue after so many milliseconds.
        now_ms: Unix time.
        on_recovered: told how many messages were taken from lost workers.
    """

    def __init__(
        self,
        broker: StreamsBroker,
        schedule_sweep: Callable[[str, int], None],
        now_ms: Callable[[], int],
        on_recovered: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._on_recovered = on_recovered
        self._broker = broker
        self._schedule_sweep = schedule_sweep
        self._now_ms = now_ms

    def tick(self) -> None:
        """Once a minute, however often it is called."""
        minute = self._now_ms() // _MINUTE_MS
        # Remembered for longer than a late duplicate can take to arrive.
        if not self._broker.tick_once(f"recovery:{minute}", 10 * _MINUTE_MS):
            return
        for queue_name in sorted(self._broker.get_declared_queues()):
            for delay_ms in range(0, _MINUTE_MS, self._interval_ms):
                self._schedule_sweep(queue_name, delay_ms)

    def sweep(self, queue_name: str) -> None:
        """Give every entry whose lease ran out to another worker, or to the dead letters."""
        report = self._broker.recover(queue_name)
        if report.requeued or report.dead:
            self._on_recovered(report.requeued + report.dead)
            _log.warning("recovered", queue=queue_name, requeued=report.requeued, dead=report.dead)

    @property
    def _interval_ms(self) -> int:
        return max(_SHORTEST_INTERVAL_MS, min(_LONGEST_INTERVAL_MS, self._broker.lease_ms // 3))

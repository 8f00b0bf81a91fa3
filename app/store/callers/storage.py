"""Reconciliation of the storage ledgers: the bytes that the jobs of each owner take in Redis.

The scripts that write, finish and delete jobs keep the ledgers exact. The reconciliation covers what no script does:
records that expire while their owner submits nothing, and records that are deleted in another way.
"""

from __future__ import annotations

from typing import Any, Final

import redis
import structlog

from app.broker import read_ledger_lua
from app.store.connection import read_lua
from app.store.keys import StoreKeys

__all__ = ["StorageReconciliation"]

_RECONCILE: Final = read_ledger_lua() + read_lua("callers/reconcile_storage")
_BATCH_SIZE: Final = 500
# The sum of more entries would block Redis for more than about 10 ms.
_MAX_SUMMED_ENTRIES: Final = 20_000
_log: Final = structlog.get_logger(__name__)


class StorageReconciliation:
    """Removes expired and deleted jobs from the storage ledgers. Any number of processes may do so at once.

    Args:
        client: Redis client.
        keys: Key names.
    """

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys
        self._script: Any = client.register_script(_RECONCILE)

    def run(self) -> None:
        """Reconcile the ledgers of all owners. If Redis does not answer, the next run repeats it."""
        try:
            self.reconcile()
        except (redis.RedisError, OSError) as e:
            _log.warning("periodic_task_failed", task="reconcile_storage", error=f"{type(e).__name__}: {e}")

    def reconcile(self) -> int:
        """Reconcile the ledgers of all owners and return the number of removed entries. Raises ``redis.RedisError``."""
        owners: Any = self._client.smembers(self._keys.storage_owners)
        return sum(self._reconcile(owner.decode()) for owner in sorted(owners))

    def _reconcile(self, owner: str) -> int:
        cursor, total = b"0", 0
        while True:
            reply: tuple[bytes, int] = self._script(
                keys=[self._keys.storage(owner), self._keys.storage_owners],
                args=[
                    owner, cursor, _BATCH_SIZE, self._keys.record(""), self._keys.output_entry(""), _MAX_SUMMED_ENTRIES,
                ],
            )  # fmt: skip
            cursor, removed = reply
            total += removed
            if cursor == b"0":
                return total

"""``python -m app.alive``: status 0 unless this host's workers have fallen silent. The health check of their container.

A container that is not healthy may be killed with the jobs in it. So what is no fault of the worker's does not count:
where Redis cannot be asked, or has not been up for long enough to have been told, nothing is known.
"""

from __future__ import annotations

import socket
import sys
from typing import Any, Final

import redis

from app.broker.connection import without_retries
from app.config import read_settings
from app.store.keys import StoreKeys
from app.store.worker_registry import WorkerRegistry
from app.wiring.connections import client

__all__ = ["is_alive"]

# As long as a worker has to say something before its containers are taken from it.
_SILENCE_SECONDS: Final = 20.0


def is_alive(connection: redis.Redis, keys: StoreKeys, host: str, silence_seconds: float = _SILENCE_SECONDS) -> bool:
    """Whether a worker of this host was heard of within ``silence_seconds``, or nothing is known."""
    try:
        server: Any = connection.info("server")
        seen = WorkerRegistry(connection, keys).last_seen_seconds_ago()
    except redis.RedisError:
        return True
    if server["uptime_in_seconds"] <= silence_seconds:
        return True
    return any(name.startswith(f"{host}:") and seconds <= silence_seconds for name, seconds in seen.items())


def main() -> None:
    """Ask for the workers of this container."""
    settings = read_settings()
    sys.exit(not is_alive(without_retries(client(settings)), StoreKeys(settings.namespace), socket.gethostname()))


if __name__ == "__main__":
    main()

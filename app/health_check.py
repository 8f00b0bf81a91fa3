"""``python -m app.health_check``: the health check of a worker's container.

The exit status is 1 if the workers of this host have sent no heartbeat for 20 seconds, otherwise 0. An unhealthy
container may be killed together with its jobs. Therefore, a fault of Redis does not make a worker unhealthy.
"""

from __future__ import annotations

import socket
import sys
from typing import Any, Final

import redis

from app.broker.connection import without_retries
from app.config import read_settings
from app.store.connection import create_client
from app.store.keys import StoreKeys
from app.store.worker_registry import WorkerRegistry

__all__ = ["is_healthy"]

# Other workers remove the containers of a worker after the same time.
_HEARTBEAT_TIMEOUT_SECONDS: Final = 20.0


def is_healthy(
    connection: redis.Redis, keys: StoreKeys, host: str, timeout_seconds: float = _HEARTBEAT_TIMEOUT_SECONDS
) -> bool:
    """Return whether the workers of a host are healthy.

    Args:
        connection: Redis client.
        keys: Key names.
        host: Name of the host, the first part of the names of its workers.
        timeout_seconds: Maximum age of the latest heartbeat.

    Returns:
        True if a worker of this host sent a heartbeat in time, if Redis does not answer, or if Redis has not been up
        long enough to have received one.
    """
    try:
        server: Any = connection.info("server")
        seen = WorkerRegistry(connection, keys).last_seen_seconds_ago()
    except redis.RedisError:
        return True
    if server["uptime_in_seconds"] <= timeout_seconds:
        return True
    return any(name.startswith(f"{host}:") and seconds <= timeout_seconds for name, seconds in seen.items())


def main() -> None:
    """Check the workers of this container and exit."""
    settings = read_settings()
    connection = without_retries(create_client(settings.redis_url, settings.redis_timeout_seconds))
    sys.exit(0 if is_healthy(connection, StoreKeys(settings.namespace), socket.gethostname()) else 1)


if __name__ == "__main__":
    main()

"""Does the Redis or Valkey server keep what it is given? Read with INFO, which managed servers allow too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import redis

from app.broker.sentinel import is_sentinel_url
from app.cli.checks.finding import Finding, failed, found, passed, warned
from app.cli.checks.versions import version_of
from app.wiring.connections import client_of

__all__ = ["check_store"]

OLDEST: Final = {"redis": (7, 0), "valkey": (7, 2)}


def check_store(url: str, timeout_seconds: float) -> Iterator[Finding]:
    """Version, append-only file, eviction; of a master that Sentinels watch, its replicas too."""
    client = client_of(url, timeout_seconds)
    try:
        info: Mapping[str, Any] = client.info("everything")
    except (redis.RedisError, OSError) as e:
        yield failed("Redis", f"{e}; say where it is with REDIS_URL")
        return
    finally:
        client.close()
    yield _version(info)
    yield _append_only_file(info)
    yield _eviction(info)
    if is_sentinel_url(url):
        yield _replicas(info)


def _version(info: Mapping[str, Any]) -> Finding:
    # Valkey also tells the version of Redis that it is compatible with.
    kind = "valkey" if "valkey_version" in info else "redis"
    text = str(info[f"{kind}_version"])
    oldest = ".".join(map(str, OLDEST[kind]))
    return found("Redis version", version_of(text)[:2] >= OLDEST[kind], f"{kind} {text}; {oldest} or later is needed")


def _append_only_file(info: Mapping[str, Any]) -> Finding:
    if not info.get("aof_enabled"):
        return warned("Redis keeps its data", "appendonly is off: a crash of the server loses accepted jobs")
    if info.get("aof_last_write_status", "ok") != "ok":
        return failed("Redis keeps its data", "the last write to the append-only file failed: is its disk full?")
    return passed("Redis keeps its data", "appendonly is on")


def _eviction(info: Mapping[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", "unknown"))
    good = policy == "noeviction"
    why = "" if good else ": jobs would be thrown away when memory runs out; it has to be noeviction"
    return found("Redis evicts nothing", good, f"maxmemory-policy is {policy}{why}")


def _replicas(info: Mapping[str, Any]) -> Finding:
    if not info.get("connected_slaves"):
        return warned("Redis has a replica", "none is connected: nobody can take the master's place")
    if "min_slaves_good_slaves" not in info:
        return warned(
            "Redis has a replica",
            "min-replicas-to-write is 0: a master that was cut off goes on accepting what is lost",
        )
    return passed("Redis has a replica", f"{info['connected_slaves']} connected, and no write without one")

"""Checks that the Redis or Valkey server does not lose data. Uses INFO, which managed servers permit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import redis

from app.broker.sentinel import is_sentinel_url
from app.cli.checks.finding import Finding, failed, passed, passed_if, warned
from app.cli.checks.versions import parse_version
from app.store.connection import create_client

__all__ = ["check_store"]

MIN_VERSIONS: Final = {"redis": (7, 0), "valkey": (7, 2)}


def check_store(url: str, timeout_seconds: float) -> Iterator[Finding]:
    """Check version, append-only file and eviction; behind Sentinels, also the replicas."""
    client = create_client(url, timeout_seconds)
    try:
        info: Mapping[str, Any] = client.info("everything")
    except (redis.RedisError, OSError) as e:
        yield failed("Redis", f"{e}; set REDIS_URL to its address")
        return
    finally:
        client.close()
    yield _check_version(info)
    yield _check_persistence(info)
    yield _check_eviction(info)
    if is_sentinel_url(url):
        yield _check_replicas(info)


def _check_version(info: Mapping[str, Any]) -> Finding:
    # Valkey also reports a redis_version, for compatibility.
    kind = "valkey" if "valkey_version" in info else "redis"
    text = str(info[f"{kind}_version"])
    minimum = ".".join(map(str, MIN_VERSIONS[kind]))
    return passed_if(
        "Redis version", parse_version(text)[:2] >= MIN_VERSIONS[kind], f"{kind} {text}; required: {minimum} or later"
    )


def _check_persistence(info: Mapping[str, Any]) -> Finding:
    if not info.get("aof_enabled"):
        return warned("Redis persistence", "appendonly is off: a crash of the server loses accepted jobs")
    if info.get("aof_last_write_status", "ok") != "ok":
        return failed("Redis persistence", "the last write to the append-only file failed: is its disk full?")
    return passed("Redis persistence", "appendonly is on")


def _check_eviction(info: Mapping[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", "unknown"))
    is_noeviction = policy == "noeviction"
    why = "" if is_noeviction else ": the server would delete jobs when its memory is full; set it to noeviction"
    return passed_if("Redis eviction", is_noeviction, f"maxmemory-policy is {policy}{why}")


def _check_replicas(info: Mapping[str, Any]) -> Finding:
    if not info.get("connected_slaves"):
        return warned("Redis replica", "none is connected: a failover is not possible")
    if "min_slaves_good_slaves" not in info:
        return warned(
            "Redis replica",
            "min-replicas-to-write is 0: a partitioned master accepts writes that are lost",
        )
    return passed("Redis replica", f"{info['connected_slaves']} connected, and required for writes")

"""Installed languages and the worker registry."""

from __future__ import annotations

import asyncio

import pytest
import redis
import redis.asyncio

from app.core.errors import StoreUnavailable
from app.core.languages import LanguageInfo
from app.store import languages as module
from app.store.keys import StoreKeys
from app.store.languages import LanguageStore, publish_languages
from app.store.worker_registry import WorkerRegistry

PYTHON = LanguageInfo(id="python", name="Python", file_name="main.py", aliases=("py", "Python3"), version="3.11.2")
BASH = LanguageInfo(id="bash", name="Bash", file_name="main.sh", version="5.2")
KNOWN = [LanguageInfo(id="python", name="Python", file_name="main.py", aliases=("py",))]
DAY_SECONDS = 86_400


class Clock:
    """Replaces the time module in app/store/languages.py."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "_CACHE_SECONDS", 0)
    return clock


@pytest.fixture
def languages(aclient: redis.asyncio.Redis, keys: StoreKeys, clock: Clock) -> LanguageStore:
    return LanguageStore(aclient, keys, KNOWN)


async def test_accepted_returns_the_catalogue_before_a_worker_has_published(
    languages: LanguageStore,
) -> None:
    assert await languages.accepted() == {"python": KNOWN[0], "py": KNOWN[0]}
    assert list(await languages.installed()) == []


async def test_hosts_returns_the_languages_of_each_host(
    languages: LanguageStore, client: redis.Redis, keys: StoreKeys, clock: Clock
) -> None:
    publish_languages(client, keys, "two", [BASH, PYTHON])
    clock.now += 5
    publish_languages(client, keys, "one", [PYTHON])
    one, two = await languages.hosts()
    assert (one.host, one.last_seen_seconds_ago, one.languages) == ("one", 0, (PYTHON,))
    assert (two.host, two.last_seen_seconds_ago, two.languages) == ("two", 5, (BASH, PYTHON))
    # And a host that has not reported for a day is not listed
    clock.now += DAY_SECONDS - 2
    assert [host.host for host in await languages.hosts()] == ["one"]


async def test_installed_returns_the_languages_of_all_hosts(
    languages: LanguageStore, client: redis.Redis, keys: StoreKeys
) -> None:
    publish_languages(client, keys, "one", [PYTHON])
    publish_languages(client, keys, "two", [BASH, PYTHON])

    assert list(await languages.installed()) == [BASH, PYTHON]
    assert await languages.accepted() == {"python": PYTHON, "py": PYTHON, "python3": PYTHON, "bash": BASH}


async def test_publish_languages_replaces_the_languages_of_the_host(
    languages: LanguageStore, client: redis.Redis, keys: StoreKeys
) -> None:
    publish_languages(client, keys, "one", [PYTHON, BASH])
    publish_languages(client, keys, "one", [BASH])

    assert list(await languages.installed()) == [BASH]


async def test_languages_of_a_silent_host_expire_after_a_day(
    languages: LanguageStore, client: redis.Redis, keys: StoreKeys, clock: Clock
) -> None:
    publish_languages(client, keys, "old", [PYTHON])
    clock.now += DAY_SECONDS - 1
    publish_languages(client, keys, "new", [BASH])
    assert list(await languages.installed()) == [BASH, PYTHON]

    clock.now += 2
    assert list(await languages.installed()) == [BASH]
    publish_languages(client, keys, "new", [BASH])

    assert client.hkeys(keys.languages) == [b"new"]
    assert 0 < client.ttl(keys.languages) <= DAY_SECONDS


async def test_installed_is_cached(
    aclient: redis.asyncio.Redis, client: redis.Redis, keys: StoreKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CACHE_SECONDS", 3600.0)
    languages = LanguageStore(aclient, keys, KNOWN)
    publish_languages(client, keys, "one", [PYTHON])
    assert list(await languages.installed()) == [PYTHON]
    publish_languages(client, keys, "two", [BASH])
    assert list(await languages.installed()) == [PYTHON]


async def test_is_missing_ignores_hosts_without_a_running_worker(
    languages: LanguageStore, client: redis.Redis, keys: StoreKeys, clock: Clock
) -> None:
    assert not await languages.is_missing("python")
    publish_languages(client, keys, "old", [PYTHON])
    assert not await languages.is_missing("python")
    assert await languages.is_missing("bash")
    clock.now += 61
    assert not await languages.is_missing("bash")
    publish_languages(client, keys, "new", [BASH])
    assert await languages.is_missing("python")
    assert not await languages.is_missing("bash")


async def test_accepted_reads_once_for_concurrent_requests(
    aclient: redis.asyncio.Redis, client: redis.Redis, keys: StoreKeys
) -> None:
    languages = LanguageStore(aclient, keys, KNOWN)
    publish_languages(client, keys, "one", [PYTHON])
    await languages.accepted()
    client.config_resetstat()

    await asyncio.gather(*(languages.accepted() for _ in range(20)))
    languages._cache.clear()
    await asyncio.gather(*(languages.accepted() for _ in range(20)))

    assert client.info("commandstats")["cmdstat_hgetall"]["calls"] == 1


async def test_accepted_reads_again_after_a_failed_read(keys: StoreKeys) -> None:
    languages = LanguageStore(redis.asyncio.Redis(port=1), keys, KNOWN)
    with pytest.raises(StoreUnavailable):
        await languages.accepted()
    with pytest.raises(StoreUnavailable):
        await languages.accepted()


async def test_installed_returns_the_languages_of_the_first_worker_at_once(
    aclient: redis.asyncio.Redis, client: redis.Redis, keys: StoreKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CACHE_SECONDS", 3600.0)
    languages = LanguageStore(aclient, keys, KNOWN)
    assert await languages.accepted() == {"python": KNOWN[0], "py": KNOWN[0]}
    publish_languages(client, keys, "one", [BASH])
    assert list(await languages.installed()) == [BASH]


def test_worker_is_alive_until_its_heartbeat_expires(client: redis.Redis, keys: StoreKeys) -> None:
    registry = WorkerRegistry(client, keys)
    assert registry.find_live(["w1"]) == set()

    registry.beat("w1")

    assert registry.find_live(["w1", "w2"]) == {"w1"}
    assert 5 < client.ttl(keys.heartbeat("w1")) <= 20
    client.expire(keys.heartbeat("w1"), 0)
    assert registry.find_live(["w1"]) == set()

"""Which languages are installed: workers tell of their host's engine, the API reads it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import redis
from redis.asyncio import Redis

from app.core.languages import HostLanguages, LanguageInfo, index_languages
from app.store.connection import translated
from app.store.keys import StoreKeys

__all__ = ["LanguageStore", "publish_languages"]

# A host that has been silent for a day is gone; until then its languages stay listed while its workers restart.
_FORGET_HOST_SECONDS: Final = 86_400
_CACHE_SECONDS: Final = 2.0


class _HostLanguages(msgspec.Struct, frozen=True):
    told_at: float
    languages: tuple[LanguageInfo, ...]


_decoder: Final = msgspec.json.Decoder(_HostLanguages)


def publish_languages(client: redis.Redis, keys: StoreKeys, host: str, languages: Sequence[LanguageInfo]) -> None:
    """Tell what this host's engine has. Called by a worker at its start and now and then."""
    told = _HostLanguages(time.time(), tuple(languages))
    client.hset(keys.languages, host, msgspec.json.encode(told).decode())
    # Hosts come and go with every deployment: what fell silent must not stay for ever.
    client.expire(keys.languages, _FORGET_HOST_SECONDS)
    hosts: Any = client.hgetall(keys.languages)
    silent = [name for name, value in hosts.items() if _is_silent(_decoder.decode(value), told.told_at)]
    if silent:
        client.hdel(keys.languages, *silent)


class LanguageStore:
    """Installed languages (asyncio).

    Parameters:
        known: the catalogue: what may be asked for before any worker has ever told what it has.
    """

    def __init__(self, client: Redis, keys: StoreKeys, known: Sequence[LanguageInfo]) -> None:
        self._client = client
        self._keys = keys
        self._known = index_languages(known)
        self._cached: Sequence[LanguageInfo] = ()
        self._names: Mapping[str, LanguageInfo] = {}
        self._cached_until = 0.0

    async def accepted(self) -> Mapping[str, LanguageInfo]:
        """See the port."""
        await self._cached_read()
        return self._names or self._known

    async def installed(self) -> Sequence[LanguageInfo]:
        """See the port."""
        # That nothing is installed is true for moments only, while the first worker starts: who asks then asks again.
        return await self._cached_read() or await self._read()

    async def hosts(self) -> Sequence[HostLanguages]:
        """See the port."""
        now = time.time()
        return tuple(
            HostLanguages(
                host=host, last_seen_seconds_ago=round(max(0.0, now - told.told_at), 1), languages=told.languages
            )
            for host, told in sorted((await self._told()).items())
        )

    async def _cached_read(self) -> Sequence[LanguageInfo]:
        if time.monotonic() >= self._cached_until:
            # Set first: of many requests at a time one asks, and the others go by what is known.
            self._cached_until = time.monotonic() + _CACHE_SECONDS
            try:
                self._cached = await self._read()
            except BaseException:
                self._cached_until = 0.0
                raise
            self._names = index_languages(self._cached)
        return self._cached

    async def _read(self) -> Sequence[LanguageInfo]:
        by_id = {info.id: info for host in (await self._told()).values() for info in host.languages}
        return tuple(by_id[language_id] for language_id in sorted(by_id))

    async def _told(self) -> dict[str, _HostLanguages]:
        with translated():
            hosts: Any = await self._client.hgetall(self._keys.languages)
        now = time.time()
        told = {host.decode(): _decoder.decode(value) for host, value in hosts.items()}
        return {host: languages for host, languages in told.items() if not _is_silent(languages, now)}


def _is_silent(host: _HostLanguages, now: float) -> bool:
    return host.told_at <= now - _FORGET_HOST_SECONDS

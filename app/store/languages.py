"""Which languages are installed: workers tell of their host's engine, the API reads it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import redis
from redis.asyncio import Redis

from app.core.languages import LanguageInfo, index_languages
from app.store.faults import translated
from app.store.keys import StoreKeys

__all__ = ["RedisLanguages", "publish_languages"]

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


class RedisLanguages:
    """Implements app.core.ports.Languages.

    Parameters:
        known: the catalogue: what may be asked for before any worker has ever told what it has.
    """

    def __init__(self, client: Redis, keys: StoreKeys, known: Sequence[LanguageInfo]) -> None:
        self._client = client
        self._keys = keys
        self._known = index_languages(known)
        self._cached: Sequence[LanguageInfo] = ()
        self._cached_until = 0.0

    async def accepted(self) -> Mapping[str, LanguageInfo]:
        """See the port."""
        installed = await self.installed()
        return index_languages(installed) if installed else self._known

    async def installed(self) -> Sequence[LanguageInfo]:
        """See the port."""
        if time.monotonic() >= self._cached_until:
            self._cached = await self._read()
            self._cached_until = time.monotonic() + _CACHE_SECONDS
        return self._cached

    async def _read(self) -> Sequence[LanguageInfo]:
        async with translated():
            hosts: Any = await self._client.hgetall(self._keys.languages)
        oldest = time.time() - _FORGET_HOST_SECONDS
        told = (_decoder.decode(value) for value in hosts.values())
        by_id = {info.id: info for host in told if host.told_at > oldest for info in host.languages}
        return tuple(by_id[language_id] for language_id in sorted(by_id))

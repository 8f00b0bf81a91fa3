"""Installed languages: workers publish those of their engine, the gateway reads them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cachetools
import msgspec
import redis
from redis.asyncio import Redis

from app.core.languages import HostLanguages, LanguageInfo, index_languages
from app.store.connection import translated
from app.store.keys import StoreKeys

__all__ = ["LanguageStore", "publish_languages"]

# The languages of a host stay listed while its workers restart, and are removed after a day.
_EXPIRE_SECONDS: Final = 86_400
_CACHE_SECONDS: Final = 2.0
# Four times the interval in which a worker publishes (app/wiring/worker.py).
_RECENT_SECONDS: Final = 60.0


class _PublishedLanguages(msgspec.Struct, frozen=True):
    """The languages of a host. ``published_at`` is the Unix time of their publication in seconds."""

    published_at: float = msgspec.field(name="told_at")
    languages: tuple[LanguageInfo, ...]


_decoder: Final = msgspec.json.Decoder(_PublishedLanguages)


def publish_languages(client: redis.Redis, keys: StoreKeys, host: str, languages: Sequence[LanguageInfo]) -> None:
    """Publish the languages that are installed on the engine of a host. Blocks.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    published = _PublishedLanguages(time.time(), tuple(languages))
    client.hset(keys.languages, host, msgspec.json.encode(published).decode())
    client.expire(keys.languages, _EXPIRE_SECONDS)
    hosts: Any = client.hgetall(keys.languages)
    expired = [name for name, value in hosts.items() if _is_expired(_decoder.decode(value), published.published_at)]
    if expired:
        client.hdel(keys.languages, *expired)


class LanguageStore:
    """Reads the installed languages. Every method raises StoreUnavailable if Redis does not answer.

    Args:
        client: Redis client.
        keys: Key names.
        catalogue: The languages to accept until a worker has published its languages.
    """

    def __init__(self, client: Redis, keys: StoreKeys, catalogue: Sequence[LanguageInfo]) -> None:
        self._client = client
        self._keys = keys
        self._catalogue = index_languages(catalogue)
        self._cache: cachetools.TTLCache[str, Sequence[LanguageInfo]] = cachetools.TTLCache(1, _CACHE_SECONDS)
        self._installed: Sequence[LanguageInfo] = ()
        self._index: Mapping[str, LanguageInfo] = {}
        # Ids of the languages of the hosts whose workers run; None if there is no such host.
        self._recent: frozenset[str] | None = None

    async def accepted(self) -> Mapping[str, LanguageInfo]:
        """Return the languages that a request may name, by lower-case id or alias."""
        await self._read_cached()
        return self._index or self._catalogue

    async def installed(self) -> Sequence[LanguageInfo]:
        """Return the languages whose image is installed on a host, by id."""
        # No language is installed only while the first worker starts, so an empty list is not cached.
        return await self._read_cached() or await self._read()

    async def is_missing(self, language_id: str) -> bool:
        """Return whether workers run and none of their hosts has the image of a language."""
        await self._read_cached()
        return self._recent is not None and language_id not in self._recent

    def find_in_catalogue(self, name: str) -> LanguageInfo | None:
        """Return the language of the catalogue with an id, alias or file suffix, installed or not."""
        name = name.lower()
        if name in self._catalogue:
            return self._catalogue[name]
        return next((info for info in self._catalogue.values() if info.file_name.endswith(f".{name}")), None)

    async def hosts(self) -> Sequence[HostLanguages]:
        """Return the languages of each host, by host name."""
        now = time.time()
        return tuple(
            HostLanguages(
                host=host,
                last_seen_seconds_ago=round(max(0.0, now - published.published_at), 1),
                languages=published.languages,
            )
            for host, published in sorted((await self._read_hosts()).items())
        )

    async def _read_cached(self) -> Sequence[LanguageInfo]:
        if "installed" not in self._cache:
            # Stored first: of concurrent requests, one reads Redis and the others use the previous value.
            self._cache["installed"] = self._installed
            try:
                self._installed = await self._read()
            except BaseException:
                self._cache.clear()
                raise
            self._index = index_languages(self._installed)
        return self._installed

    async def _read(self) -> Sequence[LanguageInfo]:
        hosts = (await self._read_hosts()).values()
        recent = [published for published in hosts if published.published_at > time.time() - _RECENT_SECONDS]
        self._recent = frozenset(info.id for published in recent for info in published.languages) if recent else None
        by_id = {info.id: info for published in hosts for info in published.languages}
        return tuple(by_id[language_id] for language_id in sorted(by_id))

    async def _read_hosts(self) -> dict[str, _PublishedLanguages]:
        with translated():
            values: Any = await self._client.hgetall(self._keys.languages)
        now = time.time()
        hosts = {host.decode(): _decoder.decode(value) for host, value in values.items()}
        return {host: published for host, published in hosts.items() if not _is_expired(published, now)}


def _is_expired(published: _PublishedLanguages, now: float) -> bool:
    return published.published_at <= now - _EXPIRE_SECONDS

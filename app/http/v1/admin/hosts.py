"""GET /v1/admin/hosts: the hosts that run workers, and their language images."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.languages import HostLanguages, LanguageInfo
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["HostsResource", "HostsView"]


class InstalledLanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A language on one host. ``image_bytes`` includes layers that the image shares with other images."""

    id: str
    name: str
    version: str | None
    image: str | None
    image_bytes: int | None


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """A host, as its workers last reported it."""

    name: str
    last_seen_seconds_ago: float
    languages: list[InstalledLanguageView]


class HostsView(msgspec.Struct, frozen=True):
    """All hosts whose workers reported in the last 24 hours, sorted by name."""

    hosts: list[HostView]


class HostsResource:
    """GET /v1/admin/hosts."""

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the hosts."""
        send_json(response, 200, HostsView([_create_host_view(host) for host in await self._languages.hosts()]))

    on_head = on_get


def _create_host_view(host: HostLanguages) -> HostView:
    return HostView(
        name=host.host,
        last_seen_seconds_ago=host.last_seen_seconds_ago,
        languages=[_create_language_view(language) for language in host.languages],
    )


def _create_language_view(language: LanguageInfo) -> InstalledLanguageView:
    return InstalledLanguageView(
        id=language.id,
        name=language.name,
        version=language.version,
        image=language.image,
        image_bytes=language.image_bytes,
    )

"""GET /v1/admin/hosts: which machine can run what, and from which image."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.languages import HostLanguages, LanguageInfo
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["HostsResource", "HostsView"]


class InstalledLanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A language on one host. ``image_bytes`` counts what the image shares with others, too."""

    id: str
    name: str
    version: str | None
    image: str | None
    image_bytes: int | None


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """One host, as its workers told of it last."""

    name: str
    last_seen_seconds_ago: float
    languages: list[InstalledLanguageView]


class HostsView(msgspec.Struct, frozen=True):
    """All hosts whose workers were heard of in the last day."""

    hosts: list[HostView]


class HostsResource:
    """GET /v1/admin/hosts."""

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """By name."""
        send_json(response, 200, HostsView([_host(host) for host in await self._languages.hosts()]))

    on_head = on_get


def _host(host: HostLanguages) -> HostView:
    return HostView(
        name=host.host,
        last_seen_seconds_ago=host.last_seen_seconds_ago,
        languages=[_language(language) for language in host.languages],
    )


def _language(language: LanguageInfo) -> InstalledLanguageView:
    return InstalledLanguageView(
        id=language.id,
        name=language.name,
        version=language.version,
        image=language.image,
        image_bytes=language.image_bytes,
    )

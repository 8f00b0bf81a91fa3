"""GET /runtimes and /packages: the installed languages."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.errors import NotAllowed
from app.http.body import read_json_body
from app.http.compat.piston.authentication import read_piston_key
from app.http.compat.piston.runtimes import runtime_names, runtime_version
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.store.languages import LanguageStore

__all__ = ["PackagesResource", "RuntimesResource"]


class RuntimeView(msgspec.Struct, frozen=True, kw_only=True):
    """An installed language."""

    language: str
    version: str
    aliases: tuple[str, ...]


class PackageView(msgspec.Struct, frozen=True, kw_only=True):
    """An installed language."""

    language: str
    language_version: str
    installed: bool


class RuntimesResource:
    """The installed languages with their aliases."""

    read_key = staticmethod(read_piston_key)

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """Return all installed languages."""
        views = []
        for language in await self._languages.installed():
            name, *aliases = runtime_names(language)
            views.append(RuntimeView(language=name, version=runtime_version(language), aliases=tuple(aliases)))
        send_json(response, 200, views)

    on_head = on_get


class PackagesResource:
    """The installed languages as packages. The gateway has no access to Docker, so packages cannot be changed here."""

    read_key = staticmethod(read_piston_key)

    def __init__(self, languages: LanguageStore, settings: HttpSettings) -> None:
        self._languages = languages
        self._settings = settings

    async def on_get(self, request: Request, response: Response) -> None:
        """Return all installed languages."""
        packages = [
            PackageView(language=runtime_names(language)[0], language_version=runtime_version(language), installed=True)
            for language in await self._languages.installed()
        ]
        send_json(response, 200, packages)

    on_head = on_get

    async def on_post(self, request: Request, response: Response) -> None:
        """Reject the request with 403."""
        await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
        raise NotAllowed("languages are not installed over this API: pyxec images build LANGUAGE, on a worker's host")

    async def on_delete(self, request: Request, response: Response) -> None:
        """Reject the request with 403."""
        await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
        raise NotAllowed("languages are not removed over this API: pyxec images remove LANGUAGE, on a worker's host")

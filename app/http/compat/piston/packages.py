"""/packages: what is installed. Images are built where the engine is, not from here."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.errors import NotAllowed
from app.http.body import read_json_body
from app.http.compat.piston.errors import piston_key
from app.http.compat.piston.runtimes import names_of, version_of
from app.http.request import Request
from app.http.responses import send_json
from app.http.settings import HttpSettings
from app.store.languages import LanguageStore

__all__ = ["PackagesResource"]


class PackageView(msgspec.Struct, frozen=True, kw_only=True):
    """One language."""

    language: str
    language_version: str
    installed: bool


class PackagesResource:
    """Every language whose image is there; what else could be built is not known to an API without an engine."""

    read_key = staticmethod(piston_key)

    def __init__(self, languages: LanguageStore, settings: HttpSettings) -> None:
        self._languages = languages
        self._settings = settings

    async def on_get(self, request: Request, response: Response) -> None:
        """All of them."""
        packages = [
            PackageView(language=names_of(language)[0], language_version=version_of(language), installed=True)
            for language in await self._languages.installed()
        ]
        send_json(response, 200, packages)

    on_head = on_get

    async def on_post(self, request: Request, response: Response) -> None:
        """Raises NotAllowed."""
        await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
        raise NotAllowed("languages are not installed over this API: pyxec images build LANGUAGE, on a worker's host")

    async def on_delete(self, request: Request, response: Response) -> None:
        """Raises NotAllowed."""
        await read_json_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
        raise NotAllowed("languages are not removed over this API: pyxec images remove LANGUAGE, on a worker's host")

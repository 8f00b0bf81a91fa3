"""The routes of Dify's sandbox, its health check and its list of packages."""

from __future__ import annotations

from typing import Final

import msgspec
from falcon.asgi import Response

from app.http.compat.authentication import read_key_header
from app.http.compat.dify.responses import Envelope, UnsupportedLanguage
from app.http.compat.dify.run import LANGUAGES, RunResource
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services
from app.store.languages import LanguageStore

__all__ = ["DIFY_PREFIX", "dify_routes"]

DIFY_PREFIX: Final = "/dify"


class PackageView(msgspec.Struct, frozen=True):
    """An installed package."""

    name: str
    version: str


class DependenciesResource:
    """The packages that programs can import. They are part of the image, so they cannot be changed here."""

    read_key = staticmethod(read_key_header)

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """Return 200 with the packages of ``?language=python3``. Raises UnsupportedLanguage."""
        name = request.get_param("language")
        info = (await self._languages.accepted()).get(LANGUAGES["python3"])
        if name != "python3" or info is None:
            raise UnsupportedLanguage("language", "unsupported language")
        packages = [PackageView(*package.split("==")) for package in info.packages]
        send_json(response, 200, Envelope(data={"dependencies": packages}))

    on_head = on_get


class HealthResource:
    """The health check. It needs no key."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return 200 with "ok"."""
        send_json(response, 200, "ok")

    on_head = on_get


def dify_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template."""
    return {
        f"{DIFY_PREFIX}/v1/sandbox/run": RunResource(services),
        f"{DIFY_PREFIX}/v1/sandbox/dependencies": DependenciesResource(services.languages),
        f"{DIFY_PREFIX}/health": HealthResource(),
    }

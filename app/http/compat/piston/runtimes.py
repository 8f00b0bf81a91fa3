"""GET /runtimes, and which language a name and a version range mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
import nodesemver
from falcon.asgi import Response

from app.core.errors import UnknownLanguage
from app.core.languages import LanguageInfo
from app.http.compat.piston.errors import piston_key
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["RuntimesResource", "find_runtime", "names_of", "version_of"]

MAX_RANGE_CHARACTERS: Final = 256  # npm's own bound
UNKNOWN_VERSION: Final = "0.0.0"  # of a language that no worker has told of yet
_NUMBERS: Final = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,2}")


class RuntimeView(msgspec.Struct, frozen=True, kw_only=True):
    """One language."""

    language: str
    version: str
    aliases: tuple[str, ...]


class RuntimesResource:
    """The languages whose image is there, by the names that Piston's packages have for them."""

    read_key = staticmethod(piston_key)

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """All of them."""
        send_json(response, 200, [_view(language) for language in await self._languages.installed()])

    on_head = on_get


def find_runtime(languages: Iterable[LanguageInfo], name: str, version: str) -> LanguageInfo:
    """The language of this name, whose version is in this range.

    Parameters:
        version: as npm writes ranges: ``3.x``, ``^12.1``, ``>=1 <2 || 3``, ``*``.

    Raises:
        UnknownLanguage: there is none; in Piston's words.
    """
    for language in languages:
        if name.lower() in names_of(language) and _is_in_range(language.version, version):
            return language
    raise UnknownLanguage(f"{name}-{version} runtime", "is unknown")


def names_of(language: LanguageInfo) -> tuple[str, ...]:
    """The name first, then its aliases; ours for a language that Piston has no package of."""
    return language.piston or (language.id, *language.aliases)


def version_of(language: LanguageInfo) -> str:
    """As its image told it."""
    return language.version or UNKNOWN_VERSION


def _view(language: LanguageInfo) -> RuntimeView:
    name, *aliases = names_of(language)
    return RuntimeView(language=name, version=version_of(language), aliases=tuple(aliases))


def _is_in_range(version: str | None, wanted: str) -> bool:
    if version is None or wanted == version:
        return True
    if len(wanted) > MAX_RANGE_CHARACTERS:
        return False
    try:
        return bool(nodesemver.satisfies(_three_numbers(version), wanted, loose=True))
    except ValueError:  # not a range
        return False


def _three_numbers(version: str) -> str:
    """Not every language numbers its versions with three numbers: 17, 2.16.01, 5.2.15(1)-release."""
    found = _NUMBERS.search(version)
    numbers = [str(int(number)) for number in found[0].split(".")] if found else []
    return ".".join([*numbers, "0", "0", "0"][:3])

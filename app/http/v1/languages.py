"""GET /v1/languages: the installed languages with their limits."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.languages import LanguageInfo
from app.core.limits import LIMITS, LimitOverrides, max_limit, resolve_limits
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["LanguagesResource", "LanguagesView"]


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of jobs in one language. ``unit`` is ``s``, ``bytes``, or empty for a count."""

    default: float
    minimum: float
    maximum: float
    unit: str
    description: str


class LanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A language. ``file_name`` is the default name of the program. ``template`` is an example program for editors.

    ``compile`` is the command of the compiler, empty if there is none, and ``run`` that of the program. They contain
    placeholders such as ``{sources}``. ``packages`` are the libraries that programs can import, ``name==version``.

    Each version of a language is an entry. ``version_of`` is the id of the default version, or null for that version.
    """

    id: str
    name: str
    version: str | None
    version_of: str | None
    aliases: tuple[str, ...]
    file_name: str
    template: str
    compile: tuple[str, ...]
    run: tuple[str, ...]
    packages: tuple[str, ...]
    limits: dict[str, LimitView]


class LanguagesView(msgspec.Struct, frozen=True):
    """All languages, sorted by id."""

    languages: list[LanguageView]


class LanguagesResource:
    """GET /v1/languages."""

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the languages whose image is installed on a host, with the limits of the tier of the caller."""
        installed = await self._languages.installed()
        ceiling = request.caller.tier.ceiling
        send_json(response, 200, LanguagesView([_create_view(language, ceiling) for language in installed]))

    on_head = on_get


def _create_view(language: LanguageInfo, ceiling: LimitOverrides) -> LanguageView:
    return LanguageView(
        id=language.id,
        name=language.name,
        version=language.version,
        version_of=language.version_of,
        aliases=language.aliases,
        file_name=language.file_name,
        template=language.template,
        compile=language.compile,
        run=language.run,
        packages=language.packages,
        limits=_create_limit_views(language, ceiling),
    )


def _create_limit_views(language: LanguageInfo, ceiling: LimitOverrides) -> dict[str, LimitView]:
    defaults = resolve_limits(LimitOverrides(), language.limits, ceiling)
    return {
        name: LimitView(
            default=getattr(defaults, name),
            minimum=allowed.minimum,
            maximum=max_limit(name, ceiling),
            unit=allowed.unit,
            description=allowed.description,
        )
        for name, allowed in LIMITS.items()
    }

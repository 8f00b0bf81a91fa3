"""GET /v1/languages: what can be run here."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.languages import LanguageInfo
from app.core.limits import LIMITS, LimitOverrides, maximum_of, resolve_limits
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["LanguagesResource", "LanguagesView"]


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """What a job of this language gets, and what it may ask for."""

    default: float
    minimum: float
    maximum: float
    unit: str
    description: str


class LanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """One language. ``template`` is a first program to show in an editor."""

    id: str
    name: str
    version: str | None
    aliases: tuple[str, ...]
    file_name: str
    template: str
    limits: dict[str, LimitView]


class LanguagesView(msgspec.Struct, frozen=True):
    """The answer."""

    languages: list[LanguageView]


class LanguagesResource:
    """The languages whose image is there."""

    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def on_get(self, request: Request, response: Response) -> None:
        """By id, with the limits that this caller has."""
        installed = await self._languages.installed()
        ceiling = request.caller.tier.ceiling
        send_json(response, 200, LanguagesView([_view(language, ceiling) for language in installed]))

    on_head = on_get


def _view(language: LanguageInfo, ceiling: LimitOverrides) -> LanguageView:
    return LanguageView(
        id=language.id,
        name=language.name,
        version=language.version,
        aliases=language.aliases,
        file_name=language.file_name,
        template=language.template,
        limits=_limits(language, ceiling),
    )


def _limits(language: LanguageInfo, ceiling: LimitOverrides) -> dict[str, LimitView]:
    defaults = resolve_limits(LimitOverrides(), language.limits, ceiling)
    return {
        name: LimitView(
            default=getattr(defaults, name),
            minimum=allowed.minimum,
            maximum=maximum_of(name, ceiling),
            unit=allowed.unit,
            description=allowed.description,
        )
        for name, allowed in LIMITS.items()
    }

"""GET /languages, /languages/all, /languages/{id} and /statuses."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import msgspec
from falcon.asgi import Response

from app.core.errors import NotFound
from app.http.compat.judge0.language_ids import Judge0Language, index_languages_by_judge0_id
from app.http.compat.judge0.resource import Judge0Resource
from app.http.compat.judge0.verdict import Status, create_status_view
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["AllLanguagesResource", "LanguageResource", "LanguagesResource", "StatusesResource"]


class LanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A language. The commands contain the placeholders of the catalogue."""

    id: int
    name: str
    is_archived: bool
    source_file: str | None
    compile_cmd: str | None
    run_cmd: str | None


class _InstalledLanguages(Judge0Resource):
    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def _index(self) -> Mapping[int, Judge0Language]:
        return index_languages_by_judge0_id(await self._languages.installed())


class LanguagesResource(_InstalledLanguages):
    """The installed languages. A language is listed under every id that Judge0 has assigned to it."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the languages by id."""
        languages = await self._index()
        send_json(response, 200, [{"id": language.id, "name": language.name} for language in languages.values()])

    on_head = on_get


class AllLanguagesResource(_InstalledLanguages):
    """The installed languages. No language is archived."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the languages by id."""
        languages = await self._index()
        views = [{"id": language.id, "name": language.name, "is_archived": False} for language in languages.values()]
        send_json(response, 200, views)

    on_head = on_get


class LanguageResource(_InstalledLanguages):
    """One installed language."""

    async def on_get(self, request: Request, response: Response, language_id: str) -> None:
        """Return the language.

        Raises:
            NotFound: No installed language has this id.
        """
        is_number = language_id.isascii() and language_id.isdecimal() and len(language_id) < 8
        language = (await self._index()).get(int(language_id)) if is_number else None
        if language is None:
            raise NotFound(f"there is no language with id {language_id[:20]}")
        send_json(response, 200, _create_view(language))

    on_head = on_get


class StatusesResource(Judge0Resource):
    """The statuses of submissions."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return the statuses by id."""
        send_json(response, 200, [create_status_view(status) for status in Status])

    on_head = on_get


def _create_view(language: Judge0Language) -> LanguageView:
    info, invocation = language.languages[0], language.invocation
    run, compile_command = (info.run, info.compile) if invocation.run is None else (invocation.run, ())
    return LanguageView(
        id=language.id,
        name=language.name,
        is_archived=False,
        source_file=language.source_file,
        compile_cmd=shlex.join(compile_command) if compile_command and not language.is_multi_file else None,
        run_cmd=None if language.is_multi_file else shlex.join(run),
    )

"""GET /languages, /languages/all, /languages/{id} and /statuses."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import msgspec
from falcon.asgi import Response

from app.core.errors import NotFound
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.language_ids import Offer, offers_of
from app.http.compat.judge0.statuses import Status, status_view
from app.http.request import Request
from app.http.responses import send_json
from app.store.languages import LanguageStore

__all__ = ["AllLanguagesResource", "LanguageResource", "LanguagesResource", "StatusesResource"]


class LanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A language by itself. The commands have our placeholders in them."""

    id: int
    name: str
    is_archived: bool
    source_file: str | None
    compile_cmd: str | None
    run_cmd: str | None


class _Offers(Judge0Resource):
    def __init__(self, languages: LanguageStore) -> None:
        self._languages = languages

    async def _installed(self) -> Mapping[int, Offer]:
        return offers_of(await self._languages.installed())


class LanguagesResource(_Offers):
    """What is installed. One that is installed has every id that Judge0 ever gave it."""

    async def on_get(self, request: Request, response: Response) -> None:
        """By id."""
        offers = await self._installed()
        send_json(response, 200, [{"id": offer.id, "name": offer.name} for offer in offers.values()])

    on_head = on_get


class AllLanguagesResource(_Offers):
    """The same: nothing is archived here."""

    async def on_get(self, request: Request, response: Response) -> None:
        """By id."""
        offers = await self._installed()
        views = [{"id": offer.id, "name": offer.name, "is_archived": False} for offer in offers.values()]
        send_json(response, 200, views)

    on_head = on_get


class LanguageResource(_Offers):
    """One of them."""

    async def on_get(self, request: Request, response: Response, language_id: str) -> None:
        """Raises NothingThere."""
        is_number = language_id.isascii() and language_id.isdecimal() and len(language_id) < 8
        offer = (await self._installed()).get(int(language_id)) if is_number else None
        if offer is None:
            raise NotFound(f"there is no language with id {language_id[:20]}")
        send_json(response, 200, _view(offer))

    on_head = on_get


class StatusesResource(Judge0Resource):
    """What a submission may come to."""

    async def on_get(self, request: Request, response: Response) -> None:
        """By id."""
        send_json(response, 200, [status_view(status) for status in Status])

    on_head = on_get


def _view(offer: Offer) -> LanguageView:
    info, own = offer.languages[0], offer.invocation
    run, compile_command = (info.run, info.compile) if own.run is None else (own.run, ())
    return LanguageView(
        id=offer.id,
        name=offer.name,
        is_archived=False,
        source_file=offer.source_file,
        compile_cmd=shlex.join(compile_command) if compile_command and not offer.is_project else None,
        run_cmd=None if offer.is_project else shlex.join(run),
    )

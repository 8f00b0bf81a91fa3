"""POST /v1/links, GET and DELETE /v1/links/{id}: short links of the web editor."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from falcon.asgi import Response

from app.core.constraints import schema
from app.core.errors import InvalidRequest, NotFound
from app.core.links import FRAGMENT, LINK_ID, MAX_FRAGMENT_BYTES, Link
from app.core.timestamps import Timestamp, format_timestamp
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.request import Request
from app.http.responses import send_json
from app.store.links import LinkStore

__all__ = ["LinkRequest", "LinkResource", "LinkView", "LinksResource"]

_LINK_ID: Final = re.compile(LINK_ID)
_FRAGMENT: Final = re.compile(FRAGMENT)
_MAX_BODY_BYTES: Final = MAX_FRAGMENT_BYTES + 1024


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/links. ``fragment`` is the program, as the share links of the web editor contain it."""

    fragment: Annotated[str, schema(pattern=FRAGMENT, maxLength=MAX_FRAGMENT_BYTES)]


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A short link. ``link`` is its path on the server of the web editor."""

    id: Annotated[str, schema(pattern=LINK_ID)]
    link: str
    fragment: str
    created_at: Timestamp
    expires_at: Timestamp


_DECODER: Final = msgspec.json.Decoder(LinkRequest)


class LinksResource:
    """POST /v1/links."""

    def __init__(self, links: LinkStore) -> None:
        self._links = links

    async def on_post(self, request: Request, response: Response) -> None:
        """Store a program, and send 201. Raises InvalidRequest, NotAllowed, TooManyLinks."""
        fragment = decode(_DECODER, await read_json_body(request, _MAX_BODY_BYTES)).fragment
        if len(fragment) > MAX_FRAGMENT_BYTES or not _FRAGMENT.fullmatch(fragment):
            raise InvalidRequest("fragment", f"must be v1. and base64url, at most {MAX_FRAGMENT_BYTES} characters")
        link = await self._links.create(request.caller, fragment)
        response.set_header("Location", f"/v1/links/{link.id}")
        send_json(response, 201, _create_view(link))


class LinkResource:
    """/v1/links/{id}. Callers without an API key can read a link: its id cannot be guessed."""

    def __init__(self, links: LinkStore) -> None:
        self._links = links

    async def on_get(self, request: Request, response: Response, link_id: str) -> None:
        """Send a short link. Raises NotFound."""
        send_json(response, 200, _create_view(await self._links.get(_check_id(link_id))))

    on_head = on_get

    async def on_delete(self, request: Request, response: Response, link_id: str) -> None:
        """Delete a short link of the caller, and send 204. Raises NotFound."""
        await self._links.delete(_check_id(link_id), request.caller)
        response.status = 204


def _check_id(link_id: str) -> str:
    """Return the id. The store builds Redis keys from ids, so only valid ids are passed to it."""
    if not _LINK_ID.fullmatch(link_id):
        raise NotFound("no short link has this id")
    return link_id


def _create_view(link: Link) -> LinkView:
    return LinkView(
        id=link.id,
        link=f"/p/{link.id}",
        fragment=link.fragment,
        created_at=format_timestamp(link.created_at_ms),
        expires_at=format_timestamp(link.expires_at_ms),
    )

"""The operations on short links."""

from __future__ import annotations

from typing import Final

from app.core.errors import GatewayBusy, InvalidRequest, NotAllowed, NotFound, TooManyLinks
from app.http.openapi.operation import Access, Operation, Paths, Reply
from app.http.v1.links import LinkRequest, LinkView

__all__ = ["LINKS", "PATHS"]

LINKS: Final = "Short links"

_LINK_ID: Final = {"link_id": "$response.body#/id"}

_CREATE: Final = Operation(
    id="createLink",
    tag=LINKS,
    summary="Create a short link to a program",
    text="`fragment` is the part of a share link of the web editor after `#`. The server stores it as it is, until the "
    "link expires. By default, this operation requires an API key.",
    request_body=LinkRequest,
    examples={"a program": {"fragment": "v1.q1bKSaxMLVKyUqpUqgUA"}},
    replies=(
        Reply(
            status=201,
            text="The short link.",
            body=LinkView,
            required=("Location",),
            links=dict.fromkeys(("getLink", "deleteLink"), _LINK_ID),
        ),
    ),
    errors=(InvalidRequest, NotAllowed, TooManyLinks, GatewayBusy),
)

_GET: Final = Operation(
    id="getLink",
    tag=LINKS,
    summary="Get the program of a short link",
    text="No API key is required: the id cannot be guessed.",
    access=Access.PUBLIC,
    parameters=("link_id",),
    replies=(Reply(status=200, text="The short link.", body=LinkView),),
    errors=(NotFound,),
)

_DELETE: Final = Operation(
    id="deleteLink",
    tag=LINKS,
    summary="Delete a short link of the caller",
    parameters=("link_id",),
    replies=(Reply(status=204, text="The short link is deleted."),),
    errors=(NotFound,),
)

PATHS: Final[Paths] = {
    "/v1/links": {"post": _CREATE},
    "/v1/links/{link_id}": {"get": _GET, "delete": _DELETE},
}

"""The operations on short links."""

from __future__ import annotations

from functools import partial
from typing import Final

from app.core.errors import GatewayBusy, InvalidRequest, NotAllowed, NotFound, TooManyLinks
from app.http.openapi.operation import Access, Operation, Paths, reply_created, reply_empty, reply_json
from app.http.v1.links import LinkRequest, LinkView

__all__ = ["LINKS", "PATHS"]

LINKS: Final = "Short links"

_LINK_ID: Final = {"link_id": "$response.body#/id"}

_operation: Final = partial(Operation, tag=LINKS)

PATHS: Final[Paths] = {
    "/v1/links": {
        "post": _operation(
            id="createLink",
            summary="Create a short link to a program",
            text="`fragment` is the part of a share link of the web editor after `#`. The server stores it as it is, "
            "until the link expires. By default, this operation requires an API key.",
            request_body=LinkRequest,
            examples={"a program": {"fragment": "v1.q1bKSaxMLVKyUqpUqgUA"}},
            replies=reply_created(LinkView, "The short link.", dict.fromkeys(("getLink", "deleteLink"), _LINK_ID)),
            errors=(InvalidRequest, NotAllowed, TooManyLinks, GatewayBusy),
        )
    },
    "/v1/links/{link_id}": {
        "get": _operation(
            id="getLink",
            summary="Get the program of a short link",
            text="No API key is required: the id cannot be guessed.",
            access=Access.PUBLIC,
            parameters=("link_id",),
            replies=reply_json(LinkView, "The short link."),
            errors=(NotFound,),
        ),
        "delete": _operation(
            id="deleteLink",
            summary="Delete a short link of the caller",
            parameters=("link_id",),
            replies=reply_empty("The short link is deleted."),
            errors=(NotFound,),
        ),
    },
}

"""What the service tells of itself."""

from __future__ import annotations

from typing import Final

from app.core.errors import StoreUnavailable
from app.http.openapi.operation import JSON, Access, Operation, Paths, Reply
from app.http.v1.health import HealthView
from app.http.v1.languages import LanguagesView
from app.http.v1.tickets import TicketView

__all__ = ["LANGUAGES", "PATHS", "SERVICE"]

LANGUAGES: Final = "Languages"
SERVICE: Final = "Service"

_LANGUAGES: Final = Operation(
    id="listLanguages",
    tag=LANGUAGES,
    summary="What can be run here",
    text="With the limits that this caller has.",
    replies=(Reply(status=200, text="The languages whose image is there, by id.", body=LanguagesView),),
)

_TICKET: Final = Operation(
    id="createTicket",
    tag=SERVICE,
    summary="Get a ticket that opens one WebSocket",
    text="For web pages, which cannot set a header on a WebSocket: `?ticket=` stands for the key, once.",
    access=Access.KEY,
    replies=(Reply(status=201, text="The ticket.", body=TicketView),),
)

_LIVEZ: Final = Operation(
    id="livez",
    tag=SERVICE,
    summary="The process answers",
    access=Access.OPEN,
    replies=(Reply(status=200, text="It does.", body=HealthView),),
)

_READYZ: Final = Operation(
    id="readyz",
    tag=SERVICE,
    summary="A job could be taken now",
    access=Access.OPEN,
    replies=(Reply(status=200, text="It could.", body=HealthView),),
    errors=(503, StoreUnavailable),
)

_METRICS: Final = Operation(
    id="scrapeMetrics",
    tag=SERVICE,
    summary="Figures of all processes, for Prometheus",
    access=Access.OPEN,
    replies=(Reply(status=200, text="In the text format 0.0.4.", media={"text/plain": {"type": "string"}}),),
    errors=(StoreUnavailable,),
)

_DOCUMENT: Final = Operation(
    id="openapi",
    tag=SERVICE,
    summary="This document",
    access=Access.OPEN,
    parameters=("if_none_match",),
    replies=(
        Reply(status=200, text="OpenAPI 3.1.", media={JSON: {"type": "object"}}, required=("ETag",)),
        Reply(status=304, text="It is what the client has.", required=("ETag",)),
    ),
)

PATHS: Final[Paths] = {
    "/v1/languages": {"get": _LANGUAGES},
    "/v1/tickets": {"post": _TICKET},
    "/livez": {"get": _LIVEZ},
    "/readyz": {"get": _READYZ},
    "/metrics": {"get": _METRICS},
    "/openapi.json": {"get": _DOCUMENT},
}

"""The operations about the service itself: languages, tickets, health, metrics, this document."""

from __future__ import annotations

from typing import Final

from app.core.errors import StoreUnavailable
from app.http.openapi.operation import JSON, Access, Operation, Paths, Reply, reply_json
from app.http.v1.health import HealthView
from app.http.v1.languages import LanguagesView
from app.http.v1.output.tickets import TicketView

__all__ = ["LANGUAGES", "PATHS", "SERVICE"]

LANGUAGES: Final = "Languages"
SERVICE: Final = "Service"

_LANGUAGES: Final = Operation(
    id="listLanguages",
    tag=LANGUAGES,
    summary="List the installed languages",
    text="The limits are those of the tier of the caller.",
    replies=reply_json(LanguagesView, "The installed languages, sorted by id."),
)

_TICKET: Final = Operation(
    id="createTicket",
    tag=SERVICE,
    summary="Create a ticket that opens one WebSocket",
    text="Web pages cannot set headers on a WebSocket. They pass a ticket as `?ticket=` instead of the API key.",
    access=Access.KEY,
    replies=(Reply(status=201, text="The ticket.", body=TicketView),),
)

_LIVEZ: Final = Operation(
    id="livez",
    tag=SERVICE,
    summary="Check whether the process runs",
    access=Access.PUBLIC,
    replies=reply_json(HealthView, "The process runs."),
)

_READYZ: Final = Operation(
    id="readyz",
    tag=SERVICE,
    summary="Check whether the gateway can accept a job",
    access=Access.PUBLIC,
    replies=reply_json(HealthView, "The gateway can accept a job."),
    errors=(503, StoreUnavailable),
)

_METRICS: Final = Operation(
    id="scrapeMetrics",
    tag=SERVICE,
    summary="Get the metrics of all processes for Prometheus",
    access=Access.PUBLIC,
    replies=(
        Reply(status=200, text="All metrics in the text format 0.0.4.", media={"text/plain": {"type": "string"}}),
    ),
    errors=(StoreUnavailable,),
)

_DOCUMENT: Final = Operation(
    id="openapi",
    tag=SERVICE,
    summary="Get this document",
    access=Access.PUBLIC,
    parameters=("if_none_match",),
    replies=(
        Reply(status=200, text="The OpenAPI 3.1 document.", media={JSON: {"type": "object"}}, required=("ETag",)),
        Reply(status=304, text="The document of the client is current.", required=("ETag",)),
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

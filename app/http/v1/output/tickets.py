"""POST /v1/tickets: tickets, with which web pages open WebSockets without their API key in the URL."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.callers import TICKET_SECONDS
from app.core.errors import NotAuthenticated
from app.http.request import Request
from app.http.responses import send_json
from app.store.callers.api_keys import ApiKeyStore

__all__ = ["TicketView", "TicketsResource"]


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket. It opens one WebSocket within ``expires_in_seconds``."""

    ticket: str
    expires_in_seconds: int


class TicketsResource:
    """POST /v1/tickets."""

    def __init__(self, api_keys: ApiKeyStore) -> None:
        self._api_keys = api_keys

    async def on_post(self, request: Request, response: Response) -> None:
        """Create a ticket for the API key of the caller, and send 201.

        Raises:
            NotAuthenticated: The caller is anonymous. Anonymous callers open WebSockets without a ticket.
        """
        key_id = request.caller.key_id
        if key_id is None:
            raise NotAuthenticated("a ticket requires an API key: Authorization: Bearer KEY")
        ticket = await self._api_keys.issue_ticket(key_id)
        send_json(response, 201, TicketView(ticket=ticket, expires_in_seconds=TICKET_SECONDS))

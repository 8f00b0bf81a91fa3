"""POST /v1/tickets: what a web page opens a WebSocket with, so that no key is ever in a URL."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.callers import TICKET_SECONDS
from app.core.errors import NotAuthenticated
from app.http.request import Request
from app.http.responses import send_json
from app.store.api_keys import ApiKeyStore

__all__ = ["TicketView", "TicketsResource"]


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket. It opens one WebSocket, within ``expires_in_seconds``."""

    ticket: str
    expires_in_seconds: int


class TicketsResource:
    """Tickets of the caller's key."""

    def __init__(self, api_keys: ApiKeyStore) -> None:
        self._api_keys = api_keys

    async def on_post(self, request: Request, response: Response) -> None:
        """201 and a ticket. Who has no key needs none: raises NotAuthenticated."""
        key_id = request.caller.key_id
        if key_id is None:
            raise NotAuthenticated("a ticket requires an API key: Authorization: Bearer KEY")
        ticket = await self._api_keys.issue_ticket(key_id)
        send_json(response, 201, TicketView(ticket=ticket, expires_in_seconds=TICKET_SECONDS))

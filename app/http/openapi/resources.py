"""GET /openapi.json."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.http.openapi.document import make_document
from app.http.openapi.operation import JSON
from app.http.openapi.representation import Representation
from app.http.request import Request
from app.http.settings import HttpSettings

__all__ = ["DocumentResource"]


class DocumentResource:
    """The document as it is for this gateway; written once."""

    def __init__(self, settings: HttpSettings) -> None:
        self._document = Representation(msgspec.json.encode(make_document(settings)), JSON)

    async def on_get(self, request: Request, response: Response) -> None:
        """200, or 304 for who has it."""
        self._document.send(request, response)

    on_head = on_get

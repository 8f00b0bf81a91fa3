"""GET /openapi.json."""

from __future__ import annotations

import hashlib

import msgspec
from falcon.asgi import Response

from app.http.openapi.document import make_document
from app.http.openapi.operation import JSON
from app.http.request import Request
from app.http.settings import HttpSettings

__all__ = ["DocumentResource"]


class DocumentResource:
    """The document as it is for this gateway; written once."""

    def __init__(self, settings: HttpSettings) -> None:
        self._data = msgspec.json.encode(make_document(settings))
        self._etag = hashlib.sha256(self._data).hexdigest()[:32]

    async def on_get(self, request: Request, response: Response) -> None:
        """200, or 304 for who has it."""
        response.etag = self._etag
        response.set_header("Cache-Control", "no-cache")
        if any(known in ("*", self._etag) for known in request.if_none_match or ()):
            response.status = 304
            return
        response.content_type = JSON
        response.data = self._data

    on_head = on_get

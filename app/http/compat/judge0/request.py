"""How a client wants its answers, and what it sent: query parameters and body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import falcon
import msgspec

from app.http.body import read_json_body
from app.http.compat.judge0.views import fields_of
from app.http.decoding import decode
from app.http.request import Request
from app.http.settings import HttpSettings

__all__ = ["Wanted", "read_document"]

_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()


@dataclass(frozen=True)
class Wanted:
    """What the answer is to look like."""

    base64_encoded: bool
    fields: Sequence[str]

    @classmethod
    def of(cls, request: Request) -> Wanted:
        """From ``?base64_encoded=&fields=``. Raises falcon.HTTPBadRequest."""
        fields = ",".join(request.get_param_as_list("fields") or ())
        return cls(request.get_param("base64_encoded") == "true", fields_of(fields))


async def read_document(request: Request, settings: HttpSettings) -> Mapping[str, Any]:
    """The body, which has to be a JSON object. Raises falcon.HTTPError."""
    body = await read_json_body(request, settings.max_body_bytes, settings.body_seconds)
    document = decode(_DECODER, body)
    if not isinstance(document, dict):
        raise falcon.HTTPBadRequest(description="the body must be a JSON object")
    return document

"""The base class of the resources of Judge0's API: authentication, CORS, and the query parameters of responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import falcon
import msgspec

from app.http.body import read_json_body
from app.http.compat.judge0.views import select_fields
from app.http.decoding import decode
from app.http.middleware.authentication import read_bearer_key
from app.http.request import Request
from app.http.settings import HttpSettings

__all__ = ["Judge0Resource", "ResponseOptions", "is_base64_encoded", "read_document"]

_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()


def _read_key(request: Request) -> str | None:
    """Return the key of the Authorization or X-Auth-Token header. Clients without a key send an empty X-Auth-Token."""
    return read_bearer_key(request) or (request.get_header("X-Auth-Token") or "").strip() or None


class Judge0Resource:
    """Base class of all resources of this API."""

    is_cross_origin = True
    read_key = staticmethod(_read_key)


@dataclass(frozen=True)
class ResponseOptions:
    """The query parameters ``base64_encoded`` and ``fields``."""

    base64_encoded: bool
    fields: Sequence[str]

    @classmethod
    def from_request(cls, request: Request) -> ResponseOptions:
        """Read the query parameters.

        Raises:
            falcon.HTTPBadRequest: A field does not exist.
        """
        fields = ",".join(request.get_param_as_list("fields") or ())
        return cls(is_base64_encoded(request), select_fields(fields))


def is_base64_encoded(request: Request) -> bool:
    """Whether the texts of the request and the response are in Base64."""
    return request.get_param("base64_encoded") == "true"


async def read_document(request: Request, settings: HttpSettings) -> Mapping[str, Any]:
    """Read the body, which must be a JSON object.

    Raises:
        falcon.HTTPError: The body is something else, too large or too slow.
    """
    document = decode(_DECODER, await read_json_body(request, settings.max_body_bytes, settings.body_seconds))
    if not isinstance(document, dict):
        raise falcon.HTTPBadRequest(description="the body must be a JSON object")
    return document

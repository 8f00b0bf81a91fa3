"""Writes JSON bodies, and the headers of downloads and rate limits."""

from __future__ import annotations

import math
from pathlib import PurePosixPath
from urllib.parse import quote

import falcon
import msgspec
from falcon.asgi import Response

from app.core.errors import RateLimit
from app.http.large_texts import JsonStream, LargeTexts
from app.http.memory import Reservation
from app.http.request import Request

__all__ = ["check_not_compressed", "send_json", "set_download_headers", "set_rate_limit_headers"]

_ENCODER = msgspec.json.Encoder()


def send_json(
    response: Response,
    status: int,
    body: object,
    texts: LargeTexts | None = None,
    reservation: Reservation | None = None,
) -> None:
    """Set the status and the JSON body of a response.

    Args:
        body: A msgspec Struct, or any other object that msgspec can encode.
        texts: The texts whose placeholders the body contains. The response is streamed if there are any.
        reservation: The memory of the texts. The response takes it over if it is streamed.
    """
    response.status = status
    response.content_type = "application/json"
    document = _ENCODER.encode(body)
    if texts:
        response.stream = JsonStream(texts, document, None if reservation is None else reservation.hand_over())
    else:
        response.data = document


def set_rate_limit_headers(response: Response, rate_limit: RateLimit | None) -> None:
    """Set the RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10).

    Args:
        rate_limit: The state of the token bucket of the caller. None: no token was taken, and no header is set.
    """
    if rate_limit is None:
        return
    reset_seconds = math.ceil(rate_limit.reset_seconds)
    response.set_header("RateLimit-Policy", f'"submissions";q={rate_limit.limit}')
    response.set_header("RateLimit", f'"submissions";r={rate_limit.remaining};t={reset_seconds}')


def set_download_headers(response: Response, path: str, content_type: str = "application/octet-stream") -> None:
    """Set the headers of a response with untrusted content: browsers save it, and never execute it on this origin.

    Args:
        response: The response.
        path: The path of the file; the download has its last part as its name.
        content_type: A media type that cannot contain scripts.
    """
    response.content_type = content_type
    # RFC 6266 and RFC 8187: the file name in UTF-8, percent-encoded
    name = quote(PurePosixPath(path).name, safe="")
    response.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{name}")
    response.set_header("Content-Security-Policy", "default-src 'none'; sandbox")


def check_not_compressed(request: Request) -> None:
    """Raise 415 if the body of an upload is compressed."""
    if (request.get_header("Content-Encoding") or "identity").lower() != "identity":
        raise falcon.HTTPUnsupportedMediaType(description="the body must not be compressed")

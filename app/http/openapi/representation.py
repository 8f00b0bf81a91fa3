"""Static responses with an ETag and gzip compression, computed once."""

from __future__ import annotations

import gzip
import hashlib

from falcon.asgi import Response

from app.http.request import Request

__all__ = ["Representation"]


class Representation:
    """A static representation (RFC 9110, section 3.2).

    Args:
        data: The uncompressed content.
        content_type: Its media type.
    """

    def __init__(self, data: bytes, content_type: str) -> None:
        self._data = data
        self._content_type = content_type
        self._etag = hashlib.sha256(data).hexdigest()[:32]
        self._compressed = gzip.compress(data, mtime=0)

    def send(self, request: Request, response: Response) -> None:
        """Send 200, or 304 if the client has the current version."""
        compress = _accepts_gzip(request)
        etag = f"{self._etag}-gzip" if compress else self._etag
        response.etag = etag
        response.set_header("Cache-Control", "no-cache")
        response.set_header("Vary", "Accept-Encoding")
        if any(tag in ("*", etag) for tag in request.if_none_match or ()):
            response.status = 304
            return
        response.content_type = self._content_type
        response.data = self._compressed if compress else self._data
        if compress:
            response.set_header("Content-Encoding", "gzip")


def _accepts_gzip(request: Request) -> bool:
    header = request.get_header("Accept-Encoding") or ""
    return any(part.replace(" ", "").lower() in ("gzip", "gzip;q=1", "gzip;q=1.0") for part in header.split(","))

"""What is the same for everybody and rarely changes: asked for once, and sent compressed to who takes that."""

from __future__ import annotations

import gzip
import hashlib

from falcon.asgi import Response

from app.http.request import Request

__all__ = ["Representation"]


class Representation:
    """Bytes with their media type; hashed and compressed once."""

    def __init__(self, data: bytes, content_type: str) -> None:
        self._data = data
        self._content_type = content_type
        self._etag = hashlib.sha256(data).hexdigest()[:32]
        self._gzipped = gzip.compress(data, mtime=0)

    def send(self, request: Request, response: Response) -> None:
        """200, or 304 for who has it."""
        zipped = _takes_gzip(request)
        etag = f"{self._etag}-gzip" if zipped else self._etag
        response.etag = etag
        response.set_header("Cache-Control", "no-cache")
        response.set_header("Vary", "Accept-Encoding")
        if any(known in ("*", etag) for known in request.if_none_match or ()):
            response.status = 304
            return
        response.content_type = self._content_type
        response.data = self._gzipped if zipped else self._data
        if zipped:
            response.set_header("Content-Encoding", "gzip")


def _takes_gzip(request: Request) -> bool:
    header = request.get_header("Accept-Encoding") or ""
    return any(part.replace(" ", "").lower() in ("gzip", "gzip;q=1", "gzip;q=1.0") for part in header.split(","))

"""Where a Judge0 client has its key: ``X-Auth-Token``, or where ours is. Never in the URL."""

from __future__ import annotations

from app.http.middleware.authentication import read_bearer_key
from app.http.request import Request

__all__ = ["Judge0Resource", "read_key"]

_HEADER = "X-Auth-Token"


def read_key(request: Request) -> str | None:
    """Raises NotAuthenticated. An empty token is none: clients without one send it all the same."""
    return read_bearer_key(request) or (request.get_header(_HEADER) or "").strip() or None


class Judge0Resource:
    """What every resource of this API has: its clients are often web pages of other origins."""

    is_cross_origin = True
    read_key = staticmethod(read_key)

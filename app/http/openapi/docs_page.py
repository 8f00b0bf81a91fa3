"""GET /docs/: the document as a page that can be tried out. Nothing on it comes from anywhere else.

It is Swagger UI, taken out of a Python package (requirements.txt) that carries the files as their makers published
them: so no machine needs Node.js for it. The digests below say which files those are; others are not served.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import falcon
from falcon.asgi import Response

from app.core.errors import NotFound
from app.http.openapi.representation import Representation
from app.http.request import Request

__all__ = ["ASSETS", "Asset", "DocsFileResource", "DocsPageResource", "content"]

_CARRIER: Final = "offapi"
# Swagger UI draws its arrows as data: pictures. Everything else comes from this folder.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_JAVASCRIPT: Final = "text/javascript; charset=utf-8"
_CSS: Final = "text/css; charset=utf-8"


@dataclass(frozen=True)
class Asset:
    """A file of the page. With a ``digest`` (SHA-256) it is ``source`` in the package, else one beside this module."""

    source: str
    content_type: str
    digest: str | None = None


ASSETS: Final[dict[str, Asset]] = {
    "page.js": Asset("page.js", _JAVASCRIPT),
    "page.css": Asset("page.css", _CSS),
    "swagger-ui.js": Asset(
        "swagger_bundle.js", _JAVASCRIPT, "050bc415ee7048dcd881682678f720264e7da5e373f7461d7c58c755305255f7"
    ),
    "swagger-ui.css": Asset(
        "swagger_style.css", _CSS, "1ac324f7dcd27e4b9386b4bd6421271ec147e922a22c05ba24b11515e9aa6321"
    ),
}
INDEX: Final = Asset("index.html", "text/html; charset=utf-8")


class DocsPageResource:
    """The page; its files are addressed relative to it."""

    async def on_get(self, request: Request, response: Response) -> None:
        """200, or 304 for who has it; without the slash at the end, 308 to it."""
        if not request.path.endswith("/"):
            raise falcon.HTTPPermanentRedirect("docs/")
        _send(request, response, INDEX)

    on_head = on_get


class DocsFileResource:
    """Its files."""

    async def on_get(self, request: Request, response: Response, name: str) -> None:
        """200, or 304 for who has it. Raises NothingThere."""
        asset = ASSETS.get(name)
        if asset is None:
            raise NotFound("the documentation page has no file with this name")
        _send(request, response, asset)

    on_head = on_get


def _send(request: Request, response: Response, asset: Asset) -> None:
    _representation(asset).send(request, response)
    response.set_header("Content-Security-Policy", _POLICY)
    response.set_header("Referrer-Policy", "no-referrer")


@cache
def _representation(asset: Asset) -> Representation:
    return Representation(content(asset), asset.content_type)


def content(asset: Asset) -> bytes:
    """The bytes. Raises RuntimeError: the package is missing, or carries something else."""
    if asset.digest is None:
        return files(__package__).joinpath("page", asset.source).read_bytes()
    package = find_spec(_CARRIER)  # finds the folder and runs none of its code
    if package is None or package.origin is None:
        raise RuntimeError(f"the package {_CARRIER} is not installed")
    data = (Path(package.origin).parent / asset.source).read_bytes()
    if hashlib.sha256(data).hexdigest() != asset.digest:
        raise RuntimeError(f"{asset.source} is not the file that this page was tried with")
    return data

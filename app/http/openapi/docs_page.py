"""GET /docs/: Swagger UI with the OpenAPI document, without resources of other hosts.

The files of Swagger UI come from a Python package (requirements.txt) that contains them unchanged, so that Node.js is
not needed. Each file is served only if it has the SHA-256 digest below.

Falcon's static routes are not used, because they neither set a Content-Security-Policy nor compress.
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

__all__ = ["ASSETS", "Asset", "DocsFileResource", "DocsPageResource", "read_asset"]

_PACKAGE: Final = "offapi"
# Swagger UI uses data: URLs for its icons. All other resources are served by this module.
_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_JAVASCRIPT: Final = "text/javascript; charset=utf-8"
_CSS: Final = "text/css; charset=utf-8"


@dataclass(frozen=True)
class Asset:
    """A file of the page.

    Attributes:
        source: The name of the file: in the package if it has a digest, else in the directory ``page`` of this module.
        content_type: The media type.
        digest: The SHA-256 digest of the file, in hexadecimal.
    """

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
    """GET /docs/. The page refers to its files with relative URLs."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Send the page. Redirect /docs to /docs/."""
        if not request.path.endswith("/"):
            raise falcon.HTTPPermanentRedirect("docs/")
        _send(request, response, INDEX)

    on_head = on_get


class DocsFileResource:
    """GET /docs/{name}."""

    async def on_get(self, request: Request, response: Response, name: str) -> None:
        """Send a file of the page. Raises NotFound."""
        asset = ASSETS.get(name)
        if asset is None:
            raise NotFound("the documentation page has no file with this name")
        _send(request, response, asset)

    on_head = on_get


def read_asset(asset: Asset) -> bytes:
    """Read a file of the page.

    Raises:
        RuntimeError: The package is not installed, or its file has another digest.
    """
    if asset.digest is None:
        return files(__package__).joinpath("page", asset.source).read_bytes()
    package = find_spec(_PACKAGE)  # finds the directory without importing the package
    if package is None or package.origin is None:
        raise RuntimeError(f"the package {_PACKAGE} is not installed")
    data = (Path(package.origin).parent / asset.source).read_bytes()
    if hashlib.sha256(data).hexdigest() != asset.digest:
        raise RuntimeError(f"{asset.source} of the package {_PACKAGE} has an unexpected SHA-256 digest")
    return data


def _send(request: Request, response: Response, asset: Asset) -> None:
    _load(asset).send(request, response)
    response.set_header("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
    response.set_header("Referrer-Policy", "no-referrer")


@cache
def _load(asset: Asset) -> Representation:
    return Representation(read_asset(asset), asset.content_type)

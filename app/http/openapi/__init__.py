"""The OpenAPI document of the native API, and the page that shows it.

document.py     builds and serves the document
operation.py    the description of one operation
jobs.py, administration.py, service.py
                the operations: path -> method -> operation
webhooks.py     the requests that the service sends
parameters.py, headers.py, problems.py, schemas.py
                definitions that several operations use
docs_page.py    serves the page at /docs/
representation.py
                sends the document and the page with ETag and compression
"""

from __future__ import annotations

from app.http.openapi.administration import AUDITED_ACTIONS
from app.http.openapi.docs_page import DocsFileResource, DocsPageResource
from app.http.openapi.document import DocumentResource, make_document

__all__ = ["AUDITED_ACTIONS", "DocsFileResource", "DocsPageResource", "DocumentResource", "make_document"]

"""The API as one OpenAPI document: made of the types that validate and of the table of problems, served with a page.

operation.py    what is said of one operation
jobs.py, administration.py, service.py
                the tables: address -> method -> operation
webhooks.py     what the service asks of others
parameters.py, headers.py, problems.py, schemas.py
                the parts that operations share
document.py     all of it put together
resources.py    GET /openapi.json
docs_page.py    GET /docs/
representation.py
                how both are sent
"""

from __future__ import annotations

from app.http.openapi.docs_page import DocsFileResource, DocsPageResource
from app.http.openapi.document import make_document
from app.http.openapi.resources import DocumentResource

__all__ = ["DocsFileResource", "DocsPageResource", "DocumentResource", "make_document"]

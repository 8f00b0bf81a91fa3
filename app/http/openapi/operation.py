"""The description of an operation: one method of one path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.core.errors import PyxecError

__all__ = [
    "JSON",
    "OCTET_STREAM",
    "Access",
    "Operation",
    "Paths",
    "Reply",
    "reply_created",
    "reply_empty",
    "reply_json",
]

JSON = "application/json"
OCTET_STREAM = "application/octet-stream"


class Access(Enum):
    """The callers that can use an operation."""

    PUBLIC = "public"  # API keys are ignored
    ANYONE = "anyone"  # anonymous callers too, if the gateway allows them
    KEY = "key"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A successful response.

    Attributes:
        text: The description, as Markdown.
        body: The type of the JSON body, or several alternative types. None: the body is not JSON, or there is none.
        media: The schemas of other media types.
        headers: Keys of ``headers.HEADERS``. Headers of every response are implied.
        required: The headers that every such response has.
        links: OpenAPI links: operation ids with the values of their parameters.
    """

    status: int
    text: str
    body: type | tuple[type, ...] | None = None
    media: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def reply_json(body: type, text: str, links: Mapping[str, Mapping[str, str]] | None = None) -> tuple[Reply]:
    """Return the replies of an operation whose only success is a 200 with a JSON body."""
    return (Reply(status=200, text=text, body=body, links=links or {}),)


def reply_created(body: type, text: str, links: Mapping[str, Mapping[str, str]]) -> tuple[Reply]:
    """Return the replies of an operation that creates something: 201 with a JSON body and its ``Location``."""
    return (Reply(status=201, text=text, body=body, required=("Location",), links=links),)


def reply_empty(text: str) -> tuple[Reply]:
    """Return the replies of an operation whose only success is a 204."""
    return (Reply(status=204, text=text),)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation.

    Attributes:
        id: The ``operationId``. Generated clients use it as a function name.
        text: The description, as Markdown.
        parameters: Keys of ``parameters.PARAMETERS``, including the path parameters.
        request_body: The type of the JSON request body.
        request_media: The schemas of a request body of other media types.
        errors: Exceptions and HTTP statuses. ``problems.py`` adds those that follow from the other attributes.
    """

    id: str
    tag: str
    summary: str
    text: str = ""
    access: Access = Access.ANYONE
    parameters: tuple[str, ...] = ()
    request_body: type | None = None
    request_media: Mapping[str, Any] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    replies: tuple[Reply, ...]
    errors: tuple[type[PyxecError] | int, ...] = ()


Paths = Mapping[str, Mapping[str, Operation]]

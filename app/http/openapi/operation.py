"""What the document says of one operation. The tables beside this file are made of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from app.core.errors import PyxecError

__all__ = ["JSON", "Access", "Operation", "Paths", "Reply"]

JSON = "application/json"


class Access(Enum):
    """Who may ask."""

    OPEN = "open"  # a key is not even looked at
    ANYONE = "anyone"  # with a key or, where the service allows it, without
    KEY = "key"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer that is no error.

    Parameters:
        body: the type of a JSON body, several where it is one of them; None for no body, or one of other media.
        media: other media types and their schemas.
        headers: names of rows in headers.py; those of every answer left out.
        required: of these headers, the ones that are always there.
        next: operations that go on from here: their id to their parameters.
        example: of the JSON body.
    """

    status: int
    text: str
    body: type | tuple[type, ...] | None = None
    media: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    next: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    example: Any = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method at one address.

    Parameters:
        id: what generated clients call it.
        text: Markdown.
        parameters: names of rows in parameters.py, those of the path included.
        takes: the type of its JSON body.
        errors: besides those that its access, parameters and body bring along: problems.py knows them.
    """

    id: str
    tag: str
    summary: str
    text: str = ""
    access: Access = Access.ANYONE
    parameters: tuple[str, ...] = ()
    takes: type | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)
    replies: tuple[Reply, ...]
    errors: tuple[type[PyxecError] | int, ...] = ()


Paths = Mapping[str, Mapping[str, Operation]]

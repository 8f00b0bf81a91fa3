"""JSON from outside into Structs; what is wrong with it is said with the path of the field."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import falcon
import msgspec

from app.core.errors import InvalidRequest

__all__ = ["decode"]

Decoded = TypeVar("Decoded")

_GOT_FLOAT: Final = "got `float`"
_WITH_PATH: Final = re.compile(r"(?P<reason>.*) - at `\$\.?(?P<path>.*?)`", re.DOTALL)
_NAMES_FIELD: Final = re.compile(r"Object (?:contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)


def decode(decoder: msgspec.json.Decoder[Decoded], data: bytes | str) -> Decoded:
    """Decode and check in one pass.

    Raises:
        InvalidRequest: it is JSON, of another shape; names the field.
        falcon.HTTPBadRequest: it is not JSON.
    """
    try:
        return _decode(decoder, data)
    except msgspec.ValidationError as e:
        raise _invalid(str(e)) from e
    except (msgspec.DecodeError, UnicodeError) as e:
        raise falcon.HTTPBadRequest(description=f"not valid JSON: {e}") from e
    except RecursionError as e:
        raise falcon.HTTPBadRequest(description="not valid JSON: nested too deeply") from e


def _decode(decoder: msgspec.json.Decoder[Decoded], data: bytes | str) -> Decoded:
    """To JSON 31.0 is a whole number, to msgspec it is none: where that is in the way, it is made one."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as e:
        if _GOT_FLOAT not in str(e):
            raise
        return msgspec.convert(_whole(msgspec.json.decode(data)), decoder.type)


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {name: _whole(item) for name, item in value.items()}
        case _:
            return value


def _invalid(message: str) -> InvalidRequest:
    """From msgspec's sentence to our field and reason."""
    found = _WITH_PATH.fullmatch(message)
    reason, path = (found["reason"], found["path"]) if found else (message, "")
    named = _NAMES_FIELD.fullmatch(reason)
    if named is None:
        return InvalidRequest(path or "body", _plain(reason))
    field = f"{path}.{named['name']}" if path else named["name"]
    return InvalidRequest(field, "is required" if "missing" in reason[: len("Object missing")] else "unknown field")


def _plain(reason: str) -> str:
    return "must be" + reason.removeprefix("Expected") if reason.startswith("Expected ") else reason

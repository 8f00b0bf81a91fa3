"""Decodes JSON from clients into Structs. Errors contain the path of the invalid field."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import falcon
import msgspec

from app.core.errors import InvalidRequest

__all__ = ["decode"]

Decoded = TypeVar("Decoded")

# Parts of the messages of msgspec.ValidationError: https://jcristharif.com/msgspec/usage.html
_GOT_FLOAT: Final = "got `float`"
_WITH_PATH: Final = re.compile(r"(?P<reason>.*) - at `\$\.?(?P<path>.*?)`", re.DOTALL)
_FIELD_ERROR: Final = re.compile(
    r"Object (?P<problem>contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL
)


def decode(decoder: msgspec.json.Decoder[Decoded], data: bytes | str) -> Decoded:
    """Decode and validate JSON.

    Raises:
        InvalidRequest: The JSON does not match the type. Contains the path of the field.
        falcon.HTTPBadRequest: The data is not JSON.
    """
    try:
        return _decode(decoder, data)
    except msgspec.ValidationError as e:
        raise _convert_error(str(e)) from e
    except (msgspec.DecodeError, UnicodeError) as e:
        raise falcon.HTTPBadRequest(description=f"not valid JSON: {e}") from e
    except RecursionError as e:
        raise falcon.HTTPBadRequest(description="not valid JSON: nested too deeply") from e


def _decode(decoder: msgspec.json.Decoder[Decoded], data: bytes | str) -> Decoded:
    """Decode JSON, and accept integers that are written as 31.0.

    JSON has only one type of number (RFC 8259, section 6), but msgspec rejects 31.0 for an int.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as e:
        if _GOT_FLOAT not in str(e):
            raise
        return msgspec.convert(_convert_integral_floats(msgspec.json.decode(data)), decoder.type)


def _convert_integral_floats(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_convert_integral_floats(item) for item in value]
        case dict():
            return {name: _convert_integral_floats(item) for name, item in value.items()}
        case _:
            return value


def _convert_error(message: str) -> InvalidRequest:
    """Convert a message of msgspec to the path of a field and a reason."""
    found = _WITH_PATH.fullmatch(message)
    reason, path = (found["reason"], found["path"]) if found else (message, "")
    field_error = _FIELD_ERROR.fullmatch(reason)
    if field_error is None:
        if reason.startswith("Expected "):
            reason = "must be" + reason.removeprefix("Expected")
        return InvalidRequest(path or "body", reason)
    field = f"{path}.{field_error['name']}" if path else field_error["name"]
    return InvalidRequest(field, "is required" if field_error["problem"] == "missing required" else "unknown field")

"""The table of all settings in the documentation."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from app.config.settings import Settings

__all__ = ["describe_allowed_values", "find_fields", "settings_table"]


def settings_table() -> str:
    """Return the Markdown table of all settings for the documentation."""
    rows = [
        f"| `{variable}` | {_default(field)} | {describe_allowed_values(field)} | {field.description} |"
        for variable, field in find_fields().items()
    ]
    return "\n".join(["| Variable | Default | Allowed values | Meaning |", "|---|---|---|---|", *rows])


def find_fields() -> dict[str, FieldInfo]:
    return {str(field.validation_alias): field for field in Settings.model_fields.values()}


def _default(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`on`" if field.default else "`off`"
    if field.annotation in (int, float):
        return f"`{field.default:.15g}`"
    return f"`{field.default}`" if field.default else ""


def describe_allowed_values(field: FieldInfo) -> str:
    """Describe the values of a switch, a number or a choice. Other types have a validator that names them."""
    if field.annotation is bool:
        return "on or off"
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(filter(None, get_args(field.annotation)))
    limits = [limit.ge if isinstance(limit, Ge) else limit.le for limit in field.metadata if isinstance(limit, Ge | Le)]
    if not limits:
        return ""
    return f"{'an integer' if field.annotation is int else 'a number'} between {limits[0]} and {limits[1]}"

"""What the types of the API say of their values beyond the type, for the OpenAPI document.

They only tell: what is told is checked where the words for a refusal are (resolve.py and its neighbours), against the
same numbers and patterns. A rule that JSON Schema cannot say is a sentence in ``description``.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

__all__ = [
    "ENVIRONMENT_NAME",
    "LABEL_NAME",
    "MAX_ARGUMENTS",
    "MAX_ARTIFACT_PATTERNS",
    "MAX_CASES",
    "MAX_CASE_NAME_CHARACTERS",
    "MAX_ENVIRONMENT",
    "MAX_FILES",
    "MAX_FILES_BYTES",
    "MAX_FILE_NAME_BYTES",
    "MAX_LABELS",
    "MAX_LABEL_CHARACTERS",
    "MAX_PATTERN_BYTES",
    "MAX_STDIN_BYTES",
    "MAX_URL_CHARACTERS",
    "Arguments",
    "CaseName",
    "Environment",
    "FileName",
    "Labels",
    "Pattern",
    "Source",
    "Stdin",
    "WebhookUrl",
    "told",
]

MAX_FILES: Final = 64
MAX_FILE_NAME_BYTES: Final = 255
MAX_FILES_BYTES: Final = 4 * 1024 * 1024
MAX_STDIN_BYTES: Final = 4 * 1024 * 1024
MAX_ARGUMENTS: Final = 128
MAX_ENVIRONMENT: Final = 64
MAX_LABELS: Final = 16
MAX_LABEL_CHARACTERS: Final = 256
MAX_URL_CHARACTERS: Final = 2048
MAX_ARTIFACT_PATTERNS: Final = 16
MAX_PATTERN_BYTES: Final = 255
MAX_CASES: Final = 100
MAX_CASE_NAME_CHARACTERS: Final = 100

ENVIRONMENT_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
LABEL_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}"
_NO_NUL: Final = r"^[^\x00]*$"
_NO_CONTROL: Final = r"^[^\x00-\x1f\x7f]*$"


def told(**keywords: Any) -> msgspec.Meta:
    """Keywords of JSON Schema that go into the document and check nothing."""
    return msgspec.Meta(extra_json_schema=keywords)


Source = Annotated[str, told(maxLength=MAX_FILES_BYTES, examples=["print(6 * 7)"])]
Stdin = Annotated[str, told(maxLength=MAX_STDIN_BYTES)]
Argument = Annotated[str, told(pattern=_NO_NUL)]
Arguments = Annotated[tuple[Argument, ...], told(maxItems=MAX_ARGUMENTS)]
Environment = Annotated[
    dict[str, Argument], told(maxProperties=MAX_ENVIRONMENT, propertyNames={"pattern": f"^{ENVIRONMENT_NAME}$"})
]
Label = Annotated[str, told(maxLength=MAX_LABEL_CHARACTERS, pattern=_NO_CONTROL, description="Printable characters.")]
Labels = Annotated[dict[str, Label], told(maxProperties=MAX_LABELS, propertyNames={"pattern": f"^{LABEL_NAME}$"})]
FileName = Annotated[
    str,
    told(
        minLength=1,
        pattern=r"^[^/\\\x00-\x1f\x7f-][^\\\x00-\x1f\x7f]*$",
        description="A plain relative path of printable characters and at most 8 parts, each of at most 255 bytes, "
        "none beginning with a dash or ending with a dot or a blank.",
        examples=["main.py", "src/main.c"],
    ),
]
Pattern = Annotated[
    str,
    told(
        minLength=1,
        maxLength=MAX_PATTERN_BYTES,
        pattern=r"^[^/\x00][^\x00]*$",
        description="Relative to the working folder, without `..`: `*`, `?` match within a name, `**` across folders.",
        examples=["*.png", "out/**"],
    ),
]
CaseName = Annotated[
    str,
    told(
        minLength=1, maxLength=MAX_CASE_NAME_CHARACTERS, pattern=_NO_CONTROL, description="Printable, and of one test."
    ),
]
WebhookUrl = Annotated[
    str,
    told(
        maxLength=MAX_URL_CHARACTERS,
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
        description="A public address without user, password or fragment. Needs an API key.",
        examples=["https://example.org/pyxec"],
    ),
]

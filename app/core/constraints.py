"""Constraints of request fields: the keywords that describe them in OpenAPI, and the functions that check them.

msgspec checks only the types of fields. The functions in this package check the values, against the same constants, and
raise InvalidRequest with the path of the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from app.core.errors import InvalidRequest

__all__ = [
    "ENVIRONMENT_NAME",
    "LABEL_NAME",
    "MAX_ARGUMENTS",
    "MAX_ARGUMENTS_BYTES",
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
    "MAX_TESTS_PARALLEL",
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
    "check_arguments",
    "check_artifact_patterns",
    "check_labels",
    "check_no_nul",
    "check_size",
    "encode_utf8",
    "schema",
]

MAX_FILES: Final = 64
MAX_FILE_NAME_BYTES: Final = 255
MAX_FILES_BYTES: Final = 4 * 1024 * 1024
MAX_STDIN_BYTES: Final = 4 * 1024 * 1024
MAX_ARGUMENTS: Final = 128
MAX_ARGUMENTS_BYTES: Final = 32 * 1024
MAX_ENVIRONMENT: Final = 64
MAX_LABELS: Final = 16
MAX_LABEL_CHARACTERS: Final = 256
MAX_URL_CHARACTERS: Final = 2048
MAX_ARTIFACT_PATTERNS: Final = 16
MAX_PATTERN_BYTES: Final = 255
MAX_CASES: Final = 1000
MAX_TESTS_PARALLEL: Final = 32
MAX_CASE_NAME_CHARACTERS: Final = 100

ENVIRONMENT_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
LABEL_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}"
_NO_NUL: Final = r"^[^\x00]*$"
_NO_CONTROL: Final = r"^[^\x00-\x1f\x7f]*$"


def schema(**keywords: Any) -> msgspec.Meta:
    """Describe a field with JSON Schema keywords. msgspec does not check them."""
    return msgspec.Meta(extra_json_schema=keywords)


Source = Annotated[str, schema(maxLength=MAX_FILES_BYTES, examples=["print(6 * 7)"])]
Stdin = Annotated[str, schema(maxLength=MAX_STDIN_BYTES)]
Argument = Annotated[str, schema(pattern=_NO_NUL)]
Arguments = Annotated[tuple[Argument, ...], schema(maxItems=MAX_ARGUMENTS)]
Environment = Annotated[
    dict[str, Argument], schema(maxProperties=MAX_ENVIRONMENT, propertyNames={"pattern": f"^{ENVIRONMENT_NAME}$"})
]
Label = Annotated[str, schema(maxLength=MAX_LABEL_CHARACTERS, pattern=_NO_CONTROL, description="Printable characters.")]
Labels = Annotated[dict[str, Label], schema(maxProperties=MAX_LABELS, propertyNames={"pattern": f"^{LABEL_NAME}$"})]
FileName = Annotated[
    str,
    schema(
        minLength=1,
        pattern=r"^[^/\\\x00-\x1f\x7f-][^\\\x00-\x1f\x7f]*$",
        description="A plain relative path of printable characters and at most 8 parts, each of at most 255 bytes, "
        "none starting with a dash or ending with a dot or a space.",
        examples=["main.py", "src/main.c"],
    ),
]
Pattern = Annotated[
    str,
    schema(
        minLength=1,
        maxLength=MAX_PATTERN_BYTES,
        pattern=r"^[^/\x00][^\x00]*$",
        description="Relative to the working folder, without `..`: `*`, `?` match within a name, `**` across folders.",
        examples=["*.png", "out/**"],
    ),
]
CaseName = Annotated[
    str,
    schema(
        minLength=1,
        maxLength=MAX_CASE_NAME_CHARACTERS,
        pattern=_NO_CONTROL,
        description="Printable, unique among the tests.",
    ),
]
WebhookUrl = Annotated[
    str,
    schema(
        maxLength=MAX_URL_CHARACTERS,
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$",
        description="A public address without user, password or fragment. Needs an API key.",
        examples=["https://example.org/pyxec"],
    ),
]


def check_arguments(field: str, args: tuple[str, ...]) -> tuple[str, ...]:
    """Return command-line arguments if a program can receive them.

    Raises:
        InvalidRequest: There are too many, they are too long, or one contains NUL.
    """
    if not args:
        return args
    if len(args) > MAX_ARGUMENTS:
        raise InvalidRequest(field, f"must be at most {MAX_ARGUMENTS}")
    for index, argument in enumerate(args):
        check_no_nul(f"{field}[{index}]", argument)
    if sum(len(argument.encode()) + 1 for argument in args) > MAX_ARGUMENTS_BYTES:
        raise InvalidRequest(field, f"must be at most {MAX_ARGUMENTS_BYTES} bytes together")
    return args


def check_artifact_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return patterns of artifacts if they are relative to the working directory.

    Raises:
        InvalidRequest: Names ``artifacts`` or ``artifacts[<index>]``.
    """
    if len(patterns) > MAX_ARTIFACT_PATTERNS:
        raise InvalidRequest("artifacts", f"must be at most {MAX_ARTIFACT_PATTERNS} patterns")
    for index, pattern in enumerate(patterns):
        field = f"artifacts[{index}]"
        check_no_nul(field, pattern)
        if not 1 <= len(pattern.encode()) <= MAX_PATTERN_BYTES:
            raise InvalidRequest(field, f"must be 1 to {MAX_PATTERN_BYTES} bytes")
        if pattern.startswith("/") or ".." in pattern.split("/"):
            raise InvalidRequest(field, "must be relative to the working folder: no leading '/', no '..'")
    return patterns


def check_labels(labels: Mapping[str, str]) -> None:
    """Check the labels of a job.

    Raises:
        InvalidRequest: Names ``labels`` or ``labels.<name>``.
    """
    if len(labels) > MAX_LABELS:
        raise InvalidRequest("labels", f"must be at most {MAX_LABELS}")
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name):
            raise InvalidRequest("labels", "names must be 1 to 63 letters, digits, '.', '_', '/' and '-'")
        if len(value) > MAX_LABEL_CHARACTERS or not value.isprintable():
            raise InvalidRequest(f"labels.{name}", f"must be at most {MAX_LABEL_CHARACTERS} printable characters")


def check_no_nul(field: str, text: str) -> None:
    """Check that a text fits into a C string.

    Raises:
        InvalidRequest: The text contains NUL or is not valid Unicode.
    """
    if b"\0" in encode_utf8(field, text):
        raise InvalidRequest(field, "must have no NUL character")


def check_size(field: str, content: bytes, max_bytes: int) -> bytes:
    """Return the content if it has at most ``max_bytes`` bytes.

    Raises:
        InvalidRequest: The content is larger.
    """
    if len(content) > max_bytes:
        raise InvalidRequest(field, f"must be at most {max_bytes} bytes")
    return content


def encode_utf8(field: str, text: str) -> bytes:
    """Encode a text.

    Raises:
        InvalidRequest: The text contains a lone surrogate, which JSON can express.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as e:
        raise InvalidRequest(field, "is not valid Unicode") from e


_LABEL_NAME: Final = re.compile(LABEL_NAME)

"""Decodes submissions.

Judge0 accepts what Rails accepts: numbers and booleans may be strings, null means the default, and unknown fields are
ignored.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import shlex
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from app.core.errors import InvalidFields
from app.core.limits import LimitOverrides
from app.http.compat.judge0.language_ids import Judge0Language
from app.http.compat.judge0.limits import NUMBER_FIELDS

__all__ = ["Submission", "decode_submission", "split_arguments"]

_MAX_OPTION_CHARACTERS: Final = 512  # as in Judge0
_MAX_EXPECTED_BYTES: Final = 4 * 1024 * 1024
# The values that Rails casts to false.
_FALSE: Final = frozenset({False, "0", "f", "F", "false", "FALSE", "off", "OFF"})
# Judge0 removes these characters to protect its shell. Pyxec uses no shell, but the arguments have to be the same.
_SHELL_CHARACTERS: Final = re.compile(r"[$&;<>|`]")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]")
_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]{1,20})")
_MAX_ID: Final = 2**31 - 1
# Language ids of submissions without a valid one. No language has them.
_NO_NUMBER: Final = -(2**31)
_OUT_OF_RANGE: Final = _NO_NUMBER - 1


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A submission. Times are in seconds, sizes in KB. None: the field was not set."""

    language_id: int
    source_code: bytes | None = None
    stdin: bytes | None = None
    expected_output: bytes | None = None
    additional_files: bytes | None = None
    compiler_options: str | None = None
    command_line_arguments: str | None = None
    callback_url: str | None = None
    number_of_runs: int | None = None
    cpu_time_limit: float | None = None
    cpu_extra_time: float | None = None
    wall_time_limit: float | None = None
    memory_limit: int | None = None
    stack_limit: int | None = None
    max_processes_and_or_threads: int | None = None
    max_file_size: int | None = None
    redirect_stderr_to_stdout: bool = False


def decode_submission(
    document: Mapping[str, Any],
    languages: Mapping[int, Judge0Language],
    ceiling: LimitOverrides,
    *,
    base64_encoded: bool,
) -> Submission:
    """Decode and check the JSON of a submission.

    Args:
        document: The JSON object.
        languages: The languages by Judge0's id.
        ceiling: The maximum limits of the caller's tier.
        base64_encoded: The texts are in Base64.

    Raises:
        InvalidFields: Lists all errors of all fields.
    """
    decoder = _Decoder(document, ceiling, base64_encoded)
    submission = decoder.decode()
    decoder.check(submission, languages.get(submission.language_id))
    if decoder.errors:
        raise InvalidFields(decoder.errors)
    return submission


class _Decoder:
    """Decodes one document.

    Attributes:
        errors: The errors so far, by field.
    """

    def __init__(self, document: Mapping[str, Any], ceiling: LimitOverrides, base64_encoded: bool) -> None:
        self._document = document
        self._ceiling = ceiling
        self._base64_encoded = base64_encoded
        self.errors: dict[str, list[str]] = defaultdict(list)

    def decode(self) -> Submission:
        """Decode each field on its own."""
        return Submission(
            language_id=self._language_id(),
            source_code=self._content("source_code"),
            stdin=self._content("stdin"),
            expected_output=self._content("expected_output"),
            additional_files=self._content("additional_files", always_encoded=True) or None,
            compiler_options=self._option("compiler_options"),
            command_line_arguments=self._option("command_line_arguments"),
            callback_url=(self._text("callback_url") or "").strip() or None,
            redirect_stderr_to_stdout=self._flag("redirect_stderr_to_stdout"),
            **{name: self._number(name) for name in NUMBER_FIELDS},
        )

    def check(self, submission: Submission, language: Judge0Language | None) -> None:
        """Check the fields against the language and against each other."""
        if language is None and submission.language_id != _OUT_OF_RANGE:
            number = "" if submission.language_id == _NO_NUMBER else submission.language_id
            self.errors["language_id"].append(f"language with id {number} doesn't exist")
        self._check_source(submission, language)
        has_options = bool((submission.compiler_options or "").strip())
        if has_options and language is not None and not language.accepts_compiler_options:
            reason = "setting compiler options is only allowed for compiled languages"
            self.errors["compiler_options"].append(reason)
        if len(submission.expected_output or b"") > _MAX_EXPECTED_BYTES:
            self.errors["expected_output"].append(f"is too long (maximum is {_MAX_EXPECTED_BYTES} bytes)")
        for name in ("enable_per_process_and_thread_time_limit", "enable_per_process_and_thread_memory_limit"):
            if self._flag(name):
                self.errors[name].append("this option cannot be enabled")
        if self._flag("enable_network"):
            self.errors["enable_network"].append("enabling network is not allowed")

    def _check_source(self, submission: Submission, language: Judge0Language | None) -> None:
        has_source = bool((submission.source_code or b"").strip())
        if language is not None and language.is_multi_file:
            if has_source:
                self.errors["source_code"].append("must be blank")
            if not submission.additional_files and "additional_files" not in self.errors:
                self.errors["additional_files"].append("can't be blank")
        elif not has_source and "source_code" not in self.errors:
            self.errors["source_code"].append("can't be blank")

    def _language_id(self) -> int:
        number = _cast_integer(self._document.get("language_id"))
        if number is None:
            self.errors["language_id"].append("can't be blank")
            return _NO_NUMBER
        if abs(number) > _MAX_ID:
            self.errors["language_id"].append("is out of range")
            return _OUT_OF_RANGE
        return number

    def _number(self, name: str) -> Any:
        raw = self._document.get(name)
        if raw is None or raw == "":
            return None
        value = _cast_number(raw)
        if value is None:
            self.errors[name].append("is not a number")
            return None
        field = NUMBER_FIELDS[name]
        if (error := field.find_error(value, self._ceiling)) is not None:
            self.errors[name].append(error)
            return None
        return int(value) if field.is_integer else float(value)

    def _flag(self, name: str) -> bool:
        value = self._document.get(name)
        if value is None or value == "" or isinstance(value, list | dict):
            return False
        return value not in _FALSE

    def _option(self, name: str) -> str | None:
        text = self._text(name)
        if text is not None and len(text) > _MAX_OPTION_CHARACTERS:
            self.errors[name].append(f"is too long (maximum is {_MAX_OPTION_CHARACTERS} characters)")
            return None
        try:
            split_arguments(text)
        except ValueError:
            self.errors[name].append("has a quote that is not closed")
        return text

    def _text(self, name: str) -> str | None:
        value = self._document.get(name)
        if value is None or isinstance(value, list | dict):
            return None
        text = value if isinstance(value, str) else str(value)
        if not _is_unicode(text):
            self.errors[name].append("is not valid Unicode")
            return None
        return text

    def _content(self, name: str, *, always_encoded: bool = False) -> bytes | None:
        text = self._text(name)
        if text is None:
            return None
        if not (always_encoded or self._base64_encoded):
            return text.encode()
        try:
            return _decode_base64(text)
        except ValueError:
            self.errors[name].append("is not valid Base64")
            return None


def _cast_integer(value: Any) -> int | None:
    """Cast a value to an integer as Rails does: a text that does not start with a number is 0. None: it is blank."""
    match value:
        case bool():
            return int(value)
        case int():
            return value
        case float():
            return int(value) if math.isfinite(value) else None
        case str() if value.strip():
            match = _INTEGER.match(value)
            return 0 if match is None else int(match[1])
    return None


def _cast_number(value: Any) -> float | None:
    """Cast a value as Rails does. None: it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value) if isinstance(value, str | float) else value
        return None if math.isnan(float(number)) else number
    except OverflowError:
        return math.inf if int(value) > 0 else -math.inf
    except ValueError:
        return None


def _is_unicode(text: str) -> bool:
    """Return False if a text contains half of a surrogate pair, which JSON permits."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _decode_base64(text: str) -> bytes:
    """Decode Base64 with or without padding and line breaks. Raises ValueError."""
    stripped = re.sub(rb"\s", b"", text.encode()).rstrip(b"=")
    if _NOT_BASE64.search(stripped):
        raise ValueError("not a character of Base64")
    try:
        return base64.b64decode(stripped + b"=" * (-len(stripped) % 4), validate=True)
    except binascii.Error as e:
        raise ValueError("not a length of Base64") from e


def split_arguments(options: str | None) -> tuple[str, ...]:
    """Split a line of options as a shell does. Raises ValueError if a quote is not closed."""
    return tuple(shlex.split(_SHELL_CHARACTERS.sub("", options or "")))

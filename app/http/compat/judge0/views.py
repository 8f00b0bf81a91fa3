"""The JSON of a submission, reduced to the fields that a client requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import falcon
import msgspec

from app.core.files import Content
from app.core.job.results import JobRecord
from app.core.job.spec import JobSpec
from app.core.timestamps import format_optional_timestamp, format_timestamp
from app.http.compat.judge0.errors import NotUtf8
from app.http.compat.judge0.language_ids import MULTI_FILE
from app.http.compat.judge0.limits import NUMBER_FIELDS
from app.http.compat.judge0.submission import Submission
from app.http.compat.judge0.verdict import Verdict, create_status_view
from app.http.large_texts import LargeTexts, TextForm, is_utf8

__all__ = ["ALL_FIELDS", "DEFAULT_FIELDS", "JudgedSubmission", "create_view", "select_fields"]

DEFAULT_FIELDS: Final = ("token", "time", "memory", "stdout", "stderr", "compile_output", "message", "status")


@dataclass(frozen=True)
class JudgedSubmission:
    """A submission with the record of its job and the verdict on it."""

    record: JobRecord
    spec: JobSpec
    submission: Submission
    verdict: Verdict
    language_name: str


Text = bytes | bytearray | str | None


def _source_code(judged: JudgedSubmission) -> Text:
    return None if judged.submission.language_id == MULTI_FILE else _find_text(judged.spec.files[0].content)


def _find_text(content: Content) -> Text:
    return content if isinstance(content, bytes) else None  # Judge0's API has no files by reference


# With base64_encoded=true, these are in Base64.
_TEXT_FIELDS: Final[Mapping[str, Callable[[JudgedSubmission], Text]]] = {
    "source_code": _source_code,
    "stdin": lambda judged: _find_text(judged.spec.stdin) or None,
    "expected_output": lambda judged: judged.submission.expected_output,
    "stdout": lambda judged: judged.verdict.stdout,
    "stderr": lambda judged: judged.verdict.stderr,
    "compile_output": lambda judged: judged.verdict.compile_output,
    "message": lambda judged: judged.verdict.message,
}
_OTHER_FIELDS: Final[Mapping[str, Callable[[JudgedSubmission], Any]]] = {
    "token": lambda judged: judged.record.id,
    "language_id": lambda judged: judged.submission.language_id,
    "language": lambda judged: {"id": judged.submission.language_id, "name": judged.language_name},
    "status_id": lambda judged: judged.verdict.status.value,
    "status": lambda judged: create_status_view(judged.verdict.status),
    "created_at": lambda judged: format_timestamp(judged.record.created_at_ms),
    "finished_at": lambda judged: format_optional_timestamp(judged.record.finished_at_ms),
    "time": lambda judged: _format_seconds(judged.verdict.time),
    "wall_time": lambda judged: _format_seconds(judged.verdict.wall_time),
    "memory": lambda judged: judged.verdict.memory,
    "exit_code": lambda judged: judged.verdict.exit_code,
    "exit_signal": lambda judged: judged.verdict.exit_signal,
    "compiler_options": lambda judged: judged.submission.compiler_options,
    "command_line_arguments": lambda judged: judged.submission.command_line_arguments,
    "callback_url": lambda judged: judged.submission.callback_url,
    "redirect_stderr_to_stdout": lambda judged: judged.submission.redirect_stderr_to_stdout,
    "enable_network": lambda judged: False,
    "enable_per_process_and_thread_time_limit": lambda judged: False,
    "enable_per_process_and_thread_memory_limit": lambda judged: False,
}
ALL_FIELDS: Final = (*_OTHER_FIELDS, "additional_files", *_TEXT_FIELDS, *NUMBER_FIELDS)


def select_fields(text: str | None) -> Sequence[str]:
    """Return the fields that ``?fields=a,b`` selects. ``*`` selects all, an empty text the default fields.

    Raises:
        falcon.HTTPBadRequest: Some fields do not exist.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not names:
        return DEFAULT_FIELDS
    if names == ["*"]:
        return ALL_FIELDS
    if unknown := [name for name in names if name not in ALL_FIELDS]:
        raise falcon.HTTPBadRequest(description=f"invalid fields: [{', '.join(unknown)}]")
    return names


def create_view(
    judged: JudgedSubmission, fields: Sequence[str], texts: LargeTexts, *, base64_encoded: bool
) -> dict[str, Any]:
    """Create the JSON of a submission. Large texts are in ``texts``.

    Raises:
        NotUtf8: A text is not UTF-8 and ``base64_encoded`` is False.
    """
    return {name: _create_value(judged, name, texts, base64_encoded) for name in fields}


def _create_value(judged: JudgedSubmission, name: str, texts: LargeTexts, base64_encoded: bool) -> Any:
    if name in NUMBER_FIELDS:
        return _create_number(judged, name)
    if name == "additional_files":
        archive = judged.submission.additional_files
        return None if archive is None else texts.add(archive, TextForm.BASE64)
    if name in _OTHER_FIELDS:
        return _OTHER_FIELDS[name](judged)
    content = _TEXT_FIELDS[name](judged)
    data = content.encode() if isinstance(content, str) else content
    if data is None:
        return None
    if base64_encoded:
        return texts.add(data, TextForm.BASE64)
    if not is_utf8(data):
        raise NotUtf8(judged.record.id)
    return texts.add(data, TextForm.UTF8)


def _create_number(judged: JudgedSubmission, name: str) -> int | str:
    """Return the value of the submission, or else the value that was used. Decimal numbers are strings."""
    field, value = NUMBER_FIELDS[name], getattr(judged.submission, name)
    if value is None:
        limits = msgspec.structs.asdict(judged.spec.limits)
        value = field.own_default if field.limit is None else limits[field.limit] / field.unit
    return int(value) if field.is_integer else str(float(value))


def _format_seconds(value: float | None) -> str | None:
    return None if value is None else str(round(value, 3))

"""A submission as it is shown: of all that can be asked for, the fields that were."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import falcon
import msgspec

from app.core.results import JobRecord
from app.core.timestamps import format_optional_timestamp, format_timestamp
from app.http.compat.judge0.language_ids import MULTI_FILE
from app.http.compat.judge0.limits import KNOBS
from app.http.compat.judge0.statuses import status_view
from app.http.compat.judge0.submission import Submission
from app.http.compat.judge0.verdict import Verdict

__all__ = ["ALL_FIELDS", "DEFAULT_FIELDS", "Shown", "Unconvertible", "fields_of", "view"]

DEFAULT_FIELDS: Final = ("token", "time", "memory", "stdout", "stderr", "compile_output", "message", "status")


class Unconvertible(falcon.HTTPBadRequest):
    """Something is no UTF-8, and Base64 was not asked for."""

    def __init__(self, token: str) -> None:
        super().__init__(
            description="some attributes for this submission cannot be converted to UTF-8, "
            "use base64_encoded=true query parameter"
        )
        self.token = token


@dataclass(frozen=True)
class Shown:
    """A submission and all that is known of it. ``language_name`` is that of its id."""

    record: JobRecord
    submission: Submission
    verdict: Verdict
    language_name: str


Content = bytes | str | None
_Getter = Callable[[Shown], Any]


def _source(shown: Shown) -> Content:
    return None if shown.submission.language_id == MULTI_FILE else shown.record.spec.files[0].content


# Those that are Base64 with base64_encoded=true.
_CONTENTS: Final[Mapping[str, Callable[[Shown], Content]]] = {
    "source_code": _source,
    "stdin": lambda shown: shown.record.spec.stdin or None,
    "expected_output": lambda shown: shown.submission.expected_output,
    "stdout": lambda shown: shown.verdict.stdout,
    "stderr": lambda shown: shown.verdict.stderr,
    "compile_output": lambda shown: shown.verdict.compile_output,
    "message": lambda shown: shown.verdict.message,
}
_PLAIN: Final[Mapping[str, _Getter]] = {
    "token": lambda shown: shown.record.id,
    "language_id": lambda shown: shown.submission.language_id,
    "language": lambda shown: {"id": shown.submission.language_id, "name": shown.language_name},
    "status_id": lambda shown: shown.verdict.status.value,
    "status": lambda shown: status_view(shown.verdict.status),
    "created_at": lambda shown: format_timestamp(shown.record.created_at_ms),
    "finished_at": lambda shown: format_optional_timestamp(shown.record.finished_at_ms),
    "time": lambda shown: _seconds(shown.verdict.time),
    "wall_time": lambda shown: _seconds(shown.verdict.wall_time),
    "memory": lambda shown: shown.verdict.memory,
    "exit_code": lambda shown: shown.verdict.exit_code,
    "exit_signal": lambda shown: shown.verdict.exit_signal,
    "compiler_options": lambda shown: shown.submission.compiler_options,
    "command_line_arguments": lambda shown: shown.submission.command_line_arguments,
    "callback_url": lambda shown: shown.submission.callback_url,
    "additional_files": lambda shown: _base64(shown.submission.additional_files),
    "redirect_stderr_to_stdout": lambda shown: shown.submission.redirect_stderr_to_stdout,
    "enable_network": lambda shown: False,
    "enable_per_process_and_thread_time_limit": lambda shown: False,
    "enable_per_process_and_thread_memory_limit": lambda shown: False,
}
ALL_FIELDS: Final = (*_PLAIN, *_CONTENTS, *KNOBS)


def fields_of(text: str | None) -> Sequence[str]:
    """From ``?fields=a,b``: the usual ones, all with ``*``, or those.

    Raises:
        falcon.HTTPBadRequest: names those that do not exist.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not names:
        return DEFAULT_FIELDS
    if names == ["*"]:
        return ALL_FIELDS
    if unknown := [name for name in names if name not in ALL_FIELDS]:
        raise falcon.HTTPBadRequest(description=f"invalid fields: [{', '.join(unknown)}]")
    return names


def view(shown: Shown, fields: Sequence[str], *, base64_encoded: bool) -> dict[str, Any]:
    """Ready for JSON. Raises Unconvertible."""
    return {name: _value(shown, name, base64_encoded) for name in fields}


def _value(shown: Shown, name: str, base64_encoded: bool) -> Any:
    if name in KNOBS:
        return _knob(shown, name)
    if name in _PLAIN:
        return _PLAIN[name](shown)
    content = _CONTENTS[name](shown)
    data = content.encode() if isinstance(content, str) else content
    if base64_encoded:
        return _base64(data)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError as e:
        raise Unconvertible(shown.record.id) from e


def _knob(shown: Shown, name: str) -> int | str:
    """What was asked for, or what it was then. Decimal numbers are text."""
    knob, value = KNOBS[name], getattr(shown.submission, name)
    if value is None:
        limits = msgspec.structs.asdict(shown.record.spec.limits)
        value = knob.usual if knob.limit is None else limits[knob.limit] / knob.unit
    return int(value) if knob.is_integer else str(float(value))


def _seconds(value: float | None) -> str | None:
    return None if value is None else str(round(value, 3))


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")

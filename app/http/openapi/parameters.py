"""The parameters of requests, in one table."""

from __future__ import annotations

from typing import Any, Final

from app.core.states import JobState
from app.http.settings import HttpSettings
from app.http.v1.admin.dead_letters import MAX_DEAD_LETTERS
from app.http.v1.job_list import MOST_PER_PAGE, USUAL_PER_PAGE

__all__ = ["PARAMETERS", "parameters"]

_EVENT_CURSOR: Final = {"type": "string", "pattern": "^([0-9]{1,19}(-[0-9]{1,19})?)?$"}


def _in_path(name: str, text: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _in_query(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _in_header(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": text, "schema": schema}


PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "job_id": _in_path("job_id", "A job of the caller.", "^[A-Za-z0-9_-]{1,64}$"),
    "artifact": _in_path("name", "The file's path below the working folder.", "^[^/]+(/[^/]+)*$"),
    "key_id": _in_path("key_id", "What `GET /v1/admin/keys` calls `id`.", "^[A-Za-z0-9]+$"),
    "queue": _in_path("queue", "A name of `GET /v1/admin/queues`.", "^[a-z.]+$"),
    "dead_letter_id": _in_path("dead_letter_id", "What the list of dead letters calls `id`.", "^[0-9-]+$"),
    "wait": _in_query(
        "wait",
        "Seconds to wait for the end of the job: then the answer is the finished job, if it ends in time.",
        {"type": "number", "minimum": 0},
    ),
    "list_after": _in_query(
        "after", "`next` of an earlier page.", {"type": "string", "pattern": "^([0-9]{1,16}-[A-Za-z0-9_-]{1,64})?$"}
    ),
    "limit": _in_query(
        "limit",
        "At most so many.",
        {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": USUAL_PER_PAGE},
    ),
    "status": _in_query("status", "Only these.", {"type": "string", "enum": list(JobState)}),
    "label": _in_query(
        "label",
        "Only jobs with this label, `NAME:VALUE`; may be repeated: all must be there.",
        {"type": "array", "items": {"type": "string", "pattern": "^[^:]*:"}},
    ),
    "dead_letters_after": _in_query(
        "after", "`next` of an earlier page.", {"type": "string", "pattern": "^([0-9]{1,19}-[0-9]{1,19})?$"}
    ),
    "dead_letters_limit": _in_query(
        "limit", "At most so many.", {"type": "integer", "minimum": 1, "maximum": MAX_DEAD_LETTERS, "default": 20}
    ),
    "event_after": _in_query("after", "The `cursor` of the last event seen: it goes on behind it.", _EVENT_CURSOR),
    "follow": _in_query("follow", "Stay until the end of the job.", {"type": "boolean", "default": False}),
    "idempotency_key": _in_header(
        "Idempotency-Key",
        "The caller's own name for this request: sent again with it, it is the same job. Holds for 24 hours.",
        {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    ),
    "last_event_id": _in_header(
        "Last-Event-ID", "As `after`, and before it: `EventSource` sends it when it comes back.", _EVENT_CURSOR
    ),
    "if_none_match": _in_header("If-None-Match", "The `ETag` of what the client has.", {"type": "string"}),
}


def parameters(settings: HttpSettings) -> dict[str, dict[str, Any]]:
    """All rows, with the bounds that this gateway was given."""
    wait = PARAMETERS["wait"]
    bounded = {**wait, "schema": {**wait["schema"], "maximum": settings.max_wait_seconds}}
    return {**PARAMETERS, "wait": bounded}

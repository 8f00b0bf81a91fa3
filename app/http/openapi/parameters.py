"""The request parameters: path, query and headers."""

from __future__ import annotations

from typing import Any, Final

from app.core.files import FILE_ID
from app.core.links import LINK_ID
from app.core.states import JobState
from app.core.workspaces import WORKSPACE_ID
from app.http.settings import HttpSettings
from app.http.v1.admin.dead_letters import MAX_DEAD_LETTERS
from app.http.v1.admin.jobs import OWNER
from app.http.v1.files import MAX_NAME_BYTES
from app.http.v1.job_list import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

__all__ = ["PARAMETERS", "create_parameters"]

_EVENT_CURSOR: Final = {"type": "string", "pattern": "^([0-9]{1,19}(-[0-9]{1,19})?)?$"}


def _path(name: str, text: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _query(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _header(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": text, "schema": schema}


PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "job_id": _path("job_id", "The id of a job of the caller.", "^[A-Za-z0-9_-]{1,64}$"),
    "batch_id": _path("batch_id", "The id of a streamed batch of the caller.", "^[A-Za-z0-9_-]{1,64}$"),
    "artifact": _path("name", "The path of the file in the working directory.", "^[^/]+(/[^/]+)*$"),
    "file_id": _path("file_id", "The id of a file of the caller.", FILE_ID),
    "link_id": _path("link_id", "The id of a short link.", LINK_ID),
    "workspace_id": _path("workspace_id", "The id of a workspace of the caller.", WORKSPACE_ID),
    "workspace_path": _path(
        # The gateway also refuses other characters that are not printable, which a pattern cannot express.
        "path",
        "The path of a file in the working directory.",
        r"^[^/\\\x00-\x1f\x7f]+(/[^/\\\x00-\x1f\x7f]+)*$",
    ),
    "any_job_id": _path("job_id", "The id of a job of any caller.", "^[A-Za-z0-9_-]{1,64}$"),
    "owner": _query(
        "owner",
        "`key:` and the id of an API key, or `anonymous`: only jobs of this owner.",
        {"type": "string", "pattern": OWNER},
    ),
    "audit_limit": _query(
        "limit",
        "The maximum number of entries.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    ),
    "audit_after": _query(
        "after", "The `next` of the previous page.", {"type": "string", "pattern": "^([0-9]{1,19}-[0-9]{1,19})?$"}
    ),
    "key_id": _path("key_id", "An `id` from `GET /v1/admin/keys`.", "^[A-Za-z0-9]+$"),
    "queue": _path("queue", "A `name` from `GET /v1/admin/queues`.", "^[a-z.]+$"),
    "dead_letter_id": _path("dead_letter_id", "An `id` from the list of dead letters.", "^[0-9-]+$"),
    "wait": _query(
        "wait",
        "Wait up to this number of seconds for the job to finish. If it finishes in time, the response is the finished "
        "job.",
        {"type": "number", "minimum": 0},
    ),
    "list_after": _query(
        "after",
        "The `next` of the previous page.",
        {"type": "string", "pattern": "^([0-9]{1,16}-[A-Za-z0-9_-]{1,64})?$"},
    ),
    "limit": _query(
        "limit",
        "The maximum number of jobs.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    ),
    "files_limit": _query(
        "limit",
        "The maximum number of files.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    ),
    "files_after": _query(
        "after", "The `next` of the previous page.", {"type": "string", "pattern": "^([0-9]{1,15}-[0-9a-f]{32})?$"}
    ),
    "workspaces_limit": _query(
        "limit",
        "The maximum number of workspaces.",
        {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    ),
    "workspaces_after": _query(
        "after",
        "The `next` of the previous page.",
        {"type": "string", "pattern": "^([0-9]{1,15}-[A-Za-z0-9_-]{1,64})?$"},
    ),
    "file_name": _query("name", "A name for people.", {"type": "string", "maxLength": MAX_NAME_BYTES}),
    "status": _query("status", "Only jobs with this status.", {"type": "string", "enum": list(JobState)}),
    "label": _query(
        "label",
        "Only jobs with this label, `NAME:VALUE`. Can be repeated: a job must have all labels.",
        {"type": "array", "items": {"type": "string", "pattern": "^[^:]*:"}},
    ),
    "dead_letters_after": _query(
        "after", "The `next` of the previous page.", {"type": "string", "pattern": "^([0-9]{1,19}-[0-9]{1,19})?$"}
    ),
    "dead_letters_limit": _query(
        "limit",
        "The maximum number of dead letters.",
        {"type": "integer", "minimum": 1, "maximum": MAX_DEAD_LETTERS, "default": 20},
    ),
    "event_after": _query(
        "after", "The `cursor` of the last event received. Only later events are sent.", _EVENT_CURSOR
    ),
    "batch_after": _query(
        "after",
        "Only for a stream: the `cursor` of the last line received. Only later results are sent.",
        _EVENT_CURSOR,
    ),
    "follow_batch": _query(
        "follow", "Follow the results to the end of the batch.", {"type": "boolean", "default": False}
    ),
    "follow": _query("follow", "Follow the output to the end of the job.", {"type": "boolean", "default": False}),
    "idempotency_key": _header(
        "Idempotency-Key",
        "A key of your choice. Requests of the same caller with the same key create only one job while it exists.",
        {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    ),
    "last_event_id": _header(
        "Last-Event-ID", "Replaces `after`. `EventSource` sends it when it reconnects.", _EVENT_CURSOR
    ),
    "if_none_match": _header("If-None-Match", "The `ETag` of the version that the client has.", {"type": "string"}),
}


def create_parameters(settings: HttpSettings) -> dict[str, dict[str, Any]]:
    """Return all parameters, with the limits of this gateway."""
    wait = PARAMETERS["wait"]
    return {**PARAMETERS, "wait": {**wait, "schema": {**wait["schema"], "maximum": settings.max_wait_seconds}}}

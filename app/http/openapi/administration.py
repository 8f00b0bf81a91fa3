"""The operations of the administration API."""

from __future__ import annotations

from typing import Final

from app.core.errors import InvalidRequest, JobNotFound, NotFound, NotReplayable
from app.http.openapi.operation import Access, Operation, Paths, Reply
from app.http.v1.admin.audit import AuditLogView
from app.http.v1.admin.dead_letters import DeadLettersView, DeadLetterView
from app.http.v1.admin.engines import EnginesView
from app.http.v1.admin.hosts import HostsView
from app.http.v1.admin.inventory import StoredFilesView, StoredWorkspacesView
from app.http.v1.admin.jobs import AnyJobsView, AnyJobView
from app.http.v1.admin.keys import KeyRequest, KeysView, NewKeyView, RotatedKeyView, RotationRequest
from app.http.v1.admin.metrics import MetricsView
from app.http.v1.admin.queues import QueuesView, WorkersView

__all__ = ["ADMINISTRATION", "AUDITED_ACTIONS", "PATHS"]

ADMINISTRATION: Final = "Administration"

_LIST_KEYS: Final = Operation(
    id="listKeys",
    tag=ADMINISTRATION,
    summary="List all API keys, oldest first",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The keys, without their secrets.", body=KeysView),),
)

_CREATE_KEY: Final = Operation(
    id="createKey",
    tag=ADMINISTRATION,
    summary="Create an API key",
    text="`key` and `webhook_secret` are only in this response. Store them.",
    access=Access.ADMIN,
    request_body=KeyRequest,
    examples={"a course": {"name": "course 101", "tier": "standard"}},
    replies=(
        Reply(
            status=201,
            text="The new key with its secrets.",
            body=NewKeyView,
            required=("Location",),
            links={
                "rotateKey": {"key_id": "$response.body#/id"},
                "revokeKey": {"key_id": "$response.body#/id"},
            },
        ),
    ),
)

_ROTATE_KEY: Final = Operation(
    id="rotateKey",
    tag=ADMINISTRATION,
    summary="Replace the text of an API key",
    text="The id of the key, its jobs, its files and its webhook secret do not change. The previous text becomes "
    "invalid `grace_seconds` later, or within 2 seconds.",
    access=Access.ADMIN,
    parameters=("key_id",),
    request_body=RotationRequest,
    examples={"both keys are valid for a day": {"grace_seconds": 86400}},
    replies=(Reply(status=200, text="The key with its new text.", body=RotatedKeyView),),
    errors=(NotFound,),
)

_REVOKE_KEY: Final = Operation(
    id="revokeKey",
    tag=ADMINISTRATION,
    summary="Revoke an API key",
    text="The key becomes invalid within 2 seconds. Its jobs continue.",
    access=Access.ADMIN,
    parameters=("key_id",),
    replies=(Reply(status=204, text="The key is revoked."),),
    errors=(NotFound,),
)

_METRICS: Final = Operation(
    id="getMetrics",
    tag=ADMINISTRATION,
    summary="Get the metrics of all processes as JSON",
    text="The same metrics as `GET /metrics`.",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="All metrics.", body=MetricsView),),
)

_HOSTS: Final = Operation(
    id="listHosts",
    tag=ADMINISTRATION,
    summary="List the hosts that run workers, with their language images",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The hosts.", body=HostsView),),
)

_ENGINES: Final = Operation(
    id="listEngines",
    tag=ADMINISTRATION,
    summary="List the engines of the live workers, with their sandboxes",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The engines.", body=EnginesView),),
)

_STORED_WORKSPACES: Final = Operation(
    id="listStoredWorkspaces",
    tag=ADMINISTRATION,
    summary="List the workspaces of all callers",
    text="At most 100 are listed.",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The workspaces that expire last.", body=StoredWorkspacesView),),
)

_STORED_FILES: Final = Operation(
    id="listStoredFiles",
    tag=ADMINISTRATION,
    summary="List the files of all callers",
    text="At most 100 are listed. Their contents can be read only by their owners.",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The files that expire last.", body=StoredFilesView),),
)

_QUEUES: Final = Operation(
    id="listQueues",
    tag=ADMINISTRATION,
    summary="List all queues, sorted by name",
    access=Access.ADMIN,
    replies=(
        Reply(
            status=200,
            text="The queues.",
            body=QueuesView,
            links={
                "listDeadLetters": {"queue": "$response.body#/queues/0/name"},
                "pauseQueue": {"queue": "$response.body#/queues/0/name"},
                "resumeQueue": {"queue": "$response.body#/queues/0/name"},
            },
        ),
    ),
)

_PAUSE_QUEUE: Final = Operation(
    id="pauseQueue",
    tag=ADMINISTRATION,
    summary="Pause a queue",
    text="Workers receive no further message of the queue. Those that they have received continue. Jobs are still "
    "accepted, and wait with the `waiting_reason` `queue-paused`. The queue `maintenance` cannot be paused.",
    access=Access.ADMIN,
    parameters=("queue",),
    replies=(Reply(status=204, text="The queue is paused."),),
    errors=(NotFound, InvalidRequest),
)

_RESUME_QUEUE: Final = Operation(
    id="resumeQueue",
    tag=ADMINISTRATION,
    summary="Resume a queue",
    access=Access.ADMIN,
    parameters=("queue",),
    replies=(Reply(status=204, text="The queue is not paused."),),
    errors=(NotFound, InvalidRequest),
)

_LIST_ANY_JOBS: Final = Operation(
    id="listAnyJobs",
    tag=ADMINISTRATION,
    summary="List jobs of all callers, newest first",
    text="Without `owner`, and with the owner `anonymous`: the queued and running jobs. With the owner `key:ID`: all "
    "jobs of this API key. A page can be shorter than `limit`, even empty, while `next` is set.",
    access=Access.ADMIN,
    parameters=("limit", "list_after", "status", "label", "owner"),
    replies=(
        Reply(
            status=200,
            text="A page of jobs.",
            body=AnyJobsView,
            links={
                "getAnyJob": {"job_id": "$response.body#/jobs/0/id"},
                "cancelAnyJob": {"job_id": "$response.body#/jobs/0/id"},
            },
        ),
    ),
)

_GET_ANY_JOB: Final = Operation(
    id="getAnyJob",
    tag=ADMINISTRATION,
    summary="Find a job of any caller",
    text="Its source, input and output are not shown.",
    access=Access.ADMIN,
    parameters=("any_job_id",),
    replies=(Reply(status=200, text="The job.", body=AnyJobView),),
    errors=(JobNotFound,),
)

_CANCEL_ANY_JOB: Final = Operation(
    id="cancelAnyJob",
    tag=ADMINISTRATION,
    summary="Cancel a job of any caller",
    text="A queued job is finished at once. The worker of a running job stops it soon after the response.",
    access=Access.ADMIN,
    parameters=("any_job_id",),
    replies=(Reply(status=202, text="The job is cancelled, or was finished.", body=AnyJobView),),
    errors=(JobNotFound,),
)

_AUDIT_LOG: Final = Operation(
    id="listAuditLog",
    tag=ADMINISTRATION,
    summary="List the actions of administrators, newest first",
    text="Each request of this section that changes something has an entry. The newest 10,000 are kept.",
    access=Access.ADMIN,
    parameters=("audit_limit", "audit_after"),
    replies=(Reply(status=200, text="A page of the audit log.", body=AuditLogView),),
)

_WORKERS: Final = Operation(
    id="listWorkers",
    tag=ADMINISTRATION,
    summary="List all workers with the messages that they have received and not finished",
    access=Access.ADMIN,
    replies=(Reply(status=200, text="The workers.", body=WorkersView),),
)

_FIRST_DEAD_LETTER: Final = {"queue": "$request.path.queue", "dead_letter_id": "$response.body#/dead_letters/0/id"}

_DEAD_LETTERS: Final = Operation(
    id="listDeadLetters",
    tag=ADMINISTRATION,
    summary="List the dead letters of a queue, newest first",
    access=Access.ADMIN,
    parameters=("queue", "dead_letters_limit", "dead_letters_after"),
    replies=(
        Reply(
            status=200,
            text="A page of dead letters.",
            body=DeadLettersView,
            links={
                "getDeadLetter": _FIRST_DEAD_LETTER,
                "replayDeadLetter": _FIRST_DEAD_LETTER,
                "dropDeadLetter": _FIRST_DEAD_LETTER,
            },
        ),
    ),
    errors=(NotFound,),
)

_DEAD_LETTER: Final = Operation(
    id="getDeadLetter",
    tag=ADMINISTRATION,
    summary="Get a dead letter",
    access=Access.ADMIN,
    parameters=("queue", "dead_letter_id"),
    replies=(Reply(status=200, text="The dead letter.", body=DeadLetterView),),
    errors=(NotFound,),
)

_DROP: Final = Operation(
    id="dropDeadLetter",
    tag=ADMINISTRATION,
    summary="Delete a dead letter",
    access=Access.ADMIN,
    parameters=("queue", "dead_letter_id"),
    replies=(Reply(status=204, text="The dead letter is deleted."),),
    errors=(NotFound,),
)

_REPLAY: Final = Operation(
    id="replayDeadLetter",
    tag=ADMINISTRATION,
    summary="Move a dead letter back to its queue",
    text="A job starts again from the beginning, and its earlier result and output are deleted.",
    access=Access.ADMIN,
    parameters=("queue", "dead_letter_id"),
    replies=(Reply(status=204, text="The message is queued again."),),
    errors=(NotFound, NotReplayable),
)

PATHS: Final[Paths] = {
    "/v1/admin/keys": {"get": _LIST_KEYS, "post": _CREATE_KEY},
    "/v1/admin/keys/{key_id}": {"delete": _REVOKE_KEY},
    "/v1/admin/keys/{key_id}/rotate": {"post": _ROTATE_KEY},
    "/v1/admin/jobs": {"get": _LIST_ANY_JOBS},
    "/v1/admin/jobs/{job_id}": {"get": _GET_ANY_JOB},
    "/v1/admin/jobs/{job_id}/cancel": {"post": _CANCEL_ANY_JOB},
    "/v1/admin/audit": {"get": _AUDIT_LOG},
    "/v1/admin/metrics": {"get": _METRICS},
    "/v1/admin/hosts": {"get": _HOSTS},
    "/v1/admin/engines": {"get": _ENGINES},
    "/v1/admin/workspaces": {"get": _STORED_WORKSPACES},
    "/v1/admin/files": {"get": _STORED_FILES},
    "/v1/admin/queues": {"get": _QUEUES},
    "/v1/admin/queues/{queue}/pause": {"post": _PAUSE_QUEUE},
    "/v1/admin/queues/{queue}/resume": {"post": _RESUME_QUEUE},
    "/v1/admin/workers": {"get": _WORKERS},
    "/v1/admin/dead/{queue}": {"get": _DEAD_LETTERS},
    "/v1/admin/dead/{queue}/{dead_letter_id}": {"get": _DEAD_LETTER, "delete": _DROP},
    "/v1/admin/dead/{queue}/{dead_letter_id}/replay": {"post": _REPLAY},
}

#: The operation id of each route and method that changes something, for the audit log.
AUDITED_ACTIONS: Final = {
    (path, method.upper()): operation.id
    for path, operations in PATHS.items()
    for method, operation in operations.items()
    if method != "get"
}

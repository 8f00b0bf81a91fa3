"""The operations of the administration API."""

from __future__ import annotations

from functools import partial
from typing import Final

from app.core.errors import InvalidRequest, JobNotFound, NotFound, NotReplayable
from app.http.openapi.operation import Access, Operation, Paths, Reply, reply_created, reply_empty, reply_json
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

_FIRST_DEAD_LETTER: Final = {"queue": "$request.path.queue", "dead_letter_id": "$response.body#/dead_letters/0/id"}

_operation: Final = partial(Operation, tag=ADMINISTRATION, access=Access.ADMIN)

PATHS: Final[Paths] = {
    "/v1/admin/keys": {
        "get": _operation(
            id="listKeys",
            summary="List all API keys, oldest first",
            replies=reply_json(KeysView, "The keys, without their secrets."),
        ),
        "post": _operation(
            id="createKey",
            summary="Create an API key",
            text="`key` and `webhook_secret` are only in this response. Store them.",
            request_body=KeyRequest,
            examples={"a course": {"name": "course 101", "tier": "standard"}},
            replies=reply_created(
                NewKeyView,
                "The new key with its secrets.",
                {
                    "rotateKey": {"key_id": "$response.body#/id"},
                    "revokeKey": {"key_id": "$response.body#/id"},
                },
            ),
        ),
    },
    "/v1/admin/keys/{key_id}": {
        "delete": _operation(
            id="revokeKey",
            summary="Revoke an API key",
            text="The key becomes invalid within 2 seconds. Its jobs continue.",
            parameters=("key_id",),
            replies=reply_empty("The key is revoked."),
            errors=(NotFound,),
        )
    },
    "/v1/admin/keys/{key_id}/rotate": {
        "post": _operation(
            id="rotateKey",
            summary="Replace the text of an API key",
            text="The id of the key, its jobs, its files and its webhook secret do not change. The previous text "
            "becomes invalid `grace_seconds` later, or within 2 seconds.",
            parameters=("key_id",),
            request_body=RotationRequest,
            examples={"both keys are valid for a day": {"grace_seconds": 86400}},
            replies=reply_json(RotatedKeyView, "The key with its new text."),
            errors=(NotFound,),
        )
    },
    "/v1/admin/jobs": {
        "get": _operation(
            id="listAnyJobs",
            summary="List jobs of all callers, newest first",
            text="Without `owner`, and with the owner `anonymous`: the queued and running jobs. With the owner "
            "`key:ID`: all jobs of this API key. A page can be shorter than `limit`, even empty, while `next` is "
            "set.",
            parameters=("limit", "list_after", "status", "label", "owner"),
            replies=reply_json(
                AnyJobsView,
                "A page of jobs.",
                {
                    "getAnyJob": {"job_id": "$response.body#/jobs/0/id"},
                    "cancelAnyJob": {"job_id": "$response.body#/jobs/0/id"},
                },
            ),
        )
    },
    "/v1/admin/jobs/{job_id}": {
        "get": _operation(
            id="getAnyJob",
            summary="Find a job of any caller",
            text="Its source, input and output are not shown.",
            parameters=("any_job_id",),
            replies=reply_json(AnyJobView, "The job."),
            errors=(JobNotFound,),
        )
    },
    "/v1/admin/jobs/{job_id}/cancel": {
        "post": _operation(
            id="cancelAnyJob",
            summary="Cancel a job of any caller",
            text="A queued job is finished at once. The worker of a running job stops it soon after the response.",
            parameters=("any_job_id",),
            replies=(Reply(status=202, text="The job is cancelled, or was finished.", body=AnyJobView),),
            errors=(JobNotFound,),
        )
    },
    "/v1/admin/audit": {
        "get": _operation(
            id="listAuditLog",
            summary="List the actions of administrators, newest first",
            text="Each request of this section that changes something has an entry. The newest 10,000 are kept.",
            parameters=("audit_limit", "audit_after"),
            replies=reply_json(AuditLogView, "A page of the audit log."),
        )
    },
    "/v1/admin/metrics": {
        "get": _operation(
            id="getMetrics",
            summary="Get the metrics of all processes as JSON",
            text="The same metrics as `GET /metrics`.",
            replies=reply_json(MetricsView, "All metrics."),
        )
    },
    "/v1/admin/hosts": {
        "get": _operation(
            id="listHosts",
            summary="List the hosts that run workers, with their language images",
            replies=reply_json(HostsView, "The hosts."),
        )
    },
    "/v1/admin/engines": {
        "get": _operation(
            id="listEngines",
            summary="List the engines of the live workers, with their sandboxes",
            replies=reply_json(EnginesView, "The engines."),
        )
    },
    "/v1/admin/workspaces": {
        "get": _operation(
            id="listStoredWorkspaces",
            summary="List the workspaces of all callers",
            text="At most 100 are listed.",
            replies=reply_json(StoredWorkspacesView, "The workspaces that expire last."),
        )
    },
    "/v1/admin/files": {
        "get": _operation(
            id="listStoredFiles",
            summary="List the files of all callers",
            text="At most 100 are listed. Their contents can be read only by their owners.",
            replies=reply_json(StoredFilesView, "The files that expire last."),
        )
    },
    "/v1/admin/queues": {
        "get": _operation(
            id="listQueues",
            summary="List all queues, sorted by name",
            replies=reply_json(
                QueuesView,
                "The queues.",
                {
                    "listDeadLetters": {"queue": "$response.body#/queues/0/name"},
                    "pauseQueue": {"queue": "$response.body#/queues/0/name"},
                    "resumeQueue": {"queue": "$response.body#/queues/0/name"},
                },
            ),
        )
    },
    "/v1/admin/queues/{queue}/pause": {
        "post": _operation(
            id="pauseQueue",
            summary="Pause a queue",
            text="Workers receive no further message of the queue. Those that they have received continue. Jobs are "
            "still accepted, and wait with the `waiting_reason` `queue-paused`. The queue `maintenance` cannot be "
            "paused.",
            parameters=("queue",),
            replies=reply_empty("The queue is paused."),
            errors=(NotFound, InvalidRequest),
        )
    },
    "/v1/admin/queues/{queue}/resume": {
        "post": _operation(
            id="resumeQueue",
            summary="Resume a queue",
            parameters=("queue",),
            replies=reply_empty("The queue is not paused."),
            errors=(NotFound, InvalidRequest),
        )
    },
    "/v1/admin/workers": {
        "get": _operation(
            id="listWorkers",
            summary="List all workers with the messages that they have received and not finished",
            replies=reply_json(WorkersView, "The workers."),
        )
    },
    "/v1/admin/dead/{queue}": {
        "get": _operation(
            id="listDeadLetters",
            summary="List the dead letters of a queue, newest first",
            parameters=("queue", "dead_letters_limit", "dead_letters_after"),
            replies=reply_json(
                DeadLettersView,
                "A page of dead letters.",
                {
                    "getDeadLetter": _FIRST_DEAD_LETTER,
                    "replayDeadLetter": _FIRST_DEAD_LETTER,
                    "dropDeadLetter": _FIRST_DEAD_LETTER,
                },
            ),
            errors=(NotFound,),
        )
    },
    "/v1/admin/dead/{queue}/{dead_letter_id}": {
        "get": _operation(
            id="getDeadLetter",
            summary="Get a dead letter",
            parameters=("queue", "dead_letter_id"),
            replies=reply_json(DeadLetterView, "The dead letter."),
            errors=(NotFound,),
        ),
        "delete": _operation(
            id="dropDeadLetter",
            summary="Delete a dead letter",
            parameters=("queue", "dead_letter_id"),
            replies=reply_empty("The dead letter is deleted."),
            errors=(NotFound,),
        ),
    },
    "/v1/admin/dead/{queue}/{dead_letter_id}/replay": {
        "post": _operation(
            id="replayDeadLetter",
            summary="Move a dead letter back to its queue",
            text="A job starts again from the beginning, and its earlier result and output are deleted.",
            parameters=("queue", "dead_letter_id"),
            replies=reply_empty("The message is queued again."),
            errors=(NotFound, NotReplayable),
        )
    },
}

#: The operation id of each route and method that changes something, for the audit log.
AUDITED_ACTIONS: Final = {
    (path, method.upper()): operation.id
    for path, operations in PATHS.items()
    for method, operation in operations.items()
    if method != "get"
}

"""The operations on jobs and their output."""

from __future__ import annotations

from typing import Any, Final

from app.core.errors import (
    GatewayBusy,
    IdempotencyMismatch,
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    NotFound,
    QueueFull,
    RateLimited,
    StorageFull,
    TooManyJobs,
    UnknownLanguage,
    WorkspaceBusy,
)
from app.core.job.spec import JobRequest
from app.http.openapi.operation import Access, Operation, Paths, Reply, reply_empty, reply_json
from app.http.v1.batches.resource import BatchRequest, BatchView
from app.http.v1.job_list import JobListView
from app.http.v1.output.resource import EVENT_STREAM, NDJSON
from app.http.v1.views import AcceptedJob, FinishedJob, PendingJob

__all__ = ["JOBS", "OUTPUT", "PATHS"]

JOBS: Final = "Jobs"
OUTPUT: Final = "Output"

_RATE_LIMIT_HEADERS: Final = ("RateLimit", "RateLimit-Policy")
_PYTHON_EXAMPLE: Final = {"language": "python", "source": "print(6 * 7)"}
_C_EXAMPLE: Final = {
    "language": "c",
    "files": [
        {"name": "main.c", "content": '#include "answer.h"\nint main(void) { return ANSWER; }\n'},
        {"name": "answer.h", "content": "#define ANSWER 42\n"},
    ],
    "limits": {"wall_seconds": 5, "memory_bytes": 67108864},
    "labels": {"course": "101"},
}
_TESTS_EXAMPLE: Final = {
    "language": "python",
    "source": "print(sum(map(int, input().split())))",
    "tests": [{"name": "small", "stdin": "1 2", "expected_output": "3"}, {"stdin": "5 5"}],
}
_SUBMISSION_ERRORS: Final = (
    UnknownLanguage, IdempotencyMismatch, RateLimited, TooManyJobs, StorageFull, QueueFull, WorkspaceBusy,
)  # fmt: skip

_JOB_ID: Final[dict[str, str]] = {"job_id": "$response.body#/id"}
_JOB_LINKS: Final[dict[str, Any]] = dict.fromkeys(("getJob", "getJobOutput", "cancelJob", "deleteJob"), _JOB_ID)
_ARTIFACT_LINK: Final = {"getArtifact": {**_JOB_ID, "name": "$response.body#/artifacts/0/name"}}

_SUBMIT: Final = Operation(
    id="submitJob",
    tag=JOBS,
    summary="Submit a job",
    text="202: the job is stored and queued. 4xx: the request is invalid, and nothing was queued.",
    parameters=("wait", "idempotency_key"),
    request_body=JobRequest,
    examples={"one file": _PYTHON_EXAMPLE, "several files": _C_EXAMPLE, "tests": _TESTS_EXAMPLE},
    replies=(
        Reply(
            status=200,
            text="With `wait`: the job has finished.",
            body=FinishedJob,
            headers=_RATE_LIMIT_HEADERS,
            required=("Location",),
            links={**_JOB_LINKS, **_ARTIFACT_LINK},
        ),
        Reply(
            status=202,
            text="The job is queued.",
            body=AcceptedJob,
            headers=_RATE_LIMIT_HEADERS,
            required=("Location",),
            links=_JOB_LINKS,
        ),
    ),
    errors=_SUBMISSION_ERRORS,
)

_LIST: Final = Operation(
    id="listJobs",
    tag=JOBS,
    summary="List your jobs, newest first",
    text="Pass `next` as `after` to get the next page. A page can have fewer jobs than `limit`, even none, and still "
    "have a `next`.",
    access=Access.KEY,
    parameters=("limit", "list_after", "status", "label"),
    replies=reply_json(JobListView, "A page of jobs.", {"getJob": {"job_id": "$response.body#/jobs/0/id"}}),
)

_BATCH: Final = Operation(
    id="submitBatch",
    tag=JOBS,
    summary="Submit several jobs",
    text="Each job is accepted or rejected on its own. The response has one item for each job, in the same order.\n\n"
    "With `Accept: application/x-ndjson`, the response streams the results in the order in which the jobs finish, one "
    "on each line. To continue an interrupted stream, send the request again with the same `Idempotency-Key`, and the "
    "`cursor` of the last line as `after`.",
    parameters=("idempotency_key", "batch_after"),
    request_body=BatchRequest,
    examples={"two jobs": {"jobs": [_PYTHON_EXAMPLE, _TESTS_EXAMPLE]}},
    replies=(
        Reply(
            status=200,
            text="The receipt of each job; or, with `Accept: application/x-ndjson`, the results.",
            body=BatchView,
            media={NDJSON: {"type": "string", "description": "Each line is a BatchMessage."}},
            headers=_RATE_LIMIT_HEADERS,
        ),
    ),
    errors=(RateLimited, TooManyJobs, StorageFull, QueueFull, IdempotencyMismatch),
)

_READ_BATCH: Final = Operation(
    id="getBatch",
    tag=JOBS,
    summary="Read the results of a streamed batch, as they are now or followed to the end of the batch",
    text="The `Location` of the response to a streamed batch. Jobs that were not accepted before that response was "
    "interrupted are not submitted by this request.",
    parameters=("batch_id", "batch_after", "follow_batch"),
    replies=(
        Reply(
            status=200,
            text="The results, one on each line.",
            media={NDJSON: {"type": "string", "description": "Each line is a BatchMessage."}},
            required=("Location",),
        ),
    ),
    errors=(NotFound, InvalidRequest),
)

_GET: Final = Operation(
    id="getJob",
    tag=JOBS,
    summary="Get the state of a job, and its result and output if it has finished",
    parameters=("job_id",),
    replies=(Reply(status=200, text="The job.", body=(FinishedJob, PendingJob)),),
    errors=(JobNotFound, GatewayBusy),
)

_DELETE: Final = Operation(
    id="deleteJob",
    tag=JOBS,
    summary="Delete a finished job",
    text="Deletes the job, its output and its entry in your list.",
    parameters=("job_id",),
    replies=reply_empty("The job is deleted."),
    errors=(JobNotFound, JobNotFinished),
)

_CANCEL: Final = Operation(
    id="cancelJob",
    tag=JOBS,
    summary="Cancel a job",
    text="A queued job is `finished` at once. A running job is stopped soon after. A finished job does not change.",
    parameters=("job_id",),
    replies=(Reply(status=202, text="The job is cancelled or has already finished.", body=AcceptedJob),),
    errors=(JobNotFound,),
)

_OUTPUT: Final = Operation(
    id="getJobOutput",
    tag=OUTPUT,
    summary="Read the output of a job, as it is now or followed to the end of the job",
    text="With `Accept: text/event-stream`, the response is a stream of Server-Sent Events that follows the job to its "
    "end: the `id` of each is its cursor, and its data is the event. A silent stream sends a comment every 15 seconds. "
    "A stream that ends without a `finished` event was interrupted: reconnect with `after`. A stream that cannot "
    "continue ends with an `error` event.",
    parameters=("job_id", "event_after", "follow", "last_event_id"),
    replies=(
        Reply(
            status=200,
            text="The events, one on each line.",
            media={
                NDJSON: {"type": "string", "description": "Each line is an Event."},
                EVENT_STREAM: {"type": "string", "description": "The data of each Server-Sent Event is an Event."},
            },
        ),
        Reply(
            status=204,
            text="Only with `Accept: text/event-stream`: the client has received all events. Do not reconnect.",
        ),
    ),
    errors=(JobNotFound, InvalidRequest),
)

_ARTIFACT: Final = Operation(
    id="getArtifact",
    tag=OUTPUT,
    summary="Download a file that the program created",
    parameters=("job_id", "artifact"),
    replies=(
        Reply(
            status=200,
            text="The content of the file.",
            media={
                media_type: {} for media_type in ("application/octet-stream", "image/png", "image/jpeg", "image/gif")
            },
            required=("Content-Disposition",),
        ),
    ),
    errors=(JobNotFound, NotFound, GatewayBusy),
)

PATHS: Final[Paths] = {
    "/v1/jobs": {"get": _LIST, "post": _SUBMIT},
    "/v1/jobs/batch": {"post": _BATCH},
    "/v1/jobs/batch/{batch_id}": {"get": _READ_BATCH},
    "/v1/jobs/{job_id}": {"get": _GET, "delete": _DELETE},
    "/v1/jobs/{job_id}/cancel": {"post": _CANCEL},
    "/v1/jobs/{job_id}/output": {"get": _OUTPUT},
    "/v1/jobs/{job_id}/artifacts/{name}": {"get": _ARTIFACT},
}

"""What is done with jobs."""

from __future__ import annotations

from typing import Any, Final

from app.core.errors import (
    IdempotencyMismatch,
    InvalidRequest,
    JobNotFinished,
    JobNotFound,
    NotFound,
    QueueFull,
    RateLimited,
    TooManyJobs,
    UnknownLanguage,
)
from app.core.spec import JobRequest
from app.http.openapi.operation import Access, Operation, Paths, Reply
from app.http.v1.batches import BatchRequest, BatchView
from app.http.v1.job_list import JobListView
from app.http.v1.output import EVENT_STREAM, NDJSON
from app.http.v1.views import AcceptedJob, FinishedJob, PendingJob

__all__ = ["JOBS", "OUTPUT", "PATHS"]

JOBS: Final = "Jobs"
OUTPUT: Final = "Output"

_TOKENS: Final = ("RateLimit", "RateLimit-Policy")
_PYTHON: Final = {"language": "python", "source": "print(6 * 7)"}
_C: Final = {
    "language": "c",
    "files": [
        {"name": "main.c", "content": '#include "answer.h"\nint main(void) { return ANSWER; }\n'},
        {"name": "answer.h", "content": "#define ANSWER 42\n"},
    ],
    "limits": {"wall_seconds": 5, "memory_bytes": 67108864},
    "labels": {"course": "101"},
}
_TESTS: Final = {
    "language": "python",
    "source": "print(sum(map(int, input().split())))",
    "tests": [{"name": "small", "stdin": "1 2", "expected_output": "3"}, {"stdin": "5 5"}],
}
_SUBMISSION_ERRORS: Final = (UnknownLanguage, IdempotencyMismatch, RateLimited, TooManyJobs, QueueFull)


def _job(operation: str) -> dict[str, Any]:
    return {operation: {"job_id": "$response.body#/id"}}


_ITS_ARTIFACT: Final = {"getArtifact": {"job_id": "$response.body#/id", "name": "$response.body#/artifacts/0/name"}}
_GO_ON: Final = {**_job("getJob"), **_job("getJobOutput"), **_job("cancelJob"), **_job("deleteJob")}

_SUBMIT: Final = Operation(
    id="submitJob",
    tag=JOBS,
    summary="Submit a program",
    text="202: the job is written down and queued. Anything that is wrong is a 4xx, and then nothing was queued.",
    parameters=("wait", "idempotency_key"),
    takes=JobRequest,
    examples={"one file": _PYTHON, "several files": _C, "tests": _TESTS},
    replies=(
        Reply(
            status=200,
            text="With `wait`: it has ended.",
            body=FinishedJob,
            headers=_TOKENS,
            required=("Location",),
            next={**_GO_ON, **_ITS_ARTIFACT},
        ),
        Reply(status=202, text="It is queued.", body=AcceptedJob, headers=_TOKENS, required=("Location",), next=_GO_ON),
    ),
    errors=_SUBMISSION_ERRORS,
)

_LIST: Final = Operation(
    id="listJobs",
    tag=JOBS,
    summary="Your jobs, newest first",
    text="The list goes on with `next` as `after`; a page may have fewer jobs than asked for, even none, and a `next`.",
    access=Access.KEY,
    parameters=("limit", "list_after", "status", "label"),
    replies=(
        Reply(status=200, text="A page.", body=JobListView, next={"getJob": {"job_id": "$response.body#/jobs/0/id"}}),
    ),
)

_BATCH: Final = Operation(
    id="submitBatch",
    tag=JOBS,
    summary="Submit many programs at once",
    text="Each job is accepted or refused on its own, and the answer has one item for each, in their order.",
    parameters=("idempotency_key",),
    takes=BatchRequest,
    examples={"two": {"jobs": [_PYTHON, _TESTS]}},
    replies=(Reply(status=200, text="What became of each.", body=BatchView, headers=_TOKENS),),
    errors=(RateLimited, TooManyJobs),
)

_GET: Final = Operation(
    id="getJob",
    tag=JOBS,
    summary="Where a job is, and everything once it has finished",
    parameters=("job_id",),
    replies=(Reply(status=200, text="The job.", body=(FinishedJob, PendingJob)),),
    errors=(JobNotFound,),
)

_DELETE: Final = Operation(
    id="deleteJob",
    tag=JOBS,
    summary="Forget a job that has finished",
    text="The job, its output and its place in your list are gone.",
    parameters=("job_id",),
    replies=(Reply(status=204, text="Forgotten."),),
    errors=(JobNotFound, JobNotFinished),
)

_CANCEL: Final = Operation(
    id="cancelJob",
    tag=JOBS,
    summary="End a job early",
    text="A queued job is `finished` at once, a running one ends soon after, a finished one stays as it is.",
    parameters=("job_id",),
    replies=(Reply(status=202, text="It ends, or has ended.", body=AcceptedJob),),
    errors=(JobNotFound,),
)

_FOLLOW: Final = Operation(
    id="getJobOutput",
    tag=OUTPUT,
    summary="A job's output, as it is now or followed to the end",
    text="With `Accept: text/event-stream` it is server-sent events, always followed to the end: the `id` of each is "
    "its cursor, its data the event; a silent stream sends a comment every 15 seconds. A stream that ends without "
    "`finished` was cut: come back with `after`. One that cannot go on ends with an event of the type `error`.",
    parameters=("job_id", "event_after", "follow", "last_event_id"),
    replies=(
        Reply(
            status=200,
            text="The events, one a line.",
            media={
                NDJSON: {"type": "string", "description": "Each line is an Event."},
                EVENT_STREAM: {"type": "string", "description": "The data of each is an Event."},
            },
        ),
        Reply(status=204, text="Only with `Accept: text/event-stream`: all has been seen, do not come back."),
    ),
    errors=(JobNotFound, InvalidRequest),
)

_ARTIFACT: Final = Operation(
    id="getArtifact",
    tag=OUTPUT,
    summary="A file that the program has left",
    parameters=("job_id", "artifact"),
    replies=(
        Reply(
            status=200,
            text="Its bytes, always as a download.",
            media={
                media_type: {} for media_type in ("application/octet-stream", "image/png", "image/jpeg", "image/gif")
            },
            required=("Content-Disposition",),
        ),
    ),
    errors=(JobNotFound, NotFound),
)

PATHS: Final[Paths] = {
    "/v1/jobs": {"get": _LIST, "post": _SUBMIT},
    "/v1/jobs/batch": {"post": _BATCH},
    "/v1/jobs/{job_id}": {"get": _GET, "delete": _DELETE},
    "/v1/jobs/{job_id}/cancel": {"post": _CANCEL},
    "/v1/jobs/{job_id}/output": {"get": _FOLLOW},
    "/v1/jobs/{job_id}/artifacts/{name}": {"get": _ARTIFACT},
}

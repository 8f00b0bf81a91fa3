"""Every request of the API as a value: what to send and how to read the answer.

Sending is the transports' part, so that the client for threads and the one for tasks have all of this in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from pyxec.errors import RequestRefused, UnreadableReply, refusal_kind
from pyxec.events import Event, read_events
from pyxec.results import Accepted, JobStatus, Language, Result

__all__ = [
    "BatchAnswer",
    "Call",
    "Reply",
    "artifact",
    "cancel",
    "delete",
    "document",
    "languages",
    "output",
    "ready",
    "refusal",
    "result",
    "status",
    "submit",
    "submit_batch",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. The names of the headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def read(self, shape: type[T]) -> T:
        """The body, decoded. Raises UnreadableReply."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except msgspec.MsgspecError as e:
            raise UnreadableReply(f"the answer is not what this version of pyxec expects: {e}") from e


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Parameters:
        path: behind the service's address, with its query.
        read: makes of an answer below 400 what the caller gets.
        body: sent as JSON unless it is None.
        wait_seconds: how long the service may take on purpose.
        is_repeatable: sent twice it does what it does once, so that it may be sent again when no answer came.
    """

    method: str
    path: str
    read: Callable[[Reply], T]
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    is_repeatable: bool = True


class BatchAnswer(msgspec.Struct, frozen=True):
    """One job of a batch: taken on, or a problem."""

    id: str = ""
    problem: msgspec.Raw = msgspec.Raw()


class _Batch(msgspec.Struct, frozen=True):
    jobs: tuple[BatchAnswer, ...]


class _Languages(msgspec.Struct, frozen=True):
    languages: tuple[Language, ...]


def submit(request: Mapping[str, Any], key: str, wait_seconds: float = 0.0) -> Call[Accepted | Result]:
    """A job; the whole result if it ends in ``wait_seconds``."""
    query = f"?wait={wait_seconds:g}" if wait_seconds else ""
    return Call(
        "POST",
        f"/v1/jobs{query}",
        lambda reply: reply.read(Result) if reply.status == 200 else reply.read(Accepted),
        body=request,
        headers={"Idempotency-Key": key},
        wait_seconds=wait_seconds,
    )


def submit_batch(requests: Sequence[Mapping[str, Any]], key: str) -> Call[Sequence[BatchAnswer]]:
    """Many jobs, each taken on or refused on its own."""
    return Call(
        "POST",
        "/v1/jobs/batch",
        lambda reply: reply.read(_Batch).jobs,
        body={"jobs": list(requests)},
        headers={"Idempotency-Key": key},
    )


def status(job_id: str) -> Call[JobStatus]:
    """Where a job is."""
    return Call("GET", _job(job_id), lambda reply: reply.read(JobStatus))


def result(job_id: str) -> Call[Result]:
    """A job that has finished."""
    return Call("GET", _job(job_id), lambda reply: reply.read(Result))


def document(job_id: str) -> Call[dict[str, Any]]:
    """All that the service tells of a job, as it tells it."""
    return Call("GET", _job(job_id), lambda reply: reply.read(dict[str, Any]))


def output(job_id: str, after: str | None = None) -> Call[list[Event]]:
    """The events that there are now."""
    query = f"?{urlencode({'after': after})}" if after else ""
    return Call("GET", f"{_job(job_id)}/output{query}", lambda reply: read_events(reply.body))


def artifact(job_id: str, name: str) -> Call[bytes]:
    """A file that a job has left."""
    return Call("GET", f"{_job(job_id)}/artifacts/{quote(name)}", lambda reply: reply.body)


def cancel(job_id: str) -> Call[Accepted]:
    """The end of a job, early."""
    return Call("POST", f"{_job(job_id)}/cancel", lambda reply: reply.read(Accepted))


def delete(job_id: str) -> Call[None]:
    """The end of all that is known of a finished job. Not repeatable: the second one would find no job."""
    return Call("DELETE", _job(job_id), lambda reply: None, is_repeatable=False)


def languages() -> Call[tuple[Language, ...]]:
    """What can be run there."""
    return Call("GET", "/v1/languages", lambda reply: reply.read(_Languages).languages)


def ready() -> Call[None]:
    """Whether a job could be taken now; not waited for."""
    return Call("GET", "/readyz", lambda reply: None, is_repeatable=False)


class _Problem(msgspec.Struct):
    """The members of an RFC 9457 document, and ours that name the field and the request."""

    type: str = ""
    status: int = 0
    title: str = ""
    detail: str = ""
    field: str = ""
    request_id: str = ""


def refusal(status: int, body: bytes, headers: Mapping[str, str]) -> RequestRefused:
    """The error for an answer of 400 or more, whoever gave it; a status of 0 stands in the document."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:  # a proxy's own page
        problem = _Problem()
    status = status or problem.status
    text = problem.detail or problem.title or f"HTTP {status}"
    retry_after = headers.get("retry-after", "")
    return refusal_kind(status)(
        status,
        f"{problem.field}: {text}" if problem.field else text,
        type=problem.type,
        field=problem.field,
        request_id=problem.request_id or headers.get("x-request-id", ""),
        retry_after_seconds=float(retry_after) if retry_after.isdecimal() else None,
    )


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"

"""The requests of the API as values: what to send and how to decode the response. Both clients share them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from pyxec.errors import RequestRefused, UnreadableReply, error_class
from pyxec.events import Event, read_events
from pyxec.results import Accepted, JobStatus, Language, Result, WorkspaceInfo

__all__ = [
    "BatchItem",
    "Call",
    "Reply",
    "artifact",
    "cancel",
    "delete",
    "document",
    "error_for",
    "languages",
    "not_a_pyxec_api",
    "output",
    "ready",
    "result",
    "status",
    "stream_batch",
    "submit",
    "submit_batch",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """A response with a status below 400 of the service at ``url``. Header names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    url: str = ""

    def read(self, shape: type[T]) -> T:
        """Decode the JSON body to a value of the type ``shape``. Raises UnreadableReply."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except msgspec.ValidationError as e:
            raise UnreadableReply(
                f"{self.url}: this is not a Pyxec API, or its version does not match this version of pyxec: {e}"
            ) from e
        except msgspec.DecodeError as e:
            raise not_a_pyxec_api(self.url, f"status {self.status}, and a body that is not JSON") from e


def not_a_pyxec_api(url: str, answer: str) -> UnreadableReply:
    """Return the error for a server that is not Pyxec."""
    return UnreadableReply(
        f"{url}: this is not a Pyxec API (it answers with {answer}). Set PYXEC_URL to the URL of Pyxec"
    )


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        method: HTTP method.
        path: Path below the URL of the service, with the query.
        read: Decodes a response with a status below 400.
        body: Sent as JSON unless it is None.
        content: Sent as it is, instead of ``body``. It is iterated over again for each attempt.
        headers: Additional header fields.
        wait_seconds: How long the service may wait before it responds; added to the time-out.
        is_repeatable: Whether the request may be repeated when there was no response.
    """

    method: str
    path: str
    read: Callable[[Reply], T]
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    is_repeatable: bool = True
    content: Iterable[bytes] | None = None


class BatchItem(msgspec.Struct, frozen=True):
    """One job of a batch. ``id`` is empty if the job was refused; ``problem`` is the reason."""

    id: str = ""
    problem: msgspec.Raw = msgspec.Raw()


class _Batch(msgspec.Struct, frozen=True):
    jobs: tuple[BatchItem, ...]


class _Languages(msgspec.Struct, frozen=True):
    languages: tuple[Language, ...]


def submit(request: Mapping[str, Any], key: str, wait_seconds: float = 0.0) -> Call[Accepted | Result]:
    """Submit a job. The response is the result if the job finishes within ``wait_seconds``."""
    query = f"?wait={wait_seconds:g}" if wait_seconds else ""
    return Call(
        "POST",
        f"/v1/jobs{query}",
        lambda reply: reply.read(Result) if reply.status == 200 else reply.read(Accepted),
        body=request,
        headers={"Idempotency-Key": key},
        wait_seconds=wait_seconds,
    )


def submit_batch(requests: Sequence[Mapping[str, Any]], key: str) -> Call[Sequence[BatchItem]]:
    """Submit several jobs. Each is accepted or refused on its own."""
    return Call(
        "POST",
        "/v1/jobs/batch",
        lambda reply: reply.read(_Batch).jobs,
        body={"jobs": list(requests)},
        headers={"Idempotency-Key": key},
    )


def stream_batch(requests: Sequence[Mapping[str, Any]], key: str, after: str, silence_seconds: float) -> Call[None]:
    """Submit a batch and stream its results, or continue after a cursor. For ``stream_lines`` of a transport.

    Args:
        requests: The jobs.
        key: Idempotency key of the batch.
        after: Cursor of the last line that was received; empty for the first request.
        silence_seconds: Maximum time between two lines.
    """
    query = f"?{urlencode({'after': after})}" if after else ""
    return Call(
        "POST",
        f"/v1/jobs/batch{query}",
        lambda reply: None,
        body={"jobs": list(requests)},
        headers={"Idempotency-Key": key, "Accept": "application/x-ndjson"},
        wait_seconds=silence_seconds,
    )


def status(job_id: str) -> Call[JobStatus]:
    """Get the state of a job."""
    return Call("GET", _job(job_id), lambda reply: reply.read(JobStatus))


def result(job_id: str) -> Call[Result]:
    """Get the result of a finished job."""
    return Call("GET", _job(job_id), lambda reply: reply.read(Result))


def document(job_id: str) -> Call[dict[str, Any]]:
    """Get the JSON object of a job unchanged."""
    return Call("GET", _job(job_id), lambda reply: reply.read(dict[str, Any]))


def output(job_id: str, after: str | None = None) -> Call[list[Event]]:
    """Get the events written so far, after a cursor."""
    query = f"?{urlencode({'after': after})}" if after else ""
    return Call("GET", f"{_job(job_id)}/output{query}", lambda reply: read_events(reply.body))


def artifact(job_id: str, name: str) -> Call[bytes]:
    """Get the content of an artifact."""
    return Call("GET", f"{_job(job_id)}/artifacts/{quote(name)}", lambda reply: reply.body)


def cancel(job_id: str) -> Call[Accepted]:
    """Cancel a job."""
    return Call("POST", f"{_job(job_id)}/cancel", lambda reply: reply.read(Accepted))


def delete(job_id: str) -> Call[None]:
    """Delete a finished job. Not repeatable: the second request would return 404."""
    return Call("DELETE", _job(job_id), lambda reply: None, is_repeatable=False)


def languages() -> Call[tuple[Language, ...]]:
    """Get the installed languages."""
    return Call("GET", "/v1/languages", lambda reply: reply.read(_Languages).languages)


def ready() -> Call[None]:
    """Check whether the service can accept a job. Not retried."""
    return Call("GET", "/readyz", _read_health, is_repeatable=False)


class _Health(msgspec.Struct):
    status: str


def _read_health(reply: Reply) -> None:
    reply.read(_Health)


def create_workspace() -> Call[WorkspaceInfo]:
    """Create a workspace. Not repeatable: a second request would create another one."""
    return Call("POST", "/v1/workspaces", lambda reply: reply.read(WorkspaceInfo), is_repeatable=False)


def workspace(workspace_id: str) -> Call[WorkspaceInfo]:
    """Get a workspace with the list of its files."""
    return Call("GET", _workspace(workspace_id), lambda reply: reply.read(WorkspaceInfo))


def delete_workspace(workspace_id: str) -> Call[None]:
    """Delete a workspace. Not repeatable: the second request would return 404."""
    return Call("DELETE", _workspace(workspace_id), lambda reply: None, is_repeatable=False)


def read_file(workspace_id: str, path: str) -> Call[bytes]:
    """Get the content of a file of a workspace."""
    return Call("GET", _workspace_file(workspace_id, path), lambda reply: reply.body)


def write_file(workspace_id: str, path: str, content: bytes) -> Call[WorkspaceInfo]:
    """Create or replace a file of a workspace."""
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(content))}
    read = lambda reply: reply.read(WorkspaceInfo)  # noqa: E731
    return Call("PUT", _workspace_file(workspace_id, path), read, headers=headers, content=[content])


def delete_file(workspace_id: str, path: str) -> Call[None]:
    """Delete a file of a workspace. Not repeatable: the second request would return 404."""
    return Call("DELETE", _workspace_file(workspace_id, path), lambda reply: None, is_repeatable=False)


class _Problem(msgspec.Struct):
    """A problem document (RFC 9457), with the extension members ``field`` and ``request_id``."""

    type: str = ""
    status: int = 0
    title: str = ""
    detail: str = ""
    field: str = ""
    request_id: str = ""


def error_for(status: int, body: bytes, headers: Mapping[str, str]) -> RequestRefused:
    """Return the error for a response with a status of 400 or more.

    Args:
        status: HTTP status; 0 takes the status of the problem document.
        body: A problem document, or the page of a proxy.
        headers: Header fields, names in lower case.
    """
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:  # not a problem document: the page of a proxy
        problem = _Problem()
    status = status or problem.status
    text = problem.detail or problem.title or f"HTTP {status}"
    retry_after = headers.get("retry-after", "")
    return error_class(status)(
        status,
        f"{problem.field}: {text}" if problem.field else text,
        type=problem.type,
        field=problem.field,
        request_id=problem.request_id or headers.get("x-request-id", ""),
        retry_after_seconds=float(retry_after) if retry_after.isdecimal() else None,
    )


def _workspace(workspace_id: str) -> str:
    return f"/v1/workspaces/{quote(workspace_id, safe='')}"


def _workspace_file(workspace_id: str, path: str) -> str:
    # HTTP clients remove dot segments. The service has to see them to reject them.
    parts = [part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="") for part in path.split("/")]
    return f"{_workspace(workspace_id)}/files/{'/'.join(parts)}"


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"

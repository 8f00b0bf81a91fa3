"""The routes of the API that the commands need, each a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from app.client.connection import Connection
from app.client.errors import UnreadableReply

__all__ = ["Accepted", "FinishedJob", "InstalledLanguage", "Service"]

_Shape = TypeVar("_Shape")


class Accepted(msgspec.Struct, frozen=True):
    """The service has the job and will not lose it."""

    id: str
    status: str


class InstalledLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """A language that a job can name, as ``GET /v1/languages`` tells it."""

    id: str
    name: str
    file_name: str
    aliases: tuple[str, ...] = ()
    version: str | None = None


class FinishedJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the commands look at in a job; everything else stays in the JSON that the user is shown."""

    id: str
    status: str
    outcome: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    stdout: str = ""
    stderr: str = ""


class _Languages(msgspec.Struct, frozen=True):
    languages: tuple[InstalledLanguage, ...]


class Service:
    """A running Pyxec, as its clients see it. Every method raises a ClientError; not for several threads."""

    def __init__(self, url: str, timeout_seconds: float = 30) -> None:
        self.url = url
        self._connection = Connection(url, timeout_seconds)

    def submit(self, request: dict[str, Any]) -> Accepted:
        """Put a job into the queue and return at once."""
        return _read(self._connection.request("POST", "/v1/jobs", request).json(), Accepted)

    def run(self, request: dict[str, Any], wait_seconds: float) -> FinishedJob:
        """Put a job into the queue and wait for its end; the status says whether it came in time."""
        path = f"/v1/jobs?wait={wait_seconds:g}"
        return _read(self._connection.request("POST", path, request, wait_seconds).json(), FinishedJob)

    def job(self, job_id: str) -> dict[str, Any]:
        """All that is known of a job, as the service tells it."""
        return _read(self._connection.request("GET", f"/v1/jobs/{quote(job_id, safe='')}").json(), dict[str, Any])

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job; it ends soon after. A job that has ended stays as it is."""
        self._connection.request("POST", f"/v1/jobs/{quote(job_id, safe='')}/cancel")

    def languages(self) -> Sequence[InstalledLanguage]:
        """What is installed there."""
        return _read(self._connection.request("GET", "/v1/languages").json(), _Languages).languages

    def ready(self) -> None:
        """Return when the service says that it can take a job."""
        self._connection.request("GET", "/readyz")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _read(value: Any, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as e:
        raise UnreadableReply(f"the answer is not what this version of pyxec expects: {e}") from e

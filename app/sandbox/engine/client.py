"""The Docker Engine, as little of it as we need, with its errors told in our own. Every call has a time-out: an engine
that hangs is an infrastructure fault like one that is down."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import docker
import requests
import urllib3.exceptions
from docker.errors import DockerException

from app.core.errors import EngineUnavailable, ImageMissing
from app.sandbox.engine.http import EngineHttp, EngineRefusal

__all__ = ["ContainerSummary", "Engine"]

_API_VERSION: Final = "1.41"
_CONTAINERS: Final = f"/v{_API_VERSION}/containers"
_ATTACH: Final = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
_EXIT_SIGKILL: Final = "137"
# What runc and crun say of a memory limit that the kernel does not take, since that much is in use.
_MEMORY_IN_USE: Final = re.compile(r"unable to set memory limit|memory\.limit_in_bytes.*busy", re.IGNORECASE)
# The last two: an answer that is not what an engine says.
_FAULTS: Final = (
    *(EngineRefusal, OSError, http.client.HTTPException),
    *(DockerException, requests.RequestException, urllib3.exceptions.HTTPError),
    *(json.JSONDecodeError, KeyError),
)


@dataclass(frozen=True)
class ContainerSummary:
    """One of our containers, as the reaper sees it."""

    id: str
    labels: dict[str, str]
    created_at: int
    state: str


class Engine:
    """One engine. Safe to use from many threads.

    Parameters:
        base_url: ``unix:///var/run/docker.sock`` or ``tcp://...``.
        timeout_seconds: for each call's answer.
    """

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._http = EngineHttp(base_url, timeout_seconds)
        self._api: docker.APIClient | None = None
        self._api_lock = threading.Lock()

    @property
    def api(self) -> Any:
        """The library's client, for all that is not a container. Made at the first use: nothing connects on
        construction. Its types are incomplete."""
        with self._api_lock:
            if self._api is None:
                timeout: Any = self._timeout
                self._api = docker.APIClient(base_url=self._base_url, version=_API_VERSION, timeout=timeout)
            return self._api

    def create(self, body: dict[str, Any]) -> str:
        """Create a container; return its id.

        Raises:
            ImageMissing: the image is not on this engine.
        """
        with _translated("create"):
            try:
                return str(json.loads(self._http.call("POST", f"{_CONTAINERS}/create", body))["Id"])
            except EngineRefusal as e:
                if e.status != HTTPStatus.NOT_FOUND:
                    raise
                raise ImageMissing(f"the image {body['Image']} is not on this engine") from e

    def attach(self, container_id: str) -> socket.socket:
        """A non-blocking, two-way socket to the standard streams of a container that is not started yet, multiplexed
        as app/sandbox/engine/demultiplexer.py reads them."""
        with _translated("attach"):
            stream = self._http.upgrade(f"{_CONTAINERS}/{container_id}/attach", **_ATTACH)
        stream.setblocking(False)
        return stream

    def start(self, container_id: str) -> None:
        """Start a created container."""
        with _translated("start"):
            self._http.call("POST", f"{_CONTAINERS}/{container_id}/start")

    def update(self, container_id: str, body: dict[str, int]) -> bool:
        """Change the numbers of a container that waits. False when it holds more memory than they allow."""
        with _translated("update"):
            try:
                self._http.call("POST", f"{_CONTAINERS}/{container_id}/update", body)
            except EngineRefusal as e:
                if not _MEMORY_IN_USE.search(str(e)):
                    raise
                return False
            return True

    def remove(self, container_id: str) -> None:
        """Kill and remove, whatever its state; one that is gone or going is as good."""
        with _translated("remove"):
            try:
                self._http.call("DELETE", f"{_CONTAINERS}/{container_id}", force=1, v=1)
            except EngineRefusal as e:
                if e.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                    raise

    def containers(self, label: str) -> list[ContainerSummary]:
        """All containers with this label, also those that never started."""
        with _translated("list"):
            filters = json.dumps({"label": [label]})
            found: Any = json.loads(self._http.call("GET", f"{_CONTAINERS}/json", all=1, filters=filters))
            return [ContainerSummary(c["Id"], c["Labels"] or {}, int(c["Created"]), str(c["State"])) for c in found]

    def was_oom_killed(self, container_id: str, since: float) -> bool:
        """Whether the kernel killed the container's first process. The container may be gone by now: the engine's
        recent events are asked. Takes up to two seconds, since they may be later than the end.

        The engine's own word for it, the event ``oom``, gets lost when the control group goes with that process. What
        is always there is a death by SIGKILL, and of one that was asked for, a record.
        """
        filters = {"container": [container_id], "event": ["kill", "die"]}
        params: dict[str, object] = {"since": int(since), "until": int(time.time()) + 1, "filters": json.dumps(filters)}
        with _translated("events"):
            answer = self._http.call("GET", f"/v{_API_VERSION}/events", **params)
            events = [json.loads(line) for line in answer.splitlines()]
            exits = {event["Actor"]["Attributes"].get("exitCode") for event in events if event["Action"] == "die"}
            return exits == {_EXIT_SIGKILL} and not any(event["Action"] == "kill" for event in events)

    def version(self) -> dict[str, Any]:
        """What the engine says of itself."""
        with _translated("version"):
            answer: dict[str, Any] = json.loads(self._http.call("GET", "/version"))
            return answer

    def close(self) -> None:
        """Close the connections that nobody uses. One that is used again opens them anew."""
        self._http.close()
        with self._api_lock:
            if self._api is not None:
                self._api.close()


@contextlib.contextmanager
def _translated(call: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS as e:
        raise EngineUnavailable(f"{call}: {type(e).__name__}: {e}") from e

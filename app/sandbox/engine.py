"""The Docker Engine, as little of it as we need, with its errors told in our own. Every call has a time-out: an engine
that hangs is an infrastructure fault like one that is down."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import docker
import requests
import urllib3.exceptions
from docker.errors import APIError, DockerException, NotFound
from docker.transport import UnixHTTPAdapter

from app.core.errors import EngineUnavailable, ImageMissing

__all__ = ["ContainerSummary", "Engine"]

_API_VERSION: Final = "1.41"
_ATTACH: Final = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
_UPGRADE: Final = {"Connection": "Upgrade", "Upgrade": "tcp"}
_CONNECTIONS: Final = 64
_EXIT_SIGKILL: Final = "137"
# The last two: an answer that is not what an engine says.
_FAULTS: Final = (
    *(DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError),
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
        self._api: docker.APIClient | None = None
        self._api_lock = threading.Lock()

    @property
    def api(self) -> Any:
        """The library's client, made at the first use: nothing connects on construction. Its types are incomplete."""
        with self._api_lock:
            if self._api is None:
                self._api = self._connect()
            return self._api

    def _connect(self) -> docker.APIClient:
        timeout: Any = self._timeout
        client = docker.APIClient(
            base_url=self._base_url, version=_API_VERSION, timeout=timeout, max_pool_size=_CONNECTIONS
        )
        if self._base_url.startswith("unix://"):
            client.mount("http+docker://", _OnePool(self._base_url.removeprefix("unix:"), timeout, 1, _CONNECTIONS))
        return client

    def create(self, body: dict[str, Any]) -> str:
        """Create a container; return its id.

        Raises:
            ImageMissing: the image is not on this engine.
        """
        with _translated("create"):
            try:
                return str(self.api.create_container_from_config(body)["Id"])
            except NotFound as e:
                raise ImageMissing(f"the image {body['Image']} is not on this engine") from e

    def attach(self, container_id: str) -> socket.socket:
        """A non-blocking, two-way socket to the container's standard streams, multiplexed as app/sandbox/demux.py
        reads them."""
        with _translated("attach"):
            # Not the library's attach_socket(): that has no time-out.
            url = self.api._url("/containers/{0}/attach", container_id)
            answer = self.api._post(url, params=_ATTACH, headers=_UPGRADE, stream=True)
            stream = self.api._get_raw_response_socket(answer)
        raw: socket.socket = getattr(stream, "_sock", stream)
        # The library's wrappers refer to each other and go whenever they are collected. The descriptor is taken from
        # them: a copy that stays open with them would keep the container's stdin open, and with that the container.
        own = socket.socket(fileno=raw.detach())
        stream.close()
        own.setblocking(False)
        return own

    def start(self, container_id: str) -> None:
        """Start a created container."""
        with _translated("start"):
            self.api.start(container_id)

    def update(self, container_id: str, body: dict[str, int]) -> None:
        """Change the numbers of a container that waits."""
        with _translated("update"):
            url = self.api._url("/containers/{0}/update", container_id)  # the library's own update() lacks pids
            self.api._raise_for_status(self.api._post_json(url, data=body))

    def remove(self, container_id: str) -> None:
        """Kill and remove, whatever its state; one that is gone or going is as good."""
        with _translated("remove"), contextlib.suppress(NotFound):
            try:
                self.api.remove_container(container_id, force=True, v=True)
            except APIError as e:
                if e.status_code != requests.codes.conflict:  # its removal is already in progress
                    raise

    def containers(self, label: str) -> list[ContainerSummary]:
        """All containers with this label, also those that never started."""
        with _translated("list"):
            found: Any = self.api.containers(all=True, filters={"label": [label]})
            return [ContainerSummary(c["Id"], c["Labels"] or {}, int(c["Created"]), str(c["State"])) for c in found]

    def was_oom_killed(self, container_id: str, since: float) -> bool:
        """Whether the kernel killed the container's first process. The container may be gone by now: the engine's
        recent events are asked. Takes up to two seconds, since they may be later than the end.

        The engine's own word for it, the event ``oom``, gets lost when the control group goes with that process. What
        is always there is a death by SIGKILL, and of one that was asked for, a record.
        """
        filters = {"container": [container_id], "event": ["kill", "die"]}
        params = {"since": int(since), "until": int(time.time()) + 1, "filters": json.dumps(filters)}
        with _translated("events"):
            # Not the library's events(): that has no time-out.
            answer: str = self.api._result(self.api._get(self.api._url("/events"), params=params))
            events = [json.loads(line) for line in answer.splitlines()]
            exits = {event["Actor"]["Attributes"].get("exitCode") for event in events if event["Action"] == "die"}
            return exits == {_EXIT_SIGKILL} and not any(event["Action"] == "kill" for event in events)

    def version(self) -> dict[str, Any]:
        """What the engine says of itself."""
        with _translated("version"):
            answer: dict[str, Any] = self.api.version(api_version=False)
            return answer


class _OnePool(UnixHTTPAdapter):
    """One pool of connections for the engine. The library makes one for each URL it ever calls, so for each container
    several, and closes those it forgets: when many threads call, at times one that another has just been given."""

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        return super().get_connection(self.socket_path, proxies)


@contextlib.contextmanager
def _translated(call: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS as e:
        raise EngineUnavailable(f"{call}: {type(e).__name__}: {e}") from e

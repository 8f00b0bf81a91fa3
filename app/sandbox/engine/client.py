"""Client for the calls of the Docker Engine API that the sandbox uses."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

import docker
import structlog

from app.core.errors import EngineUnavailable, ImageMissing
from app.sandbox.engine.api_version import MIN_VERSION, is_version_refusal, negotiate_version
from app.sandbox.engine.background import BackgroundCalls
from app.sandbox.engine.errors import EngineResponseError, UpdateRefused, translate_engine_errors
from app.sandbox.engine.http import EngineHttpClient

__all__ = ["ContainerSummary", "Engine", "connect_docker"]

_T = TypeVar("_T")

_CONTAINERS: Final = "/containers"
# Containers whose creation or removal the engine has not answered. New ones wait until there are fewer: together with
# the launches in progress, one for each slot and two of the pool, they are at most four more than the slots.
_MAX_UNANSWERED: Final = 3
_ATTACH_QUERY: Final = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
# 128 + SIGKILL: the exit code that the engine reports for a process that was killed.
_KILLED_EXIT_CODE: Final = "137"
# Usually less than one second. On a loaded machine, the engine needs longer to notice the end of a container.
_DIE_EVENT_SECONDS: Final = 5.0
# Messages of runc and crun when the new memory limit is below the current usage.
_MEMORY_IN_USE: Final = re.compile(r"unable to set memory limit|memory\.limit_in_bytes.*busy", re.IGNORECASE)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ContainerSummary:
    """One container in the list of an engine.

    Attributes:
        created_at: Unix time in seconds, by the clock of the engine's host.
        state: State as named by the engine: ``created``, ``running``, ``exited``...
    """

    id: str
    labels: dict[str, str]
    created_at: int
    state: str


class Engine:
    """One Docker Engine. Safe to use from many threads.

    Every method raises EngineUnavailable if the engine does not answer within the time-out or answers with an error:
    an engine that hangs is the same infrastructure fault as one that is down.

    Args:
        base_url: ``unix:///var/run/docker.sock`` or ``tcp://host:port``.
        timeout_seconds: Time-out for the response to each call.
    """

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        self._base_url = base_url
        self._timeout = timeout_seconds
        self._http = EngineHttpClient(base_url, timeout_seconds)
        self._background = BackgroundCalls(_MAX_UNANSWERED, timeout_seconds)
        self._docker_client: docker.APIClient | None = None
        self._docker_client_lock = threading.Lock()
        # The negotiated API version, and the number of lost connections at that time.
        self._negotiated: tuple[str, int] | None = None

    @property
    def docker_client(self) -> Any:
        """The docker-py client of this engine, for images. Its type hints are incomplete."""
        with translate_engine_errors("negotiate API version"):
            version = self._api_version()
        with self._docker_client_lock:
            client = self._docker_client
            if client is None or client.api_version != version:
                timeout: Any = self._timeout
                client = self._docker_client = docker.APIClient(self._base_url, version=version, timeout=timeout)
            return client

    def _api_version(self) -> str:
        """Return the API version, negotiated again after a lost connection: the engine may have been upgraded."""
        lost = self._http.lost_connections
        if self._negotiated is None or self._negotiated[1] != lost:
            self._negotiated = (negotiate_version(json.loads(self._http.request("GET", "/version"))), lost)
        return self._negotiated[0]

    def _request(
        self, method: str, path: str, body: object = None, *, unlimited: bool = False, **query: object
    ) -> bytes:
        return self._with_version(
            lambda prefix: self._http.request(method, prefix + path, body, unlimited=unlimited, **query)
        )

    def _with_version(self, send: Callable[[str], _T]) -> _T:
        """Send a request with the version prefix. A request that was refused for its version was not executed."""
        try:
            return send(f"/v{self._api_version()}")
        except EngineResponseError as e:
            if not is_version_refusal(e.status, str(e)):
                raise
        self._negotiated = None
        return send(f"/v{self._api_version()}")

    def create_container(self, body: dict[str, Any]) -> str:
        """Create a container and return its id.

        If the response arrives after the time-out, the container is removed. While the engine hangs, the number of
        these requests is bounded.

        Raises:
            ImageMissing: The image is not on this engine.
        """
        with translate_engine_errors("create container"):
            try:
                return self._background.run(lambda: self._create(body), self.discard_container)
            except EngineResponseError as e:
                if e.status != HTTPStatus.NOT_FOUND:
                    raise
                raise ImageMissing(f"image {body['Image']} is not on this engine") from e

    def _create(self, body: dict[str, Any]) -> str:
        return str(json.loads(self._request("POST", f"{_CONTAINERS}/create", body, unlimited=True))["Id"])

    def attach(self, container_id: str) -> socket.socket:
        """Attach to the standard streams of a container that has not started.

        Returns:
            A non-blocking socket. What is written goes to stdin; what is read is for ``Demultiplexer``.
        """
        with translate_engine_errors("attach to container"):
            path = f"{_CONTAINERS}/{container_id}/attach"
            stream = self._with_version(lambda prefix: self._http.upgrade(prefix + path, **_ATTACH_QUERY))
        stream.setblocking(False)
        return stream

    def start_container(self, container_id: str) -> None:
        """Start a created container."""
        with translate_engine_errors("start container"):
            self._request("POST", f"{_CONTAINERS}/{container_id}/start")

    def update_container(self, container_id: str, body: dict[str, int]) -> bool:
        """Change the resource limits of a running container.

        Returns:
            False if the container already uses more memory than the new limit.

        Raises:
            UpdateRefused: The engine answered with another error.
        """
        with translate_engine_errors("update container"):
            try:
                self._request("POST", f"{_CONTAINERS}/{container_id}/update", body)
            except EngineResponseError as e:
                if not _MEMORY_IN_USE.search(str(e)):
                    raise UpdateRefused(f"Docker Engine: update container: {e}") from e
                return False
            return True

    def remove_container(self, container_id: str) -> None:
        """Kill and remove a container. Does nothing if it does not exist or is being removed."""
        with translate_engine_errors("remove container"):
            try:
                self._request("DELETE", f"{_CONTAINERS}/{container_id}", force=1, v=1)
            except EngineResponseError as e:
                if e.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                    raise

    def discard_container(self, container_id: str) -> None:
        """Remove a container as ``remove_container`` does. If the engine does not answer, try again in the background.

        An error of the engine is logged; then the reaper removes the container.
        """
        if not self._try_discarding(container_id):
            self._background.retry(lambda: self._try_discarding(container_id))

    def _try_discarding(self, container_id: str) -> bool:
        """Return whether the engine has answered."""
        try:
            self.remove_container(container_id)
        except EngineUnavailable as e:
            _log.warning("container_not_removed", container=container_id[:12], error=str(e))
            return isinstance(e.__cause__, EngineResponseError)
        return True

    def list_containers(self, label: str) -> list[ContainerSummary]:
        """Return all containers with a label, in any state.

        Args:
            label: ``key`` or ``key=value``.
        """
        with translate_engine_errors("list containers"):
            filters = json.dumps({"label": [label]})
            items: Any = json.loads(self._request("GET", f"{_CONTAINERS}/json", all=1, filters=filters))
            return [
                ContainerSummary(item["Id"], item["Labels"] or {}, int(item["Created"]), str(item["State"]))
                for item in items
            ]

    def was_oom_killed(self, container_id: str, since: float) -> bool:
        """Return whether the kernel killed the first process of a container that has ended.

        Waits up to _DIE_EVENT_SECONDS, because the engine may publish the events after the connection to the container
        has ended.

        The engine's event ``oom`` is not reliable, because it is lost if the control group disappears together with
        the process. Instead, the method looks for an exit by SIGKILL without a preceding ``kill`` request.

        Args:
            since: Unix time in seconds before the container was created.
        """
        deadline = time.monotonic() + _DIE_EVENT_SECONDS
        while True:
            actions, exit_codes = self._read_end_events(container_id, int(since))
            if exit_codes or time.monotonic() > deadline:
                return exit_codes == {_KILLED_EXIT_CODE} and "kill" not in actions

    def _read_end_events(self, container_id: str, since: int) -> tuple[set[str], set[str]]:
        """Return the actions and exit codes of the events up to the next full second."""
        filters = {"container": [container_id], "event": ["kill", "die"]}
        query: dict[str, Any] = {"since": since, "until": int(time.time()) + 1, "filters": json.dumps(filters)}
        with translate_engine_errors("read events"):
            events = [json.loads(line) for line in self._request("GET", "/events", **query).splitlines()]
            ends = [event["Actor"]["Attributes"]["exitCode"] for event in events if event["Action"] == "die"]
            return {event["Action"] for event in events}, set(ends)

    def has_apparmor(self) -> bool:
        """Return whether the host of the engine uses AppArmor."""
        with translate_engine_errors("describe engine"):
            options: Any = json.loads(self._request("GET", "/info")).get("SecurityOptions") or ()
        return any("name=apparmor" in option or option == "apparmor" for option in options)

    def close(self) -> None:
        """Close the idle connections. Later calls open new ones."""
        self._background.close()
        self._http.close()
        with self._docker_client_lock:
            if self._docker_client is not None:
                self._docker_client.close()


def connect_docker(base_url: str, timeout_seconds: float = 60) -> docker.APIClient:
    """Return a docker-py client with the negotiated API version.

    Raises:
        EngineUnavailable: The engine has no API version in common with Pyxec.
        DockerException, requests.RequestException: The engine does not answer.
    """
    timeout: Any = timeout_seconds
    oldest = ".".join(map(str, MIN_VERSION))
    with contextlib.closing(docker.APIClient(base_url, version=oldest, timeout=timeout)) as client:
        version = negotiate_version(client.version(api_version=False))
    return docker.APIClient(base_url, version=version, timeout=timeout)

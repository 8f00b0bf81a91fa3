"""Client for the calls of the Docker Engine API that the sandbox uses."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import docker

from app.core.errors import ImageMissing
from app.sandbox.engine.errors import EngineResponseError, translate_engine_errors
from app.sandbox.engine.http import EngineHttpClient

__all__ = ["ContainerSummary", "Engine"]

# Docker 20.10. Later engines accept it as well.
_API_VERSION: Final = "1.41"
_CONTAINERS: Final = f"/v{_API_VERSION}/containers"
_ATTACH_QUERY: Final = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
# 128 + SIGKILL: the exit code that the engine reports for a process that was killed.
_KILLED_EXIT_CODE: Final = "137"
# Messages of runc and crun when the new memory limit is below the current usage.
_MEMORY_IN_USE: Final = re.compile(r"unable to set memory limit|memory\.limit_in_bytes.*busy", re.IGNORECASE)


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
        self._docker_client: docker.APIClient | None = None
        self._docker_client_lock = threading.Lock()

    @property
    def docker_client(self) -> Any:
        """The docker-py client of this engine, for images. Created on first use. Its type hints are incomplete."""
        with self._docker_client_lock:
            if self._docker_client is None:
                timeout: Any = self._timeout
                self._docker_client = docker.APIClient(base_url=self._base_url, version=_API_VERSION, timeout=timeout)
            return self._docker_client

    def create_container(self, body: dict[str, Any]) -> str:
        """Create a container and return its id.

        Raises:
            ImageMissing: The image is not on this engine.
        """
        with translate_engine_errors("create container"):
            try:
                return str(json.loads(self._http.request("POST", f"{_CONTAINERS}/create", body))["Id"])
            except EngineResponseError as e:
                if e.status != HTTPStatus.NOT_FOUND:
                    raise
                raise ImageMissing(f"image {body['Image']} is not on this engine") from e

    def attach(self, container_id: str) -> socket.socket:
        """Attach to the standard streams of a container that has not started.

        Returns:
            A non-blocking socket. What is written goes to stdin; what is read is for ``Demultiplexer``.
        """
        with translate_engine_errors("attach to container"):
            stream = self._http.upgrade(f"{_CONTAINERS}/{container_id}/attach", **_ATTACH_QUERY)
        stream.setblocking(False)
        return stream

    def start_container(self, container_id: str) -> None:
        """Start a created container."""
        with translate_engine_errors("start container"):
            self._http.request("POST", f"{_CONTAINERS}/{container_id}/start")

    def update_container(self, container_id: str, body: dict[str, int]) -> bool:
        """Change the resource limits of a running container.

        Returns:
            False if the container already uses more memory than the new limit.
        """
        with translate_engine_errors("update container"):
            try:
                self._http.request("POST", f"{_CONTAINERS}/{container_id}/update", body)
            except EngineResponseError as e:
                if not _MEMORY_IN_USE.search(str(e)):
                    raise
                return False
            return True

    def remove_container(self, container_id: str) -> None:
        """Kill and remove a container. Does nothing if it is gone or is being removed."""
        with translate_engine_errors("remove container"):
            try:
                self._http.request("DELETE", f"{_CONTAINERS}/{container_id}", force=1, v=1)
            except EngineResponseError as e:
                if e.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                    raise

    def list_containers(self, label: str) -> list[ContainerSummary]:
        """Return all containers with a label, in any state.

        Args:
            label: ``key`` or ``key=value``.
        """
        with translate_engine_errors("list containers"):
            filters = json.dumps({"label": [label]})
            items: Any = json.loads(self._http.request("GET", f"{_CONTAINERS}/json", all=1, filters=filters))
            return [
                ContainerSummary(item["Id"], item["Labels"] or {}, int(item["Created"]), str(item["State"]))
                for item in items
            ]

    def was_oom_killed(self, container_id: str, since: float) -> bool:
        """Return whether the kernel killed the first process of a container that has ended.

        Takes up to two seconds: the engine may publish the events after the connection to the container has ended.

        The engine's event ``oom`` is not reliable, because it is lost if the control group disappears together with
        the process. Instead, the method looks for an exit by SIGKILL without a preceding ``kill`` request.

        Args:
            since: Unix time in seconds before the container was created.
        """
        filters = {"container": [container_id], "event": ["kill", "die"]}
        query: dict[str, object] = {"since": int(since), "until": int(time.time()) + 1, "filters": json.dumps(filters)}
        with translate_engine_errors("read events"):
            response = self._http.request("GET", f"/v{_API_VERSION}/events", **query)
            events = [json.loads(line) for line in response.splitlines()]
            exit_codes = {event["Actor"]["Attributes"].get("exitCode") for event in events if event["Action"] == "die"}
            return exit_codes == {_KILLED_EXIT_CODE} and not any(event["Action"] == "kill" for event in events)

    def close(self) -> None:
        """Close the idle connections. Later calls open new ones."""
        self._http.close()
        with self._docker_client_lock:
            if self._docker_client is not None:
                self._docker_client.close()

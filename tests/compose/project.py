"""docker-compose.yml as it is deployed, under its own project name."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from tests.compose.releases import find_compose
from tests.ports import free_port
from tests.stack import ROOT, eventually

__all__ = ["Project", "extra_ca"]

_CA_VARIABLES = ("PYXEC_EXTRA_CA", "SSL_CERT_FILE", "PIP_CERT")
_EXTRA_CA = "deploy/extra-ca.crt"


class Project:
    """A project of a release of Compose. ``url`` is the URL of the page, on port 80 if it is free.

    Args:
        release: A key of :data:`COMPOSE_RELEASES`.
        folder: The folder with the Compose files.
        settings: Environment variables in addition to those of every project.

    Attributes:
        command: The command of Compose.
    """

    def __init__(self, release: str, folder: Path = ROOT, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self.settings = dict(settings or {})
        self.command, self._variables = find_compose(release)
        self.name = f"pyxec-test-{secrets.token_hex(3)}"
        self.port = 80 if _is_free(80) else free_port()
        self.url = "http://localhost" if self.port == 80 else f"http://localhost:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.engine = connect_docker(engine_host())

    @property
    def environment(self) -> dict[str, str]:
        settings = {
            "COMPOSE_PROJECT_NAME": self.name,
            "PYXEC_NAMESPACE": self.name,
            "PYXEC_WEB_PORT": str(self.port),
            "PYXEC_FILES": "dir:/var/lib/pyxec/files",
            "PYXEC_LEASE_SECONDS": "8",
            # Every write waits for the disk, which may be busy.
            "PYXEC_REDIS_TIMEOUT_SECONDS": "5",
            "PYXEC_RATE_BURST": "100000",
            "VALKEY_APPENDFSYNC": "always",
            "PYXEC_EXTRA_CA": extra_ca() if self._folder == ROOT else "",
            "PYXEC_DOCKER_SOCKET": engine_host().removeprefix("unix://"),
            **self.settings,
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        return kept | self._variables | {name: value for name, value in settings.items() if value}

    def compose(self, *arguments: str) -> str:
        """Run a command of Compose. Return its output."""
        return self.pipe(*arguments).decode()

    def pipe(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command of Compose with bytes as its input and output."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self._folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]!r}{done.stderr.decode()[-3000:]}"
        return done.stdout

    def up(self) -> None:
        """Build and start all services. Return when a worker has published its languages."""
        self.compose("up", *(["--build"] if self._folder == ROOT else []), "-d")
        eventually(self._has_languages, 120, 0.5)

    def down(self) -> None:
        self.http.close()
        self.compose("down", "--volumes", "--timeout", "40")
        self.engine.close()

    def remaining(self) -> list[str]:
        """Return the names of the containers and networks of the project."""
        client = connect_docker(engine_host())
        filters = {"label": [f"com.docker.compose.project={self.name}"]}
        names = [item["Names"][0] for item in client.containers(all=True, filters=filters)]
        names += [network["Name"] for network in client.networks(filters=filters)]
        client.close()
        return names

    def containers(self, service: str) -> list[dict[str, Any]]:
        """Return the descriptions of the running containers of a service."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        return [self.engine.inspect_container(item["Id"]) for item in self.engine.containers(filters={"label": labels})]

    def container(self, service: str) -> dict[str, Any]:
        [container] = self.containers(service)
        return container

    def crash(self, container: dict[str, Any]) -> None:
        """Kill the processes of a container from the host, so that the engine restarts it."""
        os.kill(container["State"]["Pid"], signal.SIGKILL)

    def sandboxes(self) -> list[str]:
        """Return the ids of all sandboxes."""
        return [item["Id"] for item in self.engine.containers(all=True, filters={"label": [f"org.pyxec={self.name}"]})]

    def submit(self, source: str, wait: float | None = None, **more: Any) -> dict[str, Any]:
        query = {} if wait is None else {"wait": wait}
        response = self.http.post("/v1/jobs", params=query, json={"language": "python", "source": source, **more})
        assert response.status_code in (200, 202), response.text
        job: dict[str, Any] = response.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.http.get(f"/v1/jobs/{job_id}").raise_for_status().json()
        return job

    def wait_until_running(self, job_id: str) -> dict[str, Any]:
        """Wait until a worker runs the job. Return the job."""
        job: dict[str, Any] = eventually(lambda: (job := self.job(job_id))["status"] == "running" and job, 30)
        return job

    def wait_until_finished(self, job_id: str, timeout_seconds: float = 60) -> dict[str, Any]:
        """Wait until the job is finished. Return the job. Failed requests are repeated."""

        def finished_job() -> dict[str, Any] | None:
            try:
                job = self.job(job_id)
            except httpx.HTTPError:
                return None
            return job if job["status"] == "finished" else None

        job: dict[str, Any] = eventually(finished_job, timeout_seconds, 0.2)
        return job

    def redis(self, *command: str) -> list[str]:
        """Run redis-cli with the password of the server. Return the lines of its output."""
        script = 'export REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")"; exec redis-cli "$@"'
        return self.compose("exec", "-T", "redis", "sh", "-c", script, "sh", *command).splitlines()

    def _has_languages(self) -> bool:
        try:
            return len(self.http.get("/v1/languages").json().get("languages", [])) >= 6
        except httpx.TransportError:
            return False


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


def extra_ca() -> str:
    """Copy the CA certificates of this machine into the checkout, where builds can read them. Return their path."""
    for variable in _CA_VARIABLES:
        source = Path(os.environ.get(variable, ""))
        if os.environ.get(variable) and source.is_file():
            if source.resolve() != ROOT / _EXTRA_CA:
                shutil.copyfile(source, ROOT / _EXTRA_CA)
            return _EXTRA_CA
    return ""

"""docker-compose.yml as it is deployed, under a project name of its own: started, looked into, hurt and taken down."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import docker
import httpx

from tests.ports import free_port
from tests.stack import ROOT, eventually

__all__ = ["Project"]

_CA_VARIABLES = ("PYXEC_EXTRA_CA", "SSL_CERT_FILE", "PIP_CERT")
_EXTRA_CA = "deploy/extra-ca.crt"


class Project:
    """One project. ``url`` is where a browser goes: port 80, if it is free."""

    def __init__(self) -> None:
        self.name = f"pyxec-test-{secrets.token_hex(3)}"
        self.port = 80 if _is_free(80) else free_port()
        self.url = "http://localhost" if self.port == 80 else f"http://localhost:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self.engine = docker.APIClient(version="1.41")

    @property
    def environment(self) -> dict[str, str]:
        settings = {
            "COMPOSE_PROJECT_NAME": self.name,
            "PYXEC_NAMESPACE": self.name,
            "PYXEC_WEB_PORT": str(self.port),
            "PYXEC_LEASE_SECONDS": "8",
            # Every write waits for the disk, and the disk of a busy machine for others: not what is tested here.
            "PYXEC_REDIS_TIMEOUT_SECONDS": "20",
            "PYXEC_RATE_BURST": "100000",
            "VALKEY_APPENDFSYNC": "always",
            "PYXEC_EXTRA_CA": _extra_ca(),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        return kept | {name: value for name, value in settings.items() if value}

    def compose(self, *arguments: str) -> str:
        """Run one command of docker-compose; return what it printed."""
        return self.pipe(*arguments).decode()

    def pipe(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """The same, with bytes."""
        done = subprocess.run(
            [*_compose(), *arguments], cwd=ROOT, env=self.environment, input=stdin, capture_output=True, timeout=900
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout[-3000:]!r}{done.stderr.decode()[-3000:]}"
        return done.stdout

    def up(self) -> None:
        """Build and start; return once a worker has told its languages."""
        self.compose("up", "--build", "-d")
        eventually(self._has_languages, 120, 0.5)

    def down(self) -> None:
        self.http.close()
        self.compose("down", "--volumes", "--timeout", "40")
        self.engine.close()

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What the engine tells of the running containers of a service."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        return [self.engine.inspect_container(one["Id"]) for one in self.engine.containers(filters={"label": labels})]

    def container(self, service: str) -> dict[str, Any]:
        [one] = self.containers(service)
        return one

    def crash(self, container: dict[str, Any]) -> None:
        """Kill everything in it, from the host: an end that the engine did not ask for, so that it starts it again."""
        os.kill(container["State"]["Pid"], signal.SIGKILL)

    def sandboxes(self) -> list[str]:
        """Ids of the containers in which programs run, or wait to."""
        return [one["Id"] for one in self.engine.containers(all=True, filters={"label": [f"org.pyxec={self.name}"]})]

    def submit(self, source: str, wait: float | None = None, **more: Any) -> dict[str, Any]:
        query = {} if wait is None else {"wait": wait}
        answer = self.http.post("/v1/jobs", params=query, json={"language": "python", "source": source, **more})
        assert answer.status_code in (200, 202), answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.http.get(f"/v1/jobs/{job_id}").raise_for_status().json()
        return job

    def begun(self, job_id: str) -> dict[str, Any]:
        """The job, once a worker has it."""
        job: dict[str, Any] = eventually(lambda: (job := self.job(job_id))["status"] == "running" and job, 30)
        return job

    def finished(self, job_id: str, within_seconds: float = 60) -> dict[str, Any]:
        """The job, once it has its result. While something restarts, nothing may be known of it."""

        def look() -> dict[str, Any] | None:
            try:
                job = self.job(job_id)
            except httpx.HTTPError:
                return None
            return job if job["status"] == "finished" else None

        job: dict[str, Any] = eventually(look, within_seconds, 0.2)
        return job

    def redis(self, *command: str) -> list[str]:
        """One command of the server's own client, with the password from the secret."""
        script = 'export REDISCLI_AUTH="$(cat "$REDIS_PASSWORD_FILE")"; exec redis-cli "$@"'
        return self.compose("exec", "-T", "redis", "sh", "-c", script, "sh", *command).splitlines()

    def _has_languages(self) -> bool:
        try:
            return len(self.http.get("/v1/languages").json().get("languages", [])) >= 6
        except httpx.TransportError:
            return False


def _compose() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    return ["docker", "compose"]


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


def _extra_ca() -> str:
    """Where a proxy re-signs traffic, its certificates have to be inside the checkout to be seen by a build."""
    for variable in _CA_VARIABLES:
        source = Path(os.environ.get(variable, ""))
        if os.environ.get(variable) and source.is_file():
            shutil.copyfile(source, ROOT / _EXTRA_CA)
            return _EXTRA_CA
    return ""

"""docker-compose.yml and deploy/swarm.yml on a swarm of hosts in namespaces: a manager and two workers."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import httpx

from tests.compose.project import Project
from tests.hosts.client import WORKER_HOSTS
from tests.hosts.hosts import Hosts
from tests.hosts.image_transfer import transfer_images
from tests.stack import ROOT, eventually

__all__ = ["MANAGER", "Swarm"]

MANAGER = "manager"
_STACK = "pyxec"
_SERVICE_IMAGE = "pyxec-api:latest"
# Names of the service image.
_IMAGE_NAMES = ("images", "worker", "maintenance", "webhooks", "scheduler")
_SANDBOX = ("pyxec/bash:latest", "debian:trixie-slim")
_FILES = ("docker-compose.yml", "deploy/swarm.yml", "tests/swarm/bash-only.yml")
_TIMEOUT_SECONDS = 120
_UPDATE_SECONDS = 400


class Swarm(Hosts):
    """A manager with Redis and a web server, and hosts with workers. `host-a` has a web server, too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "swarm")

    def start(self) -> None:
        """Create the swarm and deploy the stack. Return when both workers are ready."""
        _build()
        self.start_host(MANAGER, "pyxec-redis:latest", "pyxec-web:latest", _SERVICE_IMAGE)
        self.docker("swarm", "init", "--advertise-addr", self.machines[MANAGER].address)
        for name in WORKER_HOSTS:
            self.start_host(name, "pyxec-web:latest", _SERVICE_IMAGE, *_SANDBOX)
            self.join(name)
        self.label(MANAGER, "store", "web")
        self.label("host-a", "worker", "web")
        self.label("host-b", "worker")
        self.docker("secret", "create", "pyxec-redis-password", "-", stdin=secrets.token_hex(32))
        files = [argument for file in _FILES for argument in ("-c", file)]
        self.docker("stack", "deploy", "--resolve-image", "never", *files, _STACK)
        self.http = self.create_client_for(MANAGER)
        self.wait_for_workers(*WORKER_HOSTS)

    def start_host(self, name: str, *images: str, like: str | None = None) -> None:
        """Start a host whose engine has the images. With ``like`` it uses the disk of a host that has been killed."""
        machine = self.add(name)
        data = ROOT / ".pyxec" / "data" / "test-swarm" / (like or name)
        for swarm_state in ("swarm", "network"):
            shutil.rmtree(data / swarm_state, ignore_errors=True)
        engine = machine.start_engine(data)
        transfer_images(engine, *images)
        if _SERVICE_IMAGE in images:
            for service in _IMAGE_NAMES:
                engine.tag(_SERVICE_IMAGE, f"pyxec-{service}", "latest")
        engine.prune_images({"dangling": True})
        engine.prune_volumes()

    def join(self, name: str) -> None:
        """Join a host to the swarm. Its labels decide which services run on it."""
        token = self.docker("swarm", "join-token", "-q", "worker").strip()
        self.docker("swarm", "join", "--token", token, f"{self.machines[MANAGER].address}:2377", host=name)

    def label(self, name: str, *roles: str) -> None:
        """Add labels to a node."""
        self.docker("node", "update", *(f"--label-add=pyxec.{role}=true" for role in roles), name)

    def update(self, service: str) -> None:
        """Replace all containers of a service, as an upgrade does. Return when they are replaced."""
        # Beside the state of the update there are 30 s a container in which it is replicated.
        self.docker("service", "update", "--force", "--detach=false", "-q", f"{_STACK}_{service}")

    def docker(self, *arguments: str, host: str = MANAGER, stdin: str | None = None) -> str:
        """Run a command of the Docker client. Return its output."""
        done = subprocess.run(
            ["docker", *arguments],
            cwd=ROOT,
            env={**_environment(), "DOCKER_HOST": self.machines[host].docker_host},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_UPDATE_SECONDS,
        )
        assert done.returncode == 0, f"docker {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def create_client_for(self, name: str) -> httpx.Client:
        """Return a client of the web server of a host."""
        client = httpx.Client(base_url=f"http://{self.machines[name].address}", timeout=20, trust_env=False)
        self.stack.callback(client.close)
        return client

    def tasks(self, service: str) -> list[tuple[str, str]]:
        """Return node and state of each task of a service that should run."""
        rows = self.docker(
            "service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}",
            f"{_STACK}_{service}",
        )  # fmt: skip
        return [(row.split()[0], row.split()[1]) for row in rows.splitlines()]

    def containers(self, service: str) -> set[str]:
        """Return the ids of the tasks of a service that should run."""
        tasks = ("service", "ps", "--filter", "desired-state=running", "-q", f"{_STACK}_{service}")
        return set(self.docker(*tasks).split())

    def node_state(self, name: str) -> str:
        """Return the state of a node, for example ready or down."""
        return self.docker("node", "inspect", "--format", "{{.Status.State}}", name).strip()

    def wait_for_workers(self, *names: str) -> None:
        """Wait until exactly these hosts run a worker, and the API lists their languages."""
        wanted = sorted((name, "Running") for name in names)
        eventually(lambda: sorted(self.tasks("worker")) == wanted, _TIMEOUT_SECONDS, 0.5)
        eventually(lambda: (response := self.get("/v1/languages")) and "bash" in response.text, _TIMEOUT_SECONDS, 0.5)

    def logs(self) -> str:
        """Return the logs and states of all services."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired, KeyError):
            services = self.docker("service", "ls", "--format", "{{.Name}}").split()
            logs = [self.docker("service", "logs", "--tail", "20", service) for service in services]
            return "\n".join([self.docker("service", "ls"), self.docker("stack", "ps", "--no-trunc", _STACK), *logs])
        return ""


def _build() -> None:
    """Build the images of the service on the engine of this machine."""
    project = Project("1.29")
    try:
        project.compose("-f", "docker-compose.yml", "-f", "deploy/images.yml", "build", "redis", "api", "web")
    finally:
        project.engine.close()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
    own = {"PYXEC_LEASE_SECONDS": "5", "PYXEC_RATE_BURST": "100000", "PYXEC_POOL_CEILING": "2"}
    # All hosts write to one disk.
    return {**kept, **own, "PYXEC_REDIS_TIMEOUT_SECONDS": "3"}

"""docker-compose.yml and deploy/swarm.yml on a swarm of hosts made of namespaces: a manager and two workers."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from pathlib import Path

import httpx

from tests.compose.project import Project
from tests.hosts.handing_over import hand_over
from tests.hosts.network import Hosts
from tests.hosts.visitor import WORKER_HOSTS
from tests.stack import ROOT, eventually

__all__ = ["MANAGER", "Swarm"]

MANAGER = "manager"
_STACK = "pyxec"
_SERVICE_IMAGE = "pyxec-api:latest"
# The same image under a name for each service.
_SAME_IMAGE = ("images", "worker", "maintenance", "webhooks", "scheduler")
_SANDBOX = ("pyxec/bash:latest", "debian:bookworm-slim")
_FILES = ("docker-compose.yml", "deploy/swarm.yml", "tests/swarm/bash-only.yml")
_PATIENCE_SECONDS = 120
_UPDATE_SECONDS = 400


class Swarm(Hosts):
    """The manager has the store and a web server, every other host a worker, and `host-a` a web server too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "swarm")

    def start(self) -> None:
        """See there."""
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
        self.http = self.client_of(MANAGER)
        self.wait_for_workers(*WORKER_HOSTS)

    def start_host(self, name: str, *images: str, like: str | None = None) -> None:
        """A machine with an engine that has these images. With ``like`` it has that one's disk, which must be gone."""
        machine = self.add(name)
        data = ROOT / ".pyxec" / "data" / "test-swarm" / (like or name)
        for memory_of_a_swarm in ("swarm", "network"):
            shutil.rmtree(data / memory_of_a_swarm, ignore_errors=True)
        engine = machine.start_engine(data)
        hand_over(engine, *images)
        if _SERVICE_IMAGE in images:
            for service in _SAME_IMAGE:
                engine.tag(_SERVICE_IMAGE, f"pyxec-{service}", "latest")
        engine.prune_images({"dangling": True})
        engine.prune_volumes()

    def join(self, name: str) -> None:
        """It becomes a node; work it gets with its labels."""
        token = self.docker("swarm", "join-token", "-q", "worker").strip()
        self.docker("swarm", "join", "--token", token, f"{self.machines[MANAGER].address}:2377", host=name)

    def label(self, name: str, *roles: str) -> None:
        """Give a node its work."""
        self.docker("node", "update", *(f"--label-add=pyxec.{role}=true" for role in roles), name)

    def update(self, service: str) -> None:
        """Replace all its containers by new ones, as a new version does; return when that has been done."""
        # Beside the state of the update there are 30 s a container in which it is watched.
        self.docker("service", "update", "--force", "--detach=false", "-q", f"{_STACK}_{service}")

    def docker(self, *arguments: str, host: str = MANAGER, stdin: str | None = None) -> str:
        """What a command of the engine's own client prints."""
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

    def client_of(self, name: str) -> httpx.Client:
        """Somebody who asks the web server of this host."""
        client = httpx.Client(base_url=f"http://{self.machines[name].address}", timeout=20, trust_env=False)
        self.stack.callback(client.close)
        return client

    def tasks(self, service: str) -> list[tuple[str, str]]:
        """Node and state of each task that is to run."""
        rows = self.docker(
            "service", "ps", "--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}",
            f"{_STACK}_{service}",
        )  # fmt: skip
        return [(row.split()[0], row.split()[1]) for row in rows.splitlines()]

    def containers(self, service: str) -> set[str]:
        """The ids of the tasks that are to run; each is one container."""
        tasks = ("service", "ps", "--filter", "desired-state=running", "-q", f"{_STACK}_{service}")
        return set(self.docker(*tasks).split())

    def node_state(self, name: str) -> str:
        """What the manager believes of a host: ready, down."""
        return self.docker("node", "inspect", "--format", "{{.Status.State}}", name).strip()

    def wait_for_workers(self, *names: str) -> None:
        """Until these hosts, and no others, each have one, and the API has heard of what they can run."""
        wanted = sorted((name, "Running") for name in names)
        eventually(lambda: sorted(self.tasks("worker")) == wanted, _PATIENCE_SECONDS, 0.5)
        eventually(lambda: (told := self.answer("/v1/languages")) and "bash" in told.text, _PATIENCE_SECONDS, 0.5)

    def logs(self) -> str:
        """See there."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired, KeyError):
            services = self.docker("service", "ls", "--format", "{{.Name}}").split()
            said = [self.docker("service", "logs", "--tail", "20", service) for service in services]
            return "\n".join([self.docker("service", "ls"), self.docker("stack", "ps", "--no-trunc", _STACK), *said])
        return ""


def _build() -> None:
    """The service's images, on this machine's engine."""
    project = Project()
    try:
        project.compose("build", "redis", "api", "web")
    finally:
        project.engine.close()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
    own = {"PYXEC_LEASE_SECONDS": "5", "PYXEC_RATE_BURST": "100000", "PYXEC_POOL_CEILING": "2"}
    # Every write of three hosts waits for one disk.
    return {**kept, **own, "PYXEC_REDIS_TIMEOUT_SECONDS": "20"}

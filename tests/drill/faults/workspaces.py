"""Workers that are killed while jobs change the files of a workspace."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.drill.deployment import Deployment
from tests.drill.load import Load

__all__ = ["killed_while_files_change"]

_FILES = ("a", "b/c", "d", "e", "f")
#: Increments the number in every file, slowly. A mixture of two versions has different numbers.
_INCREMENT = (
    "mkdir -p b; n=$(($(cat a 2>/dev/null || echo 0) + 1))\n"
    f"for file in {' '.join(_FILES)}; do echo $n > $file; sleep 0.05; done\n"
    "rm -f only-*; touch only-$n"
)
_JOB_SECONDS = 120.0
_RESPONSE_SECONDS = 30.0


def killed_while_files_change(jobs: int) -> Callable[[Deployment, Load, random.Random], str]:
    """Kill a worker at a random time during each of a number of jobs that use one workspace, one after the other."""

    def inject(deployment: Deployment, load: Load, rng: random.Random) -> str:
        kills = mixtures = 0
        job_ids: list[str] = []
        with httpx.Client(base_url=deployment.stack.url, timeout=_RESPONSE_SECONDS, trust_env=False) as client:
            workspace = client.post("/v1/workspaces").raise_for_status().json()["id"]
            for number in range(1, jobs + 1):
                job_id = _submit(client, workspace)
                deadline, kill_at = time.monotonic() + _JOB_SECONDS, time.monotonic() + rng.random() * 1.2
                while client.get(f"/v1/jobs/{job_id}").json()["status"] != "finished":
                    assert time.monotonic() < deadline, f"job {job_id} has not finished"
                    mixtures += not _is_consistent(client, workspace, number - 1, number)
                    if kill_at is not None and time.monotonic() >= kill_at:
                        worker = rng.choice(deployment.workers)
                        deployment.kill(worker)
                        deployment.start(worker)
                        kills, kill_at = kills + 1, float("inf")
                mixtures += not _is_consistent(client, workspace, number, number)
                job_ids.append(job_id)
            # The checker knows only the jobs of the load.
            for path in (f"/v1/workspaces/{workspace}", *(f"/v1/jobs/{job_id}" for job_id in job_ids)):
                client.delete(path).raise_for_status()
        if mixtures:
            deployment.others.append(f"the workspace had {mixtures} times another version than that of a finished job")
        return f"{jobs} jobs, {kills} kills, each job changed all files once"

    return inject


def _submit(client: httpx.Client, workspace: str) -> str:
    body = {"language": "bash", "source": _INCREMENT, "workspace": workspace, "workspace_mode": "wait"}
    return str(client.post("/v1/jobs", json=body).raise_for_status().json()["id"])


def _is_consistent(client: httpx.Client, workspace: str, oldest: int, newest: int) -> bool:
    """Return whether all files are of one version, which is one of those given."""
    view: dict[str, Any] = client.get(f"/v1/workspaces/{workspace}").raise_for_status().json()
    files = {file["path"]: file for file in view["files"]}
    if not files:
        return oldest == 0
    (marker,) = (path for path in files if path.startswith("only-"))
    version = int(marker.removeprefix("only-"))
    digests = {files[path]["sha256"] for path in _FILES}
    return oldest <= version <= newest and len(digests) == 1 and files.keys() == {*_FILES, marker}

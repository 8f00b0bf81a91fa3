"""The start of a worker process with a configuration that can never run a job, and its end with its parent process."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.local.engine import engine_host
from app.sandbox.engine_availability import EXIT_STATUS
from tests.sandbox.engine.faulty_engine import rejecting_engine
from tests.sandbox.engine.version_proxy import version_proxy
from tests.stack import ROOT, Process, Stack, eventually

pytestmark = pytest.mark.docker

ENGINE = engine_host().removeprefix("unix://")
# For the imports of a worker on a busy machine. The check itself is measured in tests/sandbox/engine.
EXIT_SECONDS = 20
# A worker must exit within a second. The processor time does not depend on what else runs on the machine.
EXIT_PROCESSOR_SECONDS = 1.0


def start_worker(stack: Stack, queue: str = "jobs", **settings: str) -> Process:
    stack.settings = settings
    options = ("--queues", queue, "--processes", "1", "--threads", "1")
    return stack.start("python", "-m", "app.worker", "--skip-logging", *options, name="worker")


def group_exists(group: int) -> bool:
    """Return whether a process of a process group runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def events(process: Process, name: str) -> list[dict[str, Any]]:
    """Return the log events with a name. The parent process of Dramatiq logs other lines."""
    lines = [line for line in process.log.read_text().splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["event"] == name]


def read_refusals(process: Process) -> list[str]:
    """Wait until a worker has exited because of its configuration; return the sentences of its log."""
    assert process.popen.wait(EXIT_SECONDS) == EXIT_STATUS
    assert "Traceback" not in process.log.read_text()
    return [event["error"] for event in events(process, "configuration_invalid")]


@pytest.mark.parametrize(
    ("engine", "runtime", "sentence"),
    [
        ({"oldest": (1, 52), "newest": (1, 60)}, "", "upgrade Pyxec"),
        ({"oldest": (1, 12), "newest": (1, 40)}, "", "upgrade the engine"),
        ({"info": {"Runtimes": {"runc": {"path": "runc"}}}}, "crun", "the OCI runtime 'crun' is not installed"),
        ({"info": {"PidsLimit": False}}, "", "the Docker Engine cannot limit processes: enable the cgroup controllers"),
    ],
)
def test_worker_exits_when_the_engine_does_not_meet_the_requirements(
    own_stack: Stack, tmp_path: Path, engine: Mapping[str, Any], runtime: str, sentence: str
) -> None:
    with version_proxy(tmp_path, ENGINE, **engine) as proxy:
        worker = start_worker(own_stack, DOCKER_HOST=proxy.url, PYXEC_CONTAINER_RUNTIME=runtime)

        (refusal,) = read_refusals(worker)

    assert sentence in refusal


def test_worker_exits_when_the_host_cannot_run_cells(own_stack: Stack, tmp_path: Path) -> None:
    with rejecting_engine(tmp_path, Path(ENGINE), r"POST \S+/start", "unshare: operation not permitted") as url:
        worker = start_worker(own_stack, DOCKER_HOST=url, PYXEC_ISOLATION="cell")

        (refusal,) = read_refusals(worker)

    assert refusal.startswith("this host cannot run cells (")
    assert "unshare: operation not permitted" in refusal


def test_worker_exits_when_settings_are_invalid(own_stack: Stack) -> None:
    worker = start_worker(own_stack, PYXEC_CONTAINER_RUNTIME="runsc", PYXEC_POOL_FLOOR="many")

    assert read_refusals(worker) == [
        "PYXEC_CONTAINER_RUNTIME='runsc': is not supported, because a job can forge its result in gVisor: use runc, "
        "crun or kata",
        "PYXEC_POOL_FLOOR='many': must be an integer between 0 and 100",
    ]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("PYXEC_POOL_FLOOR", "many"), ("DOCKER_HOST", "http://:80"), ("PYXEC_CONTAINER_RUNTIME", "kata")],
)
def test_worker_exits_before_it_starts_a_process_when_its_configuration_is_invalid(setting: str, value: str) -> None:
    command = [sys.executable, "-m", "app.worker", "--queues", "jobs", "--processes", "1"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    worker = subprocess.run(
        command, cwd=ROOT, env={**os.environ, setting: value}, timeout=EXIT_SECONDS, capture_output=True, text=True
    )

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert worker.returncode == EXIT_STATUS
    (line,) = worker.stderr.splitlines()  # Dramatiq's main process would log the start and the end of a process
    assert json.loads(line)["event"] == "configuration_invalid"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < EXIT_PROCESSOR_SECONDS


def test_worker_process_ends_when_its_parent_is_killed(own_stack: Stack) -> None:
    # Given a worker with warm sandboxes
    own_stack.settings["PYXEC_POOL_CEILING"] = "1"
    own_stack.start_api()
    worker = own_stack.start_worker()
    eventually(lambda: len(own_stack.containers(status="running")) == len(own_stack.languages()), EXIT_SECONDS)

    # When only its main process is killed
    os.kill(worker.popen.pid, signal.SIGKILL)
    worker.popen.wait()

    # Then the process that holds the sandboxes ends as well
    eventually(lambda: not group_exists(worker.popen.pid), EXIT_SECONDS)
    eventually(lambda: not own_stack.containers(), EXIT_SECONDS)


def test_worker_waits_for_an_engine_that_does_not_answer(own_stack: Stack, tmp_path: Path) -> None:
    worker = start_worker(own_stack, DOCKER_HOST=f"unix://{tmp_path}/proxy.sock")
    eventually(lambda: events(worker, "Worker process is ready for action."), EXIT_SECONDS)
    assert events(worker, "fetching_paused")

    # When the engine starts, and does not meet the requirements
    with version_proxy(tmp_path, ENGINE, info={"SecurityOptions": []}):
        worker.popen.wait(EXIT_SECONDS)

    assert [event["error"].split(":")[0] for event in events(worker, "configuration_invalid")] == [
        "the Docker Engine does not support seccomp"
    ]


def test_worker_of_another_queue_does_not_use_the_engine(own_stack: Stack, tmp_path: Path) -> None:
    worker = start_worker(own_stack, "maintenance", DOCKER_HOST=f"unix://{tmp_path}/absent.sock")

    eventually(lambda: events(worker, "Worker process is ready for action."), EXIT_SECONDS)
    assert not events(worker, "fetching_paused")

"""`make up` and `make down`, for real: every process of the Procfile, a job of every language, and nothing left."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest

from app.local.address import SUPERVISOR_RECORD
from app.local.engine import engine_host
from app.local.service import is_ready
from app.local.state import ProcessRecord, StateFolder
from app.sandbox.images.catalogue import default_set, load_languages
from pyxec import Client
from tests.ports import free_port

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
PARTS = ("app", "deploy", "images", "languages", "pyxec", "runner", "web", "Procfile")


class Checkout:
    """A checkout of its own, with its own ports, state and namespace, beside whatever else runs here."""

    def __init__(self, folder: Path) -> None:
        for part in PARTS:
            (folder / part).symlink_to(ROOT / part)
        self.folder = folder
        self.state = StateFolder.of_repository(folder)
        self.namespace = f"test-{secrets.token_hex(4)}"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.page = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "REDIS_URL"},
            "PYXEC_HTTP_BIND": self.url.removeprefix("http://"),
            "PYXEC_WEB_BIND": self.page.removeprefix("http://"),
            "PYXEC_NAMESPACE": self.namespace,
            "PYXEC_POOL_FLOOR": "0",
            "VALKEY_PORT": str(free_port()),
        }

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        """What the Makefile does for a target once the virtual environment is there."""
        command = [sys.executable, "-m", f"app.local.{target}"]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def supervisor(self) -> ProcessRecord | None:
        return ProcessRecord.read(self.state.record(SUPERVISOR_RECORD))

    def pid_of(self, name: str) -> int:
        log = self.state.log("pyxec").read_text()
        return int(log.rpartition(f"| {name} started (pid ")[2].partition(")")[0])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    yield checkout
    checkout.make("down")


@pytest.fixture
def up(checkout: Checkout) -> Checkout:
    done = checkout.make("up")
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout


def eventually_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while not is_ready(url):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_it_ends_with_a_job_that_ran_and_says_where_to_go_on(checkout: Checkout) -> None:
    done = checkout.make("up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello from Python" in done.stdout
    assert f"Pyxec is up at {checkout.page}" in done.stdout
    assert checkout.url in done.stdout
    assert "curl" in done.stdout


def test_the_page_is_served_with_its_policy_and_the_api_behind_it(up: Checkout) -> None:
    page = httpx.get(up.page, trust_env=False)

    assert page.status_code == httpx.codes.OK
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert httpx.get(f"{up.page}/v1/languages", trust_env=False).json()["languages"]


def test_when_it_is_up_it_says_so_and_starts_nothing(up: Checkout) -> None:
    before = up.supervisor()

    done = up.make("up")

    assert f"Pyxec is up already: {up.page}, its API at {up.url}" in done.stdout
    assert up.supervisor() == before is not None


def test_the_hello_program_of_every_language_prints_what_it_must(up: Checkout) -> None:
    service = Client(up.url)

    for language in default_set(load_languages(ROOT / "languages")).values():
        job = service.run(language.id, language.hello.source, timeout_seconds=30)
        assert (job.outcome, job.stdout) == ("ok", language.hello.output), language.id


@pytest.mark.parametrize("name", ["api", "worker", "server", "web"])
def test_a_process_that_is_killed_comes_back_and_jobs_run_again(up: Checkout, name: str) -> None:
    killed = up.pid_of(name)
    os.kill(killed, signal.SIGKILL)

    deadline = time.monotonic() + 30
    while up.pid_of(name) == killed:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    eventually_ready(up.url)
    eventually_ready(up.page)
    assert Client(up.url).run("bash", "echo again", timeout_seconds=30).stdout == "again\n"


def test_a_second_one_on_the_same_port_is_refused(up: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path)
    second.environment["PYXEC_HTTP_BIND"] = up.environment["PYXEC_HTTP_BIND"]

    done = second.make("up")

    assert done.returncode == 1
    assert "set PYXEC_HTTP_BIND to another place" in done.stderr
    assert second.supervisor() is None


def test_up_after_the_supervisor_was_killed_starts_all_of_it_anew(up: Checkout) -> None:
    killed = up.supervisor()
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)

    done = up.make("up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello from Python" in done.stdout
    assert up.supervisor() not in (None, killed)


def test_down_stops_all_of_it_and_keeps_the_data(up: Checkout) -> None:
    pids = [up.pid_of(name) for name in ("server", "api", "worker", "maintenance", "scheduler", "web")]

    done = up.make("down")

    assert done.returncode == 0, done.stdout + done.stderr
    assert up.supervisor() is None
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not is_ready(up.url)
    client = docker.APIClient(base_url=engine_host(), version="auto")
    assert client.containers(all=True, filters={"label": [f"org.pyxec={up.namespace}"]}) == []
    assert list(up.state.data("valkey").iterdir())


def test_down_when_nothing_runs_is_no_error(checkout: Checkout) -> None:
    checkout.make("down")

    done = checkout.make("down")

    assert done.returncode == 0
    assert "nothing of ours runs" in done.stdout

"""`make up` and `make down` with every process of the Procfile and a job in every default language."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.local.address import SUPERVISOR_RECORD
from app.local.engine import engine_host
from app.local.state import ProcessRecord, StateFolder
from app.local.up import is_ready
from app.sandbox.engine.client import connect_docker
from app.sandbox.images.catalogue import default_set, load_languages
from pyxec import Client
from tests.ports import free_port

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
PARTS = ("app", "deploy", "images", "languages", "pyxec", "runner", "web", "Procfile")


class Checkout:
    """A checkout with its own ports, state folder and namespace."""

    def __init__(self, folder: Path) -> None:
        for part in PARTS:
            (folder / part).symlink_to(ROOT / part)
        self.folder = folder
        self.state = StateFolder.for_checkout(folder)
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
        """Run the command of a Makefile target."""
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


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while not is_ready(url):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_up_runs_a_job_and_prints_the_urls(checkout: Checkout) -> None:
    done = checkout.make("up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello from Python" in done.stdout
    assert f"Pyxec is running at {checkout.page}" in done.stdout
    assert checkout.url in done.stdout
    assert "curl" in done.stdout
    assert f'export PATH="{checkout.folder / ".venv" / "bin"}:$PATH"' in done.stdout


def test_pyxec_finds_the_service_on_its_port(up: Checkout) -> None:
    """The checkout listens on other ports than the default ones."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run", ROOT / "examples" / "sieve.c"],
        cwd=up.folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_up_serves_the_page_with_its_security_policy_and_the_api(up: Checkout) -> None:
    page = httpx.get(up.page, trust_env=False)

    assert page.status_code == httpx.codes.OK
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert httpx.get(f"{up.page}/v1/languages", trust_env=False).json()["languages"]


def test_up_starts_nothing_when_the_service_is_running(up: Checkout) -> None:
    before = up.supervisor()

    done = up.make("up")

    assert f"Pyxec is already running at {up.page}, API at {up.url}" in done.stdout
    assert up.supervisor() == before is not None


def test_up_restarts_what_differs_and_loses_no_job(up: Checkout) -> None:
    # Given running and queued jobs
    service = Client(up.url)
    program = "import time\nfor n in range(6):\n    print(n, flush=True); time.sleep(0.5)"
    jobs = [service.submit("python", program) for _ in range(6)]
    pids = {name: up.pid_of(name) for name in ("server", "api", "worker", "maintenance", "web")}
    # When a setting of the worker is changed
    up.environment["PYXEC_WORKER_THREADS"] = "3"
    done = up.make("up")
    # Then it is reported, and only the worker is restarted
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed: PYXEC_WORKER_THREADS: (not set) -> 3" in done.stdout
    assert {name for name, pid in pids.items() if up.pid_of(name) != pid} == {"worker"}
    # And when the code is changed
    (up.folder / "pyxec").unlink()
    shutil.copytree(ROOT / "pyxec", up.folder / "pyxec")
    with (up.folder / "pyxec" / "backoff.py").open("a") as file:
        file.write("# changed\n")
    done = up.make("up")
    # Then all processes that read it are restarted, but not the Redis server
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed: code: app, pyxec" in done.stdout
    assert {name for name, pid in pids.items() if up.pid_of(name) != pid} == {"worker", "api", "maintenance"}
    # And each job has finished once, with its whole output
    results = [job.wait(60) for job in jobs]
    assert {(result.outcome, result.stdout) for result in results} == {("ok", "0\n1\n2\n3\n4\n5\n")}
    # And nothing differs any more
    assert "Pyxec is already running" in up.make("up").stdout


def test_up_restarts_everything_when_an_address_is_changed(up: Checkout) -> None:
    # Given a job that runs
    job = Client(up.url).submit("python", "import time; time.sleep(3); print('done')")
    # When the address of the API is changed
    before = up.supervisor()
    up.url = f"http://127.0.0.1:{free_port()}"
    up.environment["PYXEC_HTTP_BIND"] = up.url.removeprefix("http://")
    done = up.make("up")
    # Then the service is at the new address, and the job is there
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed: PYXEC_HTTP_BIND:" in done.stdout
    assert up.supervisor() not in (None, before)
    assert Client(up.url).job(job.id).wait(60).stdout == "done\n"


def test_hello_program_of_every_default_language_runs(up: Checkout) -> None:
    service = Client(up.url)

    for language in default_set(load_languages(ROOT / "languages")).values():
        job = service.run(language.id, language.hello.source, timeout_seconds=30)
        assert (job.outcome, job.stdout) == ("ok", language.hello.output), language.id


@pytest.mark.parametrize("name", ["api", "worker", "server", "web"])
def test_jobs_run_again_after_a_process_was_killed(up: Checkout, name: str) -> None:
    killed = up.pid_of(name)
    os.kill(killed, signal.SIGKILL)

    deadline = time.monotonic() + 30
    while up.pid_of(name) == killed:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    wait_until_ready(up.url)
    wait_until_ready(up.page)
    assert Client(up.url).run("bash", "echo again", timeout_seconds=30).stdout == "again\n"


def test_up_is_refused_when_the_port_is_in_use(up: Checkout, tmp_path: Path) -> None:
    second = Checkout(tmp_path)
    second.environment["PYXEC_HTTP_BIND"] = up.environment["PYXEC_HTTP_BIND"]

    done = second.make("up")

    assert done.returncode == 1
    assert "set PYXEC_HTTP_BIND to another address" in done.stderr
    assert second.supervisor() is None


def test_up_starts_everything_after_the_supervisor_was_killed(up: Checkout) -> None:
    killed = up.supervisor()
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)

    done = up.make("up")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello from Python" in done.stdout
    assert up.supervisor() not in (None, killed)


def test_down_stops_every_process_and_keeps_the_data(up: Checkout) -> None:
    pids = [up.pid_of(name) for name in ("server", "api", "worker", "maintenance", "scheduler", "web")]

    done = up.make("down")

    assert done.returncode == 0, done.stdout + done.stderr
    assert up.supervisor() is None
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not is_ready(up.url)
    client = connect_docker(engine_host())
    assert client.containers(all=True, filters={"label": [f"org.pyxec={up.namespace}"]}) == []
    assert list(up.state.data("valkey").iterdir())


def test_down_succeeds_when_nothing_runs(checkout: Checkout) -> None:
    checkout.make("down")

    done = checkout.make("down")

    assert done.returncode == 0
    assert "not running" in done.stdout

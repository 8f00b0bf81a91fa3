"""An invalid configuration ends `make up` within a second, before anything is installed, built or started."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from app.core.errors import PyxecError
from app.local.configuration import check_configuration
from app.local.console import SetupError
from app.local.engine import engine_host
from app.local.up import bring_up
from tests.ports import free_port
from tests.sandbox.engine.version_proxy import VersionProxy, version_proxy

ROOT = Path(__file__).parents[2]
MAX_SECONDS = 1.0

Refuse = Callable[..., str]
OpenProxy = Callable[..., VersionProxy]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the only file of the checkout that is read before the first step."""
    shutil.copy(ROOT / "Procfile", tmp_path)
    return tmp_path


@pytest.fixture
def refuse(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Runs `make up` with environment variables. Returns the error message, which must arrive in time."""
    monkeypatch.setenv("PYXEC_HTTP_BIND", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("PYXEC_WEB_BIND", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("VALKEY_PORT", str(free_port()))
    monkeypatch.delenv("REDIS_URL", raising=False)

    def run(**variables: str) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        started_at = time.monotonic()
        with pytest.raises(PyxecError) as refused:
            bring_up(checkout, Console(file=io.StringIO()))
        assert time.monotonic() - started_at < MAX_SECONDS
        return str(refused.value)

    return run


@pytest.fixture
def open_proxy(tmp_path: Path) -> Iterator[OpenProxy]:
    """Starts a proxy in front of the engine of this machine."""
    with ExitStack() as stack:
        engine = engine_host().removeprefix("unix://")
        yield lambda **settings: stack.enter_context(version_proxy(tmp_path, engine, **settings))


def test_check_configuration_accepts_the_defaults() -> None:
    check_configuration(ROOT, {})


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PYXEC_LEASE_SECONDS": "soon"}, "PYXEC_LEASE_SECONDS='soon': must be a number between 1 and 600"),
        ({"PYXEC_LEASE_SECOND": "15"}, "PYXEC_LEASE_SECOND: there is no such setting"),
        ({"PYXEC_CONTAINER_RUNTIME": "runsc"}, "PYXEC_CONTAINER_RUNTIME='runsc': is not supported"),
        ({"PYXEC_HTTP_BIND": "8080"}, "PYXEC_HTTP_BIND='8080': must be an address and a port"),
        ({"PYXEC_HTTP_BIND": "127.0.0.1:99999"}, "PYXEC_HTTP_BIND='127.0.0.1:99999': must be an address and a port"),
        ({"PYXEC_WEB_BIND": "localhost:http"}, "PYXEC_WEB_BIND='localhost:http': must be an address and a port"),
        ({"VALKEY_PORT": "0"}, "VALKEY_PORT='0': must be a port between 1 and 65535"),
        ({"VALKEY_APPENDFSYNC": "never"}, "VALKEY_APPENDFSYNC='never': must be one of everysec, always, no"),
        ({"VALKEY_MAXMEMORY": "0"}, "VALKEY_MAXMEMORY='0': must be a number of bytes"),
        ({"PYXEC_HTTP_WORKERS": "0"}, "PYXEC_HTTP_WORKERS='0': must be an integer between 1 and 256"),
        ({"PYXEC_WORKER_PROCESSES": "two"}, "PYXEC_WORKER_PROCESSES='two': must be an integer between 1 and 256"),
        ({"PYXEC_WORKER_THREADS": "-1"}, "PYXEC_WORKER_THREADS='-1': must be an integer between 1 and 1024"),
        ({"PYXEC_EXTRA_CA": "/absent.pem"}, "PYXEC_EXTRA_CA='/absent.pem': must be a file with CA certificates"),
        ({"REDIS_URL": "http://127.0.0.1"}, "REDIS_URL: must start with redis://"),
    ],
)
def test_up_is_refused_when_a_setting_is_invalid(refuse: Refuse, variables: dict[str, str], message: str) -> None:
    refusal = refuse(**variables)

    assert refusal.startswith(message)
    assert "\n" not in refusal


def test_up_reports_all_invalid_settings(refuse: Refuse) -> None:
    refusal = refuse(PYXEC_POOL_FLOOR="many", VALKEY_PORT="none", PYXEC_HTTP_WORKERS="0")

    assert [line.split("=")[0] for line in refusal.splitlines()] == [
        "PYXEC_POOL_FLOOR",
        "VALKEY_PORT",
        "PYXEC_HTTP_WORKERS",
    ]


@pytest.mark.parametrize(
    ("variable", "other"),
    [("PYXEC_WEB_BIND", "PYXEC_HTTP_BIND"), ("VALKEY_PORT", "PYXEC_HTTP_BIND"), ("VALKEY_PORT", "PYXEC_WEB_BIND")],
)
def test_up_is_refused_when_two_variables_set_the_same_port(refuse: Refuse, variable: str, other: str) -> None:
    port = free_port()
    values = {name: str(port) if name == "VALKEY_PORT" else f"127.0.0.1:{port}" for name in (variable, other)}

    assert refuse(**values) == f"{other} and {variable} set the same port: set one of them to another port"


@pytest.mark.parametrize("variable", ["PYXEC_HTTP_BIND", "PYXEC_WEB_BIND", "VALKEY_PORT"])
def test_up_is_refused_when_a_port_is_in_use(refuse: Refuse, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refusal = refuse(**{variable: str(port) if variable == "VALKEY_PORT" else f"127.0.0.1:{port}"})

    assert refusal.startswith("cannot listen at ")
    assert refusal.endswith(f"(Address already in use): set {variable} to another address")


@pytest.mark.docker
def test_up_is_refused_when_the_runtime_is_not_installed(refuse: Refuse) -> None:
    refusal = refuse(PYXEC_CONTAINER_RUNTIME="kata")

    assert refusal.startswith("the OCI runtime 'kata' is not installed in this Docker Engine (")
    assert refusal.endswith("install it and add it to the engine, or set PYXEC_CONTAINER_RUNTIME to another one")


@pytest.mark.docker
@pytest.mark.parametrize(
    ("engine", "action"),
    [
        ({"oldest": (1, 12), "newest": (1, 40)}, "upgrade the engine"),
        ({"oldest": (1, 52), "newest": (1, 60)}, "upgrade Pyxec"),
        ({"info": {"MemoryLimit": False}}, "enable the cgroup controllers memory on its host"),
        ({"info": {"PidsLimit": False}}, "enable the cgroup controllers pids on its host"),
        ({"info": {"CpuCfsQuota": False}}, "enable the cgroup controllers cpu on its host"),
    ],
)
def test_up_is_refused_when_the_engine_does_not_meet_the_requirements(
    refuse: Refuse, open_proxy: OpenProxy, engine: dict[str, object], action: str
) -> None:
    refusal = refuse(DOCKER_HOST=open_proxy(**engine).url)

    assert action in refusal
    assert "\n" not in refusal


@pytest.mark.parametrize("module", ["up", "supervisor"])
def test_command_prints_one_line_and_no_traceback_when_a_setting_is_invalid(checkout: Path, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"app.local.{module}"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYXEC_LEASE_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: PYXEC_LEASE_SECONDS='soon': must be a number between 1 and 600\n"


def test_check_configuration_reports_a_missing_procfile(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Procfile cannot be read"):
        check_configuration(tmp_path, {})

"""Fixtures: the runner as a child process and as PID 1 of a container."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.runner.runner_process import Opener, RunnerProcess, start_runner

SOURCES = Path(__file__).parents[2] / "runner"

CONTAINER = [
    *("docker", "run", "-i", "--rm", "--network", "none", "--user", "10001:10001", "--read-only"),
    *("--tmpfs", "/work:rw,nosuid,nodev,exec,size=64m,mode=1777", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--cgroupns", "private", "-m", "128m", "--memory-swap", "128m"),
    *("--pids-limit", "64", "--ulimit", "core=0", "--log-driver", "none"),
]


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runner")
    shutil.copytree(SOURCES, folder / "runner", ignore=shutil.ignore_patterns("build", "runner"))
    subprocess.run(["make", "-s", "-C", folder / "runner"], check=True)
    return folder / "runner"


@pytest.fixture(scope="session")
def runner_binary(build_folder: Path) -> Path:
    return build_folder / "runner"


@pytest.fixture(scope="session")
def impatient_runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner that waits for a silent host for one second."""
    folder = tmp_path_factory.mktemp("impatient") / "runner"
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("build", "runner"))
    subprocess.run(["make", "-s", "-C", folder, "CC=gcc -DSILENCE_LIMIT_S=1"], check=True)
    return folder / "runner"


@pytest.fixture(scope="session")
def image(runner_binary: Path) -> Iterator[str]:
    """An image that contains only the runner."""
    name = f"pyxec-runner-test:{uuid.uuid4().hex[:12]}"
    context = runner_binary.parent / "image"
    context.mkdir()
    shutil.copy(runner_binary, context / "runner")
    (context / "Dockerfile").write_text('FROM debian:trixie-slim\nCOPY runner /runner\nENTRYPOINT ["/runner"]\n')
    subprocess.run(["docker", "build", "-q", "--network", "host", "-t", name, context], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", "-f", name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Compile a C program to a static executable."""

    def compiled(source: str) -> bytes:
        folder = tmp_path_factory.mktemp("program")
        (folder / "main.c").write_text(source)
        subprocess.run(["gcc", "-O1", "-static", "-s", "-o", folder / "main", folder / "main.c"], check=True)
        return (folder / "main").read_bytes()

    return compiled


@pytest.fixture
def open_bare(runner_binary: Path, tmp_path: Path) -> Iterator[Opener]:
    """Start the runner as a child process with a new working folder."""
    with ExitStack() as stack:

        def opened() -> RunnerProcess:
            return stack.enter_context(start_runner([str(runner_binary), str(tmp_path)]))

        yield opened


@pytest.fixture
def open_contained(image: str) -> Iterator[Opener]:
    """Start the runner as PID 1. Arguments are additional options of ``docker run``."""
    with ExitStack() as stack:

        def opened(*options: str) -> RunnerProcess:
            return stack.enter_context(start_runner([*CONTAINER, *options, image]))

        yield opened


@pytest.fixture
def bare(open_bare: Opener) -> RunnerProcess:
    return open_bare()


@pytest.fixture
def contained(open_contained: Opener) -> RunnerProcess:
    return open_contained()


@pytest.fixture(params=["bare", pytest.param("contained", marks=pytest.mark.docker)])
def runner(request: pytest.FixtureRequest) -> RunnerProcess:
    """An idle runner, as a child process and as PID 1."""
    process: RunnerProcess = request.getfixturevalue(request.param)
    return process

"""Behaviour of the sandbox when its engine stops, starts again or has no disk space.

The tests start a private engine, with an image that contains only the runner.
"""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.errors import InfrastructureError
from app.core.job.spec import JobSpec
from app.sandbox import pool as pool_module
from app.sandbox.engine.client import Engine, connect_docker
from app.sandbox.images.installed import LANGUAGE_LABEL, VERSION_LABEL
from app.sandbox.language_pool import PoolStats
from app.sandbox.template import LABEL
from tests.sandbox.engine_fixture import PrivateEngine, missing_requirement
from tests.sandbox.sandbox_fixture import (
    ENGINE_SECONDS,
    ENGINE_URL,
    LANGUAGES,
    SandboxFixture,
    create_sandbox,
    eventually,
    job,
)

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(missing_requirement()), reason=missing_requirement())]

RUNNER = "pyxec-runner"
SLOTS = 4
POOL_CEILING = 4
TOY = msgspec.structs.replace(LANGUAGES["bash"], id="toy", run=(f"/{RUNNER}", "/nowhere"))
RUNNER_ERROR = b"runner: cannot enter the working folder\n"


@pytest.fixture(scope="module")
def rootfs() -> bytes:
    """A root filesystem with the runner of an installed image. It is also the program of the jobs and exits at once."""
    client = connect_docker(ENGINE_URL)
    container = client.create_container("pyxec/bash:latest")
    try:
        stream, _ = client.get_archive(container, f"/{RUNNER}")
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            found = tar.extractfile(RUNNER)
            assert found is not None
            return _pack({RUNNER: found.read()}, folders=("work", "tmp", "dev", "proc", "sys", "etc"))
    finally:
        client.remove_container(container, force=True)
        client.close()


def _pack(files: dict[str, bytes], folders: tuple[str, ...]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in folders:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(folder)
        for name, content in files.items():
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(content), 0o755
            tar.addfile(file, io.BytesIO(content))
    return archive.getvalue()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small tmpfs for the data of the engine."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def private_engine(rootfs: bytes, disk: Path) -> Iterator[PrivateEngine]:
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run", ignore_cleanup_errors=True) as run:
        engine = PrivateEngine(Path(run), disk / "engine")
        try:
            _import_image(engine.start(), rootfs)
            yield engine
        finally:
            engine.stop()


def _import_image(client: Any, rootfs: bytes) -> None:
    labels = f"LABEL {LANGUAGE_LABEL}=toy {VERSION_LABEL}=1"
    changes = [f'ENTRYPOINT ["/{RUNNER}"]', "USER 10001:10001", "WORKDIR /work", labels]
    client.import_image_from_data(rootfs, repository="pyxec/toy", tag="latest", changes=changes)
    client.close()


@pytest.fixture
def sandbox(private_engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxFixture]:
    """A sandbox on the private engine, with one idle container."""
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    engine = Engine(private_engine.host, ENGINE_SECONDS)
    sandbox = SandboxFixture(engine, "test", create_sandbox(engine, "test", 1, 1, languages={"toy": TOY}, runtime=""))
    sandbox.container_sandbox.start()
    yield sandbox
    sandbox.container_sandbox.stop()
    engine.close()


def toy() -> JobSpec:
    return msgspec.structs.replace(job("bash", ""), language="toy")


def has_idle_container(sandbox: SandboxFixture) -> bool:
    return sandbox.container_sandbox.pool_stats().get("toy", PoolStats()).idle == 1


def job_succeeds(sandbox: SandboxFixture) -> bool:
    result = sandbox.run(toy())
    return (result.last.exit_code, result.stderr) == (1, RUNNER_ERROR)


def fails(sandbox: SandboxFixture) -> bool:
    try:
        return not job_succeeds(sandbox)
    except InfrastructureError:
        return True


def run_several(sandbox: SandboxFixture) -> None:
    """Run more jobs than there are idle containers."""
    for _ in range(5):
        assert job_succeeds(sandbox)


@pytest.mark.parametrize("end", [PrivateEngine.stop, PrivateEngine.kill], ids=["stopped", "killed"])
def test_pool_recovers_from_the_end_of_its_engine(
    private_engine: PrivateEngine, sandbox: SandboxFixture, end: Callable[[PrivateEngine], None]
) -> None:
    assert eventually(lambda: has_idle_container(sandbox))
    assert job_succeeds(sandbox)
    assert eventually(lambda: has_idle_container(sandbox))
    before = sandbox.containers()

    end(private_engine)

    # Without the engine, there is no idle container and jobs fail
    assert eventually(lambda: not has_idle_container(sandbox))
    with pytest.raises(InfrastructureError):
        sandbox.run(toy())

    # After the restart, jobs run, the pool is full and no old container runs
    private_engine.start().close()
    assert job_succeeds(sandbox)
    assert eventually(lambda: has_idle_container(sandbox), within_seconds=30)
    assert eventually(lambda: has_only_new_container(sandbox, before))
    assert sandbox.container_sandbox.pool_stats()["toy"].failures > 0


def has_only_new_container(sandbox: SandboxFixture, before: list[str]) -> bool:
    """Whether no old container runs. Engine 20.10 keeps one as "dead" whose disk was in use when it started again."""
    found = sandbox.engine.list_containers(f"{LABEL}={sandbox.namespace}")
    running = [container.id for container in found if container.state != "dead"]
    return len(running) == 1 and running != before


@pytest.mark.parametrize(
    "signal_process", [PrivateEngine.signal_daemon, PrivateEngine.signal_containerd], ids=["dockerd", "containerd"]
)
def test_engine_that_hangs_keeps_no_containers(
    private_engine: PrivateEngine, signal_process: Callable[[PrivateEngine, int], None]
) -> None:
    engine = Engine(private_engine.host, 1.0)
    sandbox = SandboxFixture(engine, "test", create_sandbox(engine, "test", 0, 0, languages={"toy": TOY}, runtime=""))
    assert job_succeeds(sandbox)

    signal_process(private_engine, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(SLOTS) as slots:
            outcomes = list(slots.map(lambda _: fails(sandbox), range(5 * SLOTS)))
    finally:
        signal_process(private_engine, signal.SIGCONT)

    assert all(outcomes)
    most_containers = 0

    def recovered() -> bool:
        nonlocal most_containers
        with closing(Engine(private_engine.host, ENGINE_SECONDS)) as observer:
            containers = len(observer.list_containers(f"{LABEL}=test"))
        most_containers = max(most_containers, containers)
        return containers == 0 and not fails(sandbox)

    assert eventually(recovered, within_seconds=60)
    assert most_containers <= SLOTS + POOL_CEILING
    assert eventually(lambda: sandbox.containers() == [])
    engine.close()


def test_full_disk_is_an_infrastructure_error_until_there_is_space(sandbox: SandboxFixture, disk: Path) -> None:
    assert eventually(lambda: has_idle_container(sandbox))
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))

    # A job with an idle container runs; one that needs a new container fails
    assert job_succeeds(sandbox)
    with pytest.raises(InfrastructureError, match="no space left on device"):
        run_several(sandbox)

    ballast.unlink()
    assert job_succeeds(sandbox)

"""The pool and its jobs while a real engine ends, comes back, or has no room: errors of ours, over once it is well.

The engine is one of the test's own, with an image that has no more than a program and our runner.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import msgspec
import pytest

from app.core.errors import InfrastructureError
from app.core.spec import JobSpec
from app.sandbox import pool as pool_module
from app.sandbox.engine.client import Engine
from app.sandbox.images.installed import LANGUAGE_LABEL, VERSION_LABEL
from app.sandbox.language_pool import PoolStats
from app.sandbox.sandbox import ContainerSandbox
from tests.sandbox.arena import ENGINE_SECONDS, ENGINE_URL, LANGUAGES, Arena, eventually, job
from tests.sandbox.own_engine import OwnEngine, why_not

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]

RUNNER = "pyxec-runner"
TOY = msgspec.structs.replace(LANGUAGES["bash"], id="toy", run=(f"/{RUNNER}", "/nowhere"))
SAID = b"runner: cannot enter the working folder\n"


@pytest.fixture(scope="module")
def rootfs() -> bytes:
    """A root filesystem with the runner of an image that is there. It is the program, too: it ends at once."""
    client = docker.APIClient(base_url=ENGINE_URL, version="auto")
    container = client.create_container("pyxec/bash:latest")
    try:
        stream, _ = client.get_archive(container, f"/{RUNNER}")
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            found = tar.extractfile(RUNNER)
            assert found is not None
            return _packed({RUNNER: found.read()}, folders=("work", "tmp", "dev", "proc", "sys", "etc"))
    finally:
        client.remove_container(container, force=True)
        client.close()


def _packed(files: dict[str, bytes], folders: tuple[str, ...]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in folders:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(folder)
        for name, content in files.items():
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(content), 0o755
            tar.addfile(file, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one, in memory, for all that the engine keeps."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def machine(rootfs: bytes, disk: Path) -> Iterator[OwnEngine]:
    with tempfile.TemporaryDirectory(prefix="pyxec-", dir="/run", ignore_cleanup_errors=True) as run:
        engine = OwnEngine(Path(run), disk / "engine")
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
def toys(machine: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Arena]:
    """A sandbox on that engine, with one warm container."""
    monkeypatch.setattr(pool_module, "_CHECK_SECONDS", 0.2)
    engine = Engine(machine.host, ENGINE_SECONDS)
    sandbox = ContainerSandbox(
        engine,
        {"toy": TOY},
        worker="arena",
        namespace="toys",
        runtime="",
        cpus=1.0,
        pool_floor=1,
        pool_ceiling=1,
    )
    sandbox.start()
    yield Arena(engine, "toys", sandbox)
    sandbox.stop()
    engine.close()


def toy() -> JobSpec:
    return msgspec.structs.replace(job("bash", ""), language="toy")


def is_warm(arena: Arena) -> bool:
    return arena.sandbox.pool_stats().get("toy", PoolStats()).idle == 1


def runs(arena: Arena) -> bool:
    ran = arena.run(toy())
    return (ran.last.exit_code, ran.stderr) == (1, SAID)


def run_several(arena: Arena) -> None:
    """More than can be warm."""
    for _ in range(5):
        assert runs(arena)


@pytest.mark.parametrize("end", [OwnEngine.stop, OwnEngine.kill], ids=["stopped", "killed"])
def test_the_pool_survives_the_end_of_its_engine(
    machine: OwnEngine, toys: Arena, end: Callable[[OwnEngine], None]
) -> None:
    # Given a warm container, and jobs that run
    assert eventually(lambda: is_warm(toys))
    assert runs(toys)
    assert eventually(lambda: is_warm(toys))
    before = toys.containers()

    # When the engine ends
    end(machine)

    # Then what waited is known to be gone, and a job's failure is ours
    assert eventually(lambda: not is_warm(toys))
    with pytest.raises(InfrastructureError):
        toys.run(toy())

    # And when it is back, the next job runs, the pool is full again, and nothing is left of before
    machine.start().close()
    assert runs(toys)
    assert eventually(lambda: is_warm(toys), within_seconds=30)
    assert eventually(lambda: len(toys.containers()) == 1 and toys.containers() != before)
    assert toys.sandbox.pool_stats()["toy"].failures > 0


def test_a_full_disk_is_our_fault_and_over_when_there_is_room(toys: Arena, disk: Path) -> None:
    assert eventually(lambda: is_warm(toys))
    # Given a disk on which not a byte is free
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))

    # Then a job that finds a warm container runs, and one for which a container has to be made fails by our fault
    assert runs(toys)
    with pytest.raises(InfrastructureError, match="no space left on device"):
        run_several(toys)

    # And with some room again all is well
    ballast.unlink()
    assert runs(toys)

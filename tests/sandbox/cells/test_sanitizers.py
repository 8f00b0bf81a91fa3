"""The cell and the runner in it, built with AddressSanitizer and UndefinedBehaviorSanitizer.

A cell ends at the first memory error or undefined behaviour. So a cell that serves the next job had none.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.engine import engine_host
from app.sandbox.cells.cell import Cell, CellSpec
from app.sandbox.resources import ContainerResources
from app.sandbox.runner.encoder import encode_cancel, encode_go, encode_limits, encode_phase
from app.sandbox.runner.frames import LimitsResult, LimitsSet, PhaseEnd, PhaseSpec
from app.sandbox.template import LABEL
from tests.sandbox.cells.cell_fixture import CELL_UID, JOB_RESOURCES, JOB_UID, read_events, run_command
from tests.sandbox.sandbox_fixture import MIB, RUNTIME, SandboxFixture

pytestmark = pytest.mark.docker

ISOLATIONS = ("cell",)
SOURCES = Path(__file__).parents[3] / "runner"
# Without a terminal, LeakSanitizer cannot trace, and a runner never frees memory. The libraries are static because the
# image does not contain them.
DOCKERFILE = """
FROM pyxec/bash:latest
COPY sanitized /pyxec-runner
ENV ASAN_OPTIONS=detect_leaks=0
"""
PHASE = PhaseSpec(("cat",), (("PATH", "/bin"),), 20_000, 20_000, MIB, 100, MIB, 8 * MIB, gets_stdin=True)


@pytest.fixture(scope="module")
def sanitized_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sanitized")
    shutil.copytree(SOURCES, folder / "runner", ignore=shutil.ignore_patterns("build", "runner"))
    linker = "SANITIZE=-g -fsanitize=address,undefined -fno-sanitize-recover=all -static-libasan -static-libubsan"
    subprocess.run(["make", "-s", "-C", folder / "runner", "build/sanitized", linker], check=True)
    context = folder / "context"
    context.mkdir()
    shutil.copy(folder / "runner/build/sanitized", context)
    (context / "Dockerfile").write_text(DOCKERFILE)
    name = f"pyxec-sanitized-test:{uuid.uuid4().hex[:12]}"
    docker = ["docker", "--host", engine_host()]
    subprocess.run([*docker, "build", "-q", "-t", name, context], check=True, capture_output=True)
    yield name
    subprocess.run([*docker, "rmi", "-f", name], check=True, capture_output=True)


@pytest.fixture
def cell(sandbox: SandboxFixture, sanitized_image: str) -> Iterator[Cell]:
    image = dataclasses.replace(sandbox.container_spec("bash").image, image_id=sanitized_image)
    resources = ContainerResources(1024 * MIB, 128, 64 * MIB, 1_000_000_000)
    spec = CellSpec(image, resources, {LABEL: sandbox.namespace}, RUNTIME, CELL_UID, JOB_UID, False)
    launched = Cell.launch(sandbox.engine, spec)
    yield launched
    launched.discard()


def test_cell_serves_jobs_without_a_memory_error(cell: Cell) -> None:
    program = dataclasses.replace(JOB_RESOURCES, memory_bytes=64 * MIB, processes=32)
    for _ in range(2):
        assert run_command(cell, ["bash", "-c", "echo $UID"]) == f"{JOB_UID}\n".encode()

        # A job with a held phase, whose limits change, and which is cancelled
        cell.start_job(JOB_RESOURCES, program)
        phases = encode_phase(PHASE) + encode_phase(dataclasses.replace(PHASE, held=True))
        cell._send_all(phases + encode_go() + b"\x05\0\0\0\5first\x06" + bytes(4))
        read_events(cell, PhaseEnd)
        cell._send_all(encode_limits())
        assert read_events(cell, LimitsSet)[-1] in [LimitsSet(result) for result in LimitsResult]
        cell._send_all(encode_cancel())
        read_events(cell)
        cell.end_job([])

    assert cell.is_alive()
    cell._await_clean()
    assert cell.jobs == 4

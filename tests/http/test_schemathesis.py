"""The document and the service, held against each other by Schemathesis: every check that it has, on a live gateway."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.http.gateway import Gateway, StartGateway, bearer

HOOKS = "tests.http.openapi.schemathesis_hooks"
ROOT = Path(__file__).resolve().parents[2]
PHASES = "examples,coverage,fuzzing,stateful"
EXAMPLES = 10
# So that a run can be repeated. Another finds other requests: SCHEMATHESIS_SEED=...
SEED = os.environ.get("SCHEMATHESIS_SEED", "5")
DEAD_LETTERS = 5


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    # Where nobody comes without a key, every operation is one that another's key must not open.
    return await start_gateway(PYXEC_MAX_WAIT_SECONDS="1", PYXEC_ANONYMOUS="off")


async def create_dead_letters(gateway: Gateway, key: str) -> None:
    """Create dead letters for the requests that read, replay and delete them."""
    for _ in range(DEAD_LETTERS):
        await gateway.submit(bearer(key))
        gateway.worker.reject(gateway.worker.start())


def configuration(folder: Path, owner: str, other: str) -> Path:
    """Two callers: whatever the one makes, the other must not see."""
    people = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
        for name, key in (("owner", owner), ("other", other))
    ]
    callers = folder / "callers.json"
    callers.write_text(json.dumps({"auth": people}))
    config = folder / "schemathesis.toml"
    config.write_text(
        f'hooks = "{HOOKS}"\n[auth.wfc]\npath = "{callers}"\nuser = "owner"\npeers = ["owner", "other"]\n'
    )
    return config


async def schemathesis(gateway: Gateway, config: Path, *options: str) -> tuple[int, str]:
    """Exit status and report of one run, which remembers nothing of an earlier one."""
    program = Path(sys.executable).with_name("schemathesis")
    address = f"http://127.0.0.1:{gateway.port}/openapi.json"
    process = await asyncio.create_subprocess_exec(
        program, "--config-file", config, "run", address, "--no-color", "--checks", "all", *options,
        cwd=config.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.timeout(600)
async def test_the_service_is_what_its_document_says(gateway: Gateway, tmp_path: Path) -> None:
    # Given two callers, dead letters, and a worker
    owner: Any = await gateway.create_key(tier="trusted", admin=True)
    other: Any = await gateway.create_key(tier="trusted")
    await create_dead_letters(gateway, owner["key"])
    config = configuration(tmp_path, owner["key"], other["key"])
    gateway.worker.handle_jobs(gateway.worker.run)
    # When every operation is tried with what is right, what is wrong, and in sequences
    status, report = await schemathesis(
        gateway, config, "--phases", PHASES, "--max-examples", str(EXAMPLES), "--seed", SEED, "--no-shrink"
    )
    # Then nothing is found
    assert status == 0, report

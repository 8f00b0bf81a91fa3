"""All checks of Schemathesis: the gateway behaves as its OpenAPI document specifies."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.core.judging.comparison import Comparison
from app.store.jobs.records import decode_spec
from tests.http.gateway import Gateway, StartGateway, bearer

HOOKS = "tests.http.openapi.schemathesis_hooks"
ROOT = Path(__file__).resolve().parents[2]
PHASES = "examples,coverage,fuzzing,stateful"
EXAMPLES = 10
# A fixed seed makes runs reproducible. SCHEMATHESIS_SEED selects other requests.
SEED = os.environ.get("SCHEMATHESIS_SEED", "5")
DEAD_LETTERS = 5


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    # Without anonymous callers, every operation must reject other callers.
    return await start_gateway(PYXEC_MAX_WAIT_SECONDS="1", PYXEC_ANONYMOUS="off")


async def create_dead_letters(gateway: Gateway, key: str) -> None:
    """Create dead letters for the requests that read, replay and delete them."""
    for _ in range(DEAD_LETTERS):
        await gateway.submit(bearer(key))
        gateway.worker.reject(gateway.worker.start())


def configuration(folder: Path, owner: str, other: str) -> Path:
    """Configure two callers: Schemathesis checks that each cannot access the resources of the other."""
    callers = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}]}
        for name, key in (("owner", owner), ("other", other))
    ]
    callers_file = folder / "callers.json"
    callers_file.write_text(json.dumps({"auth": callers}))
    config = folder / "schemathesis.toml"
    config.write_text(
        f'hooks = "{HOOKS}"\n[auth.wfc]\npath = "{callers_file}"\nuser = "owner"\npeers = ["owner", "other"]\n'
    )
    return config


async def schemathesis(gateway: Gateway, config: Path, *options: str, keys: Sequence[str]) -> tuple[int, str]:
    """Exit status and report of one run. It neither rotates nor revokes the keys."""
    program = Path(sys.executable).with_name("schemathesis")
    address = f"http://127.0.0.1:{gateway.port}/openapi.json"
    process = await asyncio.create_subprocess_exec(
        program, "--config-file", config, "run", address, "--no-color", "--checks", "all", *options,
        cwd=config.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_PROTECTED_KEYS": ",".join(keys)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.timeout(600)
async def test_gateway_conforms_to_its_openapi_document(gateway: Gateway, tmp_path: Path) -> None:
    # Given two callers, dead letters, and a worker
    owner: Any = await gateway.create_key(tier="trusted", admin=True)
    other: Any = await gateway.create_key(tier="trusted")
    await create_dead_letters(gateway, owner["key"])
    config = configuration(tmp_path, owner["key"], other["key"])
    gateway.worker.handle_jobs(gateway.worker.run)
    # When Schemathesis tests every operation with valid and invalid requests, and in sequences
    status, report = await schemathesis(
        gateway,
        config,
        *("--phases", PHASES, "--max-examples", str(EXAMPLES), "--seed", SEED, "--no-shrink"),
        keys=[owner["id"], other["id"]],
    )
    # Then it finds no failure
    assert status == 0, report
    # And the fields that depend on each other were in accepted jobs
    specs = [decode_spec(claim.spec) for claim in gateway.worker.claims.values() if claim.spec is not None]
    assert any(spec.checker for spec in specs)
    assert any(spec.interactor for spec in specs)
    assert any(spec.groups for spec in specs)
    assert any(case.comparison != Comparison() for spec in specs for case in spec.tests)

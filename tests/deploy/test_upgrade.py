"""Jobs that an earlier version accepted, started or finished."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from app.core.results import JobResult
from app.core.spec import JobSpec
from app.store.records import About
from tests.deploy.format_files import NAMESPACE, load
from tests.stack import Stack

pytestmark = pytest.mark.docker

FORMATS = sorted(Path(__file__).with_name("formats").glob("*.json"))


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
def test_jobs_of_an_earlier_version_finish(own_stack: Stack, path: Path) -> None:
    # Given a finished job, a job whose worker was killed, and a queued job of an earlier version
    file = json.loads(path.read_text())
    own_stack.namespace = NAMESPACE
    load(own_stack.client, file)
    # When this version starts
    own_stack.start_api()
    own_stack.start_worker()
    # Then each job has its one result
    finished = own_stack.job(file["finished"])
    assert (finished["outcome"], finished["stdout"]) == ("ok", "an early result\n")
    assert finished["labels"] == {"kept": "yes"}
    queued = own_stack.wait_until_finished(file["queued"])
    assert (queued["outcome"], queued["stdout"], queued["attempt"]) == ("ok", "read by a later version\n", 1)
    running = own_stack.wait_until_finished(file["running"])
    assert (running["outcome"], running["stdout"], running["attempt"]) == ("ok", "run\nagain\n", 2)
    queue = own_stack.client.keys(f"{{{NAMESPACE}:jobs}}:stream*") + own_stack.client.keys(f"*{NAMESPACE}:jobs*dead*")
    assert [name for name in queue if own_stack.client.xlen(name)] == []


@pytest.mark.parametrize("kind", [JobSpec, About, JobResult])
def test_field_of_a_later_version_is_ignored(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.forbid_unknown_fields is False

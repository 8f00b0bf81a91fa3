"""Jobs that an earlier version accepted, started or finished."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from app.broker import StreamsBroker
from app.core.job.results import JobResult
from app.core.job.spec import JobSpec
from app.store.jobs.records import About
from app.store.keys import JOBS_QUEUE
from tests.deploy.format_files import NAMESPACE, load
from tests.stack import Stack

pytestmark = pytest.mark.docker

ADMIN_KEY = "an-administrators-key-of-the-upgrade-test"
FORMATS = sorted(Path(__file__).with_name("formats").glob("*.json"))


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
def test_jobs_of_an_earlier_version_finish(own_stack: Stack, path: Path, tmp_path: Path) -> None:
    # Given a finished job, a job whose worker was killed, a queued job and a dead letter of an earlier version
    file = json.loads(path.read_text())
    own_stack.namespace = NAMESPACE
    load(own_stack.client, file)
    key_file = tmp_path / "admin-key"
    key_file.write_text(ADMIN_KEY)
    own_stack.settings["PYXEC_ADMIN_KEY_FILE"] = str(key_file)
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
    if "dead" in file:  # 0.1 recorded none
        check_dead_letter(own_stack, file["dead"])
    queue = own_stack.client.keys(f"{{{NAMESPACE}:jobs}}:stream*") + own_stack.client.keys(f"*{NAMESPACE}:jobs*dead*")
    assert [name for name in queue if own_stack.client.xlen(name)] == []


def check_dead_letter(stack: Stack, job_id: str) -> None:
    """Check that a dead letter is complete and that its job runs when it is replayed."""
    dead = stack.job(job_id)
    assert (dead["outcome"], dead["stdout"]) == ("infrastructure_error", "first\n")
    broker = StreamsBroker(client=stack.client, namespace=NAMESPACE)
    (dead_letter,) = broker.dead_letters(JOBS_QUEUE)
    assert (dead_letter.attempts, dead_letter.effects_error) == (1, "")
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    stack.http.post(f"/v1/admin/dead/{JOBS_QUEUE}/{dead_letter.id}/replay", headers=headers).raise_for_status()
    job = stack.wait_until_finished(job_id)
    assert (job["outcome"], job["stdout"]) == ("ok", "first\nreplayed\n")


@pytest.mark.parametrize("kind", [JobSpec, About, JobResult])
def test_field_of_a_later_version_is_ignored(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.forbid_unknown_fields is False

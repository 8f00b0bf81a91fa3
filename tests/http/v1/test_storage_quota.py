"""The storage quota of callers as clients see it."""

from __future__ import annotations

from tests.http.gateway import JOB, StartGateway, bearer

MIB = 1024 * 1024
LARGE_JOB = {"language": "python", "files": [{"name": "main.py", "content": "#" * (4 * MIB - 10_000)}]}


async def test_submission_is_rejected_when_the_storage_quota_is_reached(start_gateway: StartGateway) -> None:
    # Given callers without an API key whose jobs may take 64 MiB together
    gateway = await start_gateway(PYXEC_ANONYMOUS_STORAGE_BYTES=str(64 * MIB))
    # When jobs of 4 MiB arrive
    answers = [await gateway.client.post("/v1/jobs", json=LARGE_JOB) for _ in range(17)]
    # Then the one that does not fit is rejected, and the response names the quota
    assert [answer.status_code for answer in answers] == [202] * 16 + [429]
    problem = answers[-1].json()
    assert problem["type"] == "/problems/storage-full"
    assert problem["title"] == "Storage quota reached"
    assert "all callers without an API key together" in problem["detail"]
    assert f"of {64 * MIB} bytes" in problem["detail"]
    assert answers[-1].headers["Retry-After"] == "5"
    assert "RateLimit" in answers[-1].headers
    assert gateway.worker.broker.qsize("jobs") == 16
    # And a batch reports it for each job that does not fit
    batch = await gateway.client.post("/v1/jobs/batch", json={"jobs": [JOB, LARGE_JOB, JOB]})
    assert batch.status_code == 200
    statuses = [item.get("problem", {}).get("type") for item in batch.json()["jobs"]]
    assert statuses == [None, "/problems/storage-full", None]
    # And a caller with an API key has a quota of its own
    key = await gateway.create_key()
    accepted = await gateway.client.post("/v1/jobs", json=LARGE_JOB, headers=bearer(key["key"]))
    assert accepted.status_code == 202


async def test_finished_jobs_free_the_storage_of_their_source(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_STORAGE_BYTES=str(64 * MIB))

    for _ in range(34):
        answer = await gateway.client.post("/v1/jobs", json=LARGE_JOB)
        assert answer.status_code == 202
        job_id = gateway.worker.run()

    finished = (await gateway.client.get(f"/v1/jobs/{job_id}")).json()
    assert (finished["status"], finished["language"]) == ("finished", "python")
    assert gateway.redis.memory_usage(gateway.keys.record(job_id)) < 10_000

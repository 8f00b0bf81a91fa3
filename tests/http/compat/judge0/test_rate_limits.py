"""Submissions have the rate limits, slots and backlog of other jobs."""

from __future__ import annotations

from tests.http.compat.judge0.conftest import PRINT
from tests.http.gateway import StartGateway

SUBMISSIONS = "/judge0/submissions"


async def test_full_queue_has_the_error_of_judge0(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="2")
    # Given a backlog with space for one anonymous job
    assert (await gateway.client.post(SUBMISSIONS, json=PRINT)).status_code == 201
    # When more are submitted
    responses = [
        await gateway.client.post(SUBMISSIONS, json=PRINT),
        await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": [PRINT, PRINT]}),
    ]
    # Then they are rejected with Retry-After
    for response in responses:
        assert (response.status_code, response.json()) == (503, {"error": "queue is full"})
        assert int(response.headers["Retry-After"]) > 0


async def test_submission_consumes_a_token(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="3", PYXEC_RATE_PER_MINUTE="1")
    # Given a bucket of three tokens
    batch = {"submissions": [PRINT] * 4}
    # When a batch has four submissions
    response = await gateway.client.post(f"{SUBMISSIONS}/batch", json=batch)
    # Then three are accepted, and the last is rate limited
    assert response.status_code == 201
    *accepted, rejected = response.json()
    assert all("token" in item for item in accepted)
    assert "rate limit reached" in rejected["error"]
    # And so is the next submission
    response = await gateway.client.post(SUBMISSIONS, json=PRINT)
    assert response.status_code == 429
    assert "Retry-After" in response.headers


async def test_invalid_submission_takes_no_slot(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="2")
    # Given more invalid submissions than slots
    for _ in range(2):
        await gateway.client.post(SUBMISSIONS, json={})
        await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": [{}, {}]})
    # Then valid submissions are accepted
    response = await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": [PRINT, PRINT]})
    assert [item.keys() for item in response.json()] == [{"token"}, {"token"}]

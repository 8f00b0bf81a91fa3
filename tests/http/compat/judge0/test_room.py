"""A submission takes the same tokens and the same room as a job of our own."""

from __future__ import annotations

from tests.http.compat.judge0.conftest import PRINT
from tests.http.gateway import StartGateway

SUBMISSIONS = "/judge0/submissions"


async def test_a_full_queue_is_said_in_judge0s_words(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_MAX_BACKLOG="2")
    # Given a queue with room for one anonymous job
    assert (await gateway.client.post(SUBMISSIONS, json=PRINT)).status_code == 201
    # When there are more
    answers = [
        await gateway.client.post(SUBMISSIONS, json=PRINT),
        await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": [PRINT, PRINT]}),
    ]
    # Then they are refused, and told when to come back
    for answer in answers:
        assert (answer.status_code, answer.json()) == (503, {"error": "queue is full"})
        assert int(answer.headers["Retry-After"]) > 0


async def test_a_submission_costs_a_token(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_RATE_BURST="3", PYXEC_RATE_PER_MINUTE="1")
    # Given a bucket of three tokens
    batch = {"submissions": [PRINT] * 4}
    # When four are submitted at once
    answer = await gateway.client.post(f"{SUBMISSIONS}/batch", json=batch)
    # Then three are taken, and the last is told why not
    assert answer.status_code == 201
    *taken, refused = answer.json()
    assert all("token" in one for one in taken)
    assert "rate limit reached" in refused["error"]
    # And the next is too many
    answer = await gateway.client.post(SUBMISSIONS, json=PRINT)
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers


async def test_places_of_what_was_refused_are_free_again(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_JOBS="2")
    # Given mistakes, more than there are places
    for _ in range(2):
        await gateway.client.post(SUBMISSIONS, json={})
        await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": [{}, {}]})
    # Then there is room for what is right
    answer = await gateway.client.post(f"{SUBMISSIONS}/batch", json={"submissions": [PRINT, PRINT]})
    assert [one.keys() for one in answer.json()] == [{"token"}, {"token"}]

"""Callbacks of finished submissions, in the format of Judge0."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode

from app.actors.deliver_webhook import WebhookDelivery
from app.store.webhooks.outbox import Outbox
from app.store.webhooks.webhook_slots import WebhookSlots
from app.wiring.worker import CALLBACK_FORMATS
from tests.actors.webhook_receiver import running_receiver
from tests.http.compat.judge0.conftest import PRINT
from tests.http.compat.judge0.test_submissions import SUBMISSIONS, token_header
from tests.http.gateway import Gateway
from tests.http.worker import RESULT_TTL_SECONDS


async def test_callback_is_a_put_request_in_base64(gateway: Gateway) -> None:
    # Given a submission with a callback URL and an expected output
    headers = token_header((await gateway.create_key())["key"])
    with running_receiver() as receiver:
        sent = {**PRINT, "callback_url": receiver.url, "expected_output": "1"}
        token = (await gateway.client.post(SUBMISSIONS, json=sent, headers=headers)).json()["token"]
        # When it has finished
        job_id = gateway.worker.start()
        assert job_id == token
        gateway.worker.write(job_id, b"1 \xff\n")
        gateway.worker.finish(job_id)
        outbox = Outbox(gateway.redis, gateway.keys, RESULT_TTL_SECONDS)
        assert [end.job_id for end in outbox.waiting(10)] == [token]
        slots = WebhookSlots(gateway.worker.broker)
        webhooks = WebhookDelivery(outbox, slots, allow_private=True, callback_formats=CALLBACK_FORMATS)
        due = outbox.read(token)
        assert due is not None
        await asyncio.to_thread(webhooks.send, due)
        # Then the callback is a PUT request with the output in Base64
        (request,) = receiver.requests
    assert request.line == "PUT /hook?a=b HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "token": token, "time": "0.01", "memory": 7812, "stdout": b64encode(b"1 \xff\n").decode(), "stderr": None,
        "compile_output": None, "message": None, "status": {"id": 4, "description": "Wrong Answer"},
    }  # fmt: skip


async def test_invalid_callback_url_is_rejected_by_field(gateway: Gateway) -> None:
    headers = token_header((await gateway.create_key())["key"])
    response = await gateway.client.post(SUBMISSIONS, json={**PRINT, "callback_url": "ftp://x"}, headers=headers)
    assert (response.status_code, response.json()) == (
        422,
        {"callback_url": ["must be an http:// or https:// address"]},
    )

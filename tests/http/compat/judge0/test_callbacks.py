"""The end of a submission is told to whom it asked for, in Judge0's words."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode

from app.actors.deliver_webhook import WebhookDelivery
from app.store.outbox import Outbox
from app.wiring.worker import CALLBACK_FORMATS
from tests.actors.webhook_receiver import running_receiver
from tests.http.compat.judge0.conftest import PRINT
from tests.http.compat.judge0.test_submissions import SUBMISSIONS, token_header
from tests.http.gateway import Gateway


async def test_the_end_is_put_in_base64(gateway: Gateway) -> None:
    # Given a submission that wants to be told, and expects something
    headers = token_header((await gateway.create_key())["key"])
    with running_receiver() as receiver:
        sent = {**PRINT, "callback_url": receiver.url, "expected_output": "1"}
        token = (await gateway.client.post(SUBMISSIONS, json=sent, headers=headers)).json()["token"]
        # When it has ended
        job_id = gateway.worker.start()
        assert job_id == token
        gateway.worker.write(job_id, b"1 \xff\n")
        gateway.worker.finish(job_id)
        outbox = Outbox(gateway.redis, gateway.keys)
        assert outbox.waiting(10) == [token]
        webhooks = WebhookDelivery(outbox, allow_private=True, callback_formats=CALLBACK_FORMATS)
        await asyncio.to_thread(webhooks.deliver, token)
        # Then that is PUT, whatever was written
        (request,) = receiver.requests
    assert request.line == "PUT /hook?a=b HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "token": token, "time": "0.01", "memory": 7812, "stdout": b64encode(b"1 \xff\n").decode(), "stderr": None,
        "compile_output": None, "message": None, "status": {"id": 4, "description": "Wrong Answer"},
    }  # fmt: skip


async def test_an_address_that_is_ours_is_refused_by_field(gateway: Gateway) -> None:
    headers = token_header((await gateway.create_key())["key"])
    answer = await gateway.client.post(SUBMISSIONS, json={**PRINT, "callback_url": "ftp://x"}, headers=headers)
    assert (answer.status_code, answer.json()) == (422, {"callback_url": ["must be an http:// or https:// address"]})

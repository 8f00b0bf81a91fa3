"""What the service asks of others: a job with a ``webhook_url`` tells of its end."""

from __future__ import annotations

from typing import Any, Final

from app.core.webhook_body import WebhookBody
from app.http.openapi.operation import JSON
from app.http.openapi.schemas import reference

__all__ = ["WEBHOOKS"]

_SIGNATURE: Final = (
    "`v1` is the HMAC-SHA256, in hexadecimal, of the time `t`, a dot and the body, with the key's `webhook_secret`."
)

WEBHOOKS: Final[dict[str, Any]] = {
    "jobFinished": {
        "post": {
            "operationId": "jobFinished",
            "summary": "A job with a webhook_url has ended",
            "description": "Any 2xx within 10 seconds is an answer; else it is tried again, ten times in about an hour "
            "and a half. It may come twice.",
            "parameters": [
                {
                    "name": "Pyxec-Delivery",
                    "in": "header",
                    "required": True,
                    "description": "The job's id.",
                    "schema": {"type": "string"},
                },
                {
                    "name": "Pyxec-Signature",
                    "in": "header",
                    "required": True,
                    "description": _SIGNATURE,
                    "schema": {"type": "string", "pattern": "^t=[0-9]+,v1=[0-9a-f]{64}$"},
                },
            ],
            "requestBody": {"required": True, "content": {JSON: {"schema": reference(WebhookBody)}}},
            "responses": {"2XX": {"description": "It has arrived."}},
        }
    }
}

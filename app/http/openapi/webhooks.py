"""The webhooks section of the OpenAPI document: requests that Pyxec sends to the ``webhook_url`` of a job."""

from __future__ import annotations

from typing import Any, Final

from app.core.job.webhooks import WebhookBody
from app.http.openapi.operation import JSON
from app.http.openapi.schemas import create_reference

__all__ = ["WEBHOOKS"]


def _header(name: str, description: str, **schema: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string", **schema},
    }


WEBHOOKS: Final[dict[str, Any]] = {
    "jobFinished": {
        "post": {
            "operationId": "jobFinished",
            "summary": "A job with a webhook_url has finished",
            "description": "Signed as specified by Standard Webhooks (https://www.standardwebhooks.com). Any 2xx "
            "within 10 seconds acknowledges it. Otherwise it is sent again, ten times within 90 minutes. "
            "It may arrive more than once.",
            "parameters": [
                _header("webhook-id", "The id of the job; with `.1`, `.2`, ... after an administrator replayed it."),
                _header("webhook-timestamp", "Time of this attempt, Unix time in seconds.", pattern="^[0-9]+$"),
                _header(
                    "webhook-signature",
                    "`v1,` and the HMAC-SHA256, in Base64, of `{webhook-id}.{webhook-timestamp}.{body}`. The key is "
                    "the Base64-decoded `webhook_secret` of the API key, without `whsec_`.",
                    pattern="^v1,[A-Za-z0-9+/]{43}=$",
                ),
            ],
            "requestBody": {"required": True, "content": {JSON: {"schema": create_reference(WebhookBody)}}},
            "responses": {"2XX": {"description": "The webhook was received."}},
        }
    }
}

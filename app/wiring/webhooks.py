"""The actor that delivers webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import dramatiq

from app.actors.deliver_webhook import Telling, WebhookRelay, Webhooks
from app.actors.maintain import Service
from app.broker import StreamsBroker
from app.config import Settings
from app.http.compat.judge0 import API as JUDGE0
from app.http.compat.judge0 import callback_body
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE, StoreKeys
from app.store.outbox import Outbox
from app.wiring.connections import client as redis_client

__all__ = ["TELLINGS", "declare_webhooks"]

# Each API whose clients are told in its own way.
TELLINGS: Final[Mapping[str, Telling]] = {JUDGE0: Telling("PUT", callback_body)}

# Ten of them, each twice as far as the one before: an hour and a half in all.
_WEBHOOK_RETRIES: Final = 10
_FIRST_WEBHOOK_RETRY_MS: Final = 5_000
_LAST_WEBHOOK_RETRY_MS: Final = 3_600_000


def declare_webhooks(broker: StreamsBroker, settings: Settings) -> Sequence[Service]:
    """Declare it. Returns what starts with a worker of its queue."""
    outbox = Outbox(redis_client(settings), StoreKeys(settings.namespace))
    dramatiq.actor(
        actor_name=DELIVER_WEBHOOK,
        queue_name=WEBHOOKS_QUEUE,
        broker=broker,
        max_retries=_WEBHOOK_RETRIES,
        min_backoff=_FIRST_WEBHOOK_RETRY_MS,
        max_backoff=_LAST_WEBHOOK_RETRY_MS,
    )(Webhooks(outbox, settings.webhook_allow_private, TELLINGS).deliver)
    return [WebhookRelay(broker, outbox)]

"""The actor that delivers webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import dramatiq

from app.actors.deliver_webhook import RELAY_SECONDS, CallbackFormat, WebhookDelivery, WebhookRelay
from app.actors.maintain import PeriodicTask, PeriodicTasks, Service
from app.broker import StreamsBroker
from app.config import Settings
from app.http.compat.judge0 import API as JUDGE0
from app.http.compat.judge0 import callback_body
from app.store.keys import DELIVER_WEBHOOK, WEBHOOKS_QUEUE, StoreKeys
from app.store.outbox import Outbox
from app.wiring.connections import client as redis_client

__all__ = ["CALLBACK_FORMATS", "declare_webhooks"]

CALLBACK_FORMATS: Final[Mapping[str, CallbackFormat]] = {JUDGE0: CallbackFormat("PUT", callback_body)}

# Each delay is twice the previous one: an hour and a half in total.
_WEBHOOK_RETRIES: Final = 10
_FIRST_WEBHOOK_RETRY_MS: Final = 5_000
_LAST_WEBHOOK_RETRY_MS: Final = 3_600_000


def declare_webhooks(broker: StreamsBroker, settings: Settings) -> Sequence[Service]:
    """Declare the actor and return the services of the workers that consume its queue."""
    outbox = Outbox(redis_client(settings), StoreKeys(settings.namespace))
    dramatiq.actor(
        actor_name=DELIVER_WEBHOOK,
        queue_name=WEBHOOKS_QUEUE,
        broker=broker,
        max_retries=_WEBHOOK_RETRIES,
        min_backoff=_FIRST_WEBHOOK_RETRY_MS,
        max_backoff=_LAST_WEBHOOK_RETRY_MS,
    )(WebhookDelivery(outbox, settings.webhook_allow_private, CALLBACK_FORMATS).deliver)
    relay = WebhookRelay(broker, outbox)
    return [PeriodicTasks([PeriodicTask("relay_webhooks", RELAY_SECONDS, relay.relay)])]

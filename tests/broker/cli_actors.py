"""What the ``dramatiq`` command line is pointed at; BROKER_URL and BROKER_NAMESPACE say where the queue is."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.middleware import CurrentMessage

from app.broker import Effect, StreamMessage, StreamsBroker

broker = StreamsBroker(url=os.environ["BROKER_URL"], namespace=os.environ["BROKER_NAMESPACE"], lease_ms=2_000)
dramatiq.set_broker(broker)


@dramatiq.actor
def note(number: int) -> None:
    message = CurrentMessage.get_current_message()
    assert isinstance(message, StreamMessage)
    message.finish_with([Effect("RPUSH", f"{message.keys.tag}:notes", f"{number}:{os.getpid()}")])

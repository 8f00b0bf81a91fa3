"""Module for the ``dramatiq`` command. BROKER_URL and BROKER_NAMESPACE select the queue."""

from __future__ import annotations

import os
import time

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


@dramatiq.actor
def note_after(seconds: float) -> None:
    time.sleep(seconds)
    message = CurrentMessage.get_current_message()
    assert isinstance(message, StreamMessage)
    message.finish_with([Effect("RPUSH", f"{message.keys.tag}:notes", os.getpid())])

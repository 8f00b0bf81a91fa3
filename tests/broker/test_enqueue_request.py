"""The stored form of a message and the hooks of enqueue_many."""

from __future__ import annotations

from dramatiq import Message, Middleware

from app.broker import StreamsBroker
from app.broker.enqueue_request import encode_message
from tests.broker.delivery import message


def test_encode_message_equals_dramatiqs_encoding() -> None:
    original = message("ä", 1, None, actor="act", nested={"a": [1.5]})

    assert encode_message(original) == original.encode()
    assert Message.decode(encode_message(original)) == original


def test_encode_message_calls_encode_of_a_subclass() -> None:
    class Mine(Message):  # type: ignore[type-arg]
        def encode(self) -> bytes:
            return b"mine"

    assert encode_message(Mine("default", "act", (), {}, {})) == b"mine"


def test_encode_message_removes_eta_and_the_suffix_of_the_delay_queue() -> None:
    stored = Message.decode(encode_message(message(queue="default.DQ", eta=5, kept=True)))

    assert (stored.queue_name, stored.options) == ("default", {"kept": True})


def test_enqueue_many_calls_hooks_for_each_message(broker: StreamsBroker) -> None:
    calls: list[tuple[str, str]] = []

    class Listener(Middleware):
        def before_enqueue(self, broker: object, message: object, delay: object) -> None:
            calls.append(("before", message.message_id))  # type: ignore[attr-defined]

        def after_enqueue(self, broker: object, message: object, delay: object) -> None:
            calls.append(("after", message.message_id))  # type: ignore[attr-defined]

    broker.add_middleware(Listener())
    sent = broker.enqueue_many([message(), message()], delay=5)

    ids = [message.message_id for message in sent]
    assert calls == [(when, name) for when in ("before", "after") for name in ids]
    assert all(message.queue_name == "default.DQ" for message in sent)

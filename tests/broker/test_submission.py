"""The stored form of a message."""

from __future__ import annotations

from dramatiq import Message, Middleware

from app.broker import StreamsBroker
from app.broker.enqueue_request import encode_message
from tests.broker.delivery import message


def test_the_stored_form_is_dramatiqs_own() -> None:
    one = message("ä", 1, None, actor="act", nested={"a": [1.5]})

    assert encode_message(one) == one.encode()
    assert Message.decode(encode_message(one)) == one


def test_a_subclass_of_message_encodes_itself() -> None:
    class Mine(Message):  # type: ignore[type-arg]
        def encode(self) -> bytes:
            return b"mine"

    assert encode_message(Mine("default", "act", (), {}, {})) == b"mine"


def test_a_delayed_messages_stored_form_names_its_own_queue_and_no_eta() -> None:
    stored = Message.decode(encode_message(message(queue="default.DQ", eta=5, kept=True)))

    assert (stored.queue_name, stored.options) == ("default", {"kept": True})


def test_many_messages_are_announced_to_whoever_listens(broker: StreamsBroker) -> None:
    heard: list[tuple[str, str]] = []

    class Listener(Middleware):
        def before_enqueue(self, broker: object, message: object, delay: object) -> None:
            heard.append(("before", message.message_id))  # type: ignore[attr-defined]

        def after_enqueue(self, broker: object, message: object, delay: object) -> None:
            heard.append(("after", message.message_id))  # type: ignore[attr-defined]

    broker.add_middleware(Listener())
    sent = broker.enqueue_many([message(), message()], delay=5)

    ids = [one.message_id for one in sent]
    assert heard == [(when, name) for when in ("before", "after") for name in ids]
    assert all(one.queue_name == "default.DQ" for one in sent)

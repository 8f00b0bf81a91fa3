"""Messages that grew too old, by the server's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dramatiq import Broker, MessageProxy
from dramatiq.middleware import AgeLimit, SkipMessage

from app.broker.errors import BrokerUnavailable
from app.broker.message import StreamMessage

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["StreamAgeLimit"]


class StreamAgeLimit(AgeLimit):
    """As Dramatiq's AgeLimit, but a message's age is counted from when the server accepted it, by the server's clock:
    producers and workers may disagree about the time. One that is too old becomes a dead letter, as with Dramatiq.
    """

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        if not isinstance(message, StreamMessage):
            super().before_process_message(broker, message)  # type: ignore[no-untyped-call]
            return
        options = broker.get_actor(message.actor_name).options
        max_age_ms = message.options.get("max_age") or options.get("max_age", self.max_age)
        if max_age_ms and self._age_ms(cast("StreamsBroker", broker), message) >= max_age_ms:
            self.logger.warning("Message %r has exceeded its age limit.", message.message_id)
            message.fail()
            raise SkipMessage("Message age limit exceeded")

    @staticmethod
    def _age_ms(broker: StreamsBroker, message: StreamMessage) -> int:
        try:
            return broker.clock.now_ms(message.keys) - message.born_ms
        except BrokerUnavailable:
            return 0  # better late than not at all: without the server nobody can say

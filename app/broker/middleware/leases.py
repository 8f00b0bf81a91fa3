"""Ties the heartbeat to the worker's life, and keeps lost messages from being started."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dramatiq import Broker, MessageProxy, Middleware, Worker
from dramatiq.middleware import SkipMessage

from app.broker.errors import BrokerUnavailable
from app.broker.lease_renewal import LeaseRenewal
from app.broker.message import StreamMessage

if TYPE_CHECKING:
    from app.broker.broker import StreamsBroker

__all__ = ["Leases"]


class Leases(Middleware):
    """The broker adds this itself, in front of all other middleware; it brings the broker's own actor options along."""

    def __init__(self) -> None:
        self._heartbeat: LeaseRenewal | None = None

    @property
    def actor_options(self) -> set[str]:
        return {"lane"}

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        self._heartbeat = LeaseRenewal(cast("StreamsBroker", broker))
        self._heartbeat.start()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        # It may have waited in memory for longer than its lease, in a suspended process: then another worker has it.
        if isinstance(message, StreamMessage) and not cast("StreamsBroker", broker).deliveries.start(message):
            raise SkipMessage("the lease was lost before the message was started")

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        if self._heartbeat is not None:
            self._heartbeat.stop()
        try:
            cast("StreamsBroker", broker).forget_me()
        except BrokerUnavailable as e:
            broker.logger.warning("This worker's consumers stay until the next sweep: %s", e)

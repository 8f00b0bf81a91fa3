"""What the gateway may be told from outside. Every field has a default that is right for one machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.core.tiers import ANONYMOUS_TIER, Tier
from app.http.client_address import NO_PROXIES, TrustedProxies

__all__ = ["POLL_SECONDS", "HttpSettings"]

# A wake-up may be lost, so every viewer reads again after this. It also bounds how late a viewer that has gone, or a
# shutdown, is noticed: it must stay well below every time-out in HttpSettings.
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class HttpSettings:
    """Bounds and time-outs of the gateway.

    Parameters:
        max_body_bytes: a longer request body is a 413, counted while it streams.
        body_seconds: how long a body may take to arrive; then 408. A place that is held for its job lasts for 120 s.
        max_wait_seconds: the longest ``?wait=``.
        max_message_bytes: a longer WebSocket message from a viewer closes its socket.
        slow_consumer_seconds: a socket that takes nothing for this long is closed; its job runs on.
        close_seconds: how long a close frame is tried after that, before the connection is simply dropped.
        heartbeat_seconds: how often a silent event stream sends a comment, so that proxies keep it open. Has to be
            shorter than any proxy's idle time-out (60 s is common).
        drain_seconds: between SIGTERM and the end of listening ``/readyz`` says 503 for this long, so that a load
            balancer that asks it goes elsewhere first. The server's own graceful time-out must be longer.
        anonymous_tier: what may be done without a key; None when nothing may.
        trusted_proxies: whose X-Forwarded-For is believed.
        allow_private_webhooks: whether a webhook may name a private address.
        authentication_seconds: how long a WebSocket that promised a first message with its key may take to send it.
        allowed_origins: web origins (``https://host``) that may open a WebSocket besides the gateway's own host.
    """

    max_body_bytes: int = 12 * 1024 * 1024
    body_seconds: float = 30
    max_wait_seconds: float = 60
    max_message_bytes: int = 64 * 1024
    slow_consumer_seconds: float = 10
    close_seconds: float = 10
    heartbeat_seconds: float = 15
    drain_seconds: float = 0
    allowed_origins: frozenset[str] = frozenset()
    anonymous_tier: Tier | None = ANONYMOUS_TIER
    trusted_proxies: TrustedProxies = NO_PROXIES
    allow_private_webhooks: bool = False
    authentication_seconds: float = 5

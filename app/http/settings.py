"""The settings of the gateway. The defaults are for one machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.core.callers import ANONYMOUS_TIER, Tier
from app.http.client_address import NO_PROXIES, TrustedProxies

__all__ = ["POLL_SECONDS", "HttpSettings"]

# Wake-ups can be lost, so every client that waits for events reads the log at least this often. It is also the maximum
# delay until a disconnect or a shutdown is noticed, so it must be much shorter than every time limit below.
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class HttpSettings:
    """Limits and time limits of the gateway.

    Attributes:
        max_body_bytes: Maximum size of a request body; more returns 413.
        body_seconds: Maximum time to receive a request body; more returns 408.
        max_wait_seconds: Maximum of the query parameter ``wait``.
        max_message_bytes: Maximum size of a WebSocket message from a client; more closes the socket with 1009.
        slow_consumer_seconds: Maximum time to send one WebSocket message; more closes the socket with 4408.
        close_seconds: Maximum time to send a close frame; then the connection is dropped.
        heartbeat_seconds: Send a comment on an event stream that was silent for this time. It must be shorter than the
            idle time-out of every proxy (60 s is common).
        drain_seconds: Time from SIGTERM, when ``/readyz`` starts to return 503, until the server stops accepting
            connections. A load balancer can remove the server in this time. It must be shorter than the graceful
            time-out of the server.
        allowed_origins: Web origins (``https://host``) of other hosts that can open WebSockets and use CORS.
        allowed_hosts: Host names that the gateway serves; see app/http/origins.py.
        anonymous_tier: The tier of callers without an API key. None: every caller needs a key.
        trusted_proxies: Proxies whose X-Forwarded-For header is trusted.
        allow_private_webhooks: Whether webhook URLs can have private addresses.
        authentication_seconds: Maximum time to receive the first message of a WebSocket with ``?auth=message``.
        piston_any_version: Whether Piston's API runs a program with the nearest installed version if the requested one
            is not installed.
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
    allowed_hosts: frozenset[str] = frozenset()
    anonymous_tier: Tier | None = ANONYMOUS_TIER
    trusted_proxies: TrustedProxies = NO_PROXIES
    allow_private_webhooks: bool = False
    authentication_seconds: float = 5
    piston_any_version: bool = True

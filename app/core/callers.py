"""Who asks: somebody with an API key, or an address without one."""

from __future__ import annotations

from typing import Final

import msgspec

from app.core.tiers import Tier

__all__ = ["ANONYMOUS", "TICKET_SECONDS", "ApiKey", "Caller", "NewApiKey"]

ANONYMOUS: Final = "anonymous"
TICKET_SECONDS: Final = 30


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key; its secret is not. ``id`` is public, and part of the key's text."""

    id: str
    name: str
    tier: str
    is_admin: bool
    created_at_ms: int


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key at its creation: the only time at which its text and the secret of its webhooks are told."""

    key: ApiKey
    text: str
    webhook_secret: str


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who a request is from.

    Parameters:
        owner: whose the jobs are that are submitted, and which ones may be seen.
        account: whose tokens and places are taken: the key, or the address where there is none.
        address: the address, or the whole network of an IPv6 address.
        key_id: None for who came without a key.
    """

    owner: str
    account: str
    address: str
    tier: Tier
    key_id: str | None = None
    is_admin: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Whether it came without a key. What such callers own, they own together."""
        return self.key_id is None

"""/v1/admin/keys: make, list and revoke API keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from falcon.asgi import Response

from app.core.callers import ApiKey, NewApiKey
from app.core.constraints import told
from app.core.errors import InvalidRequest, NotFound
from app.core.tiers import TIERS
from app.core.timestamps import Timestamp, format_timestamp
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.request import Request
from app.http.responses import send_json
from app.store.api_keys import ApiKeyStore

__all__ = ["KeyRequest", "KeyResource", "KeysResource", "KeysView", "NewKeyView"]

MAX_NAME_CHARACTERS: Final = 100
MAX_BODY_BYTES: Final = 4096


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/admin/keys."""

    name: Annotated[
        str,
        told(
            minLength=1,
            maxLength=MAX_NAME_CHARACTERS,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="Printable characters, for people.",
        ),
    ]
    tier: Annotated[str, told(enum=list(TIERS))] = "standard"
    admin: bool = False


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without what makes it one."""

    id: str
    name: str
    tier: str
    admin: bool
    created_at: Timestamp


class NewKeyView(KeyView, frozen=True, kw_only=True):
    """A key at its creation. Neither secret is ever shown again."""

    key: str
    webhook_secret: str


class KeysView(msgspec.Struct, frozen=True):
    """All keys, oldest first."""

    keys: list[KeyView]


_DECODER: Final = msgspec.json.Decoder(KeyRequest)


class KeysResource:
    """All keys."""

    def __init__(self, api_keys: ApiKeyStore, now_ms: Callable[[], int]) -> None:
        self._api_keys = api_keys
        self._now_ms = now_ms

    async def on_get(self, request: Request, response: Response) -> None:
        """200."""
        send_json(response, 200, KeysView([_view(key) for key in await self._api_keys.list()]))

    on_head = on_get

    async def on_post(self, request: Request, response: Response) -> None:
        """201 with the key's text, this once."""
        wanted = decode(_DECODER, await read_json_body(request, MAX_BODY_BYTES))
        _check(wanted)
        made = await self._api_keys.create(wanted.name, wanted.tier, wanted.admin, self._now_ms())
        response.set_header("Location", f"/v1/admin/keys/{made.key.id}")
        send_json(response, 201, _new_view(made))


class KeyResource:
    """One key."""

    def __init__(self, api_keys: ApiKeyStore) -> None:
        self._api_keys = api_keys

    async def on_delete(self, request: Request, response: Response, key_id: str) -> None:
        """204: it opens nothing any more. Its jobs run on."""
        if not await self._api_keys.revoke(key_id):
            raise NotFound("no API key has this id")
        response.status = 204


def _check(wanted: KeyRequest) -> None:
    if not 1 <= len(wanted.name) <= MAX_NAME_CHARACTERS or not wanted.name.isprintable():
        raise InvalidRequest("name", f"must be 1 to {MAX_NAME_CHARACTERS} printable characters")
    if wanted.tier not in TIERS:
        raise InvalidRequest("tier", f"must be one of {', '.join(TIERS)}")


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id, name=key.name, tier=key.tier, admin=key.is_admin, created_at=format_timestamp(key.created_at_ms)
    )


def _new_view(made: NewApiKey) -> NewKeyView:
    key = made.key
    return NewKeyView(
        id=key.id,
        name=key.name,
        tier=key.tier,
        admin=key.is_admin,
        created_at=format_timestamp(key.created_at_ms),
        key=made.text,
        webhook_secret=made.webhook_secret,
    )

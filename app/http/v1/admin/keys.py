"""/v1/admin/keys: create, list and revoke API keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from falcon.asgi import Response

from app.core.callers import TIERS, ApiKey, NewApiKey
from app.core.constraints import schema
from app.core.errors import InvalidRequest, NotFound
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
        schema(
            minLength=1,
            maxLength=MAX_NAME_CHARACTERS,
            pattern=r"^[^\x00-\x1f\x7f]*$",
            description="A name for people, of printable characters.",
        ),
    ]
    tier: Annotated[str, schema(enum=list(TIERS))] = "standard"
    admin: bool = False


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secrets."""

    id: str
    name: str
    tier: str
    admin: bool
    created_at: Timestamp


class NewKeyView(KeyView, frozen=True, kw_only=True):
    """A new API key. Its secrets, ``key`` and ``webhook_secret``, are in no other response."""

    key: str
    webhook_secret: str


class KeysView(msgspec.Struct, frozen=True):
    """All API keys, oldest first."""

    keys: list[KeyView]


_DECODER: Final = msgspec.json.Decoder(KeyRequest)


class KeysResource:
    """/v1/admin/keys.

    Args:
        now_ms: Returns the current time in Unix milliseconds.
    """

    def __init__(self, api_keys: ApiKeyStore, now_ms: Callable[[], int]) -> None:
        self._api_keys = api_keys
        self._now_ms = now_ms

    async def on_get(self, request: Request, response: Response) -> None:
        """Send all keys without their secrets."""
        send_json(response, 200, KeysView([_create_view(key) for key in await self._api_keys.list()]))

    on_head = on_get

    async def on_post(self, request: Request, response: Response) -> None:
        """Create a key, and send 201 with its secrets. Raises InvalidRequest."""
        key_request = decode(_DECODER, await read_json_body(request, MAX_BODY_BYTES))
        _check(key_request)
        new_key = await self._api_keys.create(key_request.name, key_request.tier, key_request.admin, self._now_ms())
        response.set_header("Location", f"/v1/admin/keys/{new_key.key.id}")
        send_json(response, 201, _create_new_view(new_key))


class KeyResource:
    """/v1/admin/keys/{id}."""

    def __init__(self, api_keys: ApiKeyStore) -> None:
        self._api_keys = api_keys

    async def on_delete(self, request: Request, response: Response, key_id: str) -> None:
        """Revoke a key, and send 204. Jobs of the key continue. Raises NotFound."""
        if not await self._api_keys.revoke(key_id):
            raise NotFound("no API key has this id")
        response.status = 204


def _check(key_request: KeyRequest) -> None:
    if not 1 <= len(key_request.name) <= MAX_NAME_CHARACTERS or not key_request.name.isprintable():
        raise InvalidRequest("name", f"must be 1 to {MAX_NAME_CHARACTERS} printable characters")
    if key_request.tier not in TIERS:
        raise InvalidRequest("tier", f"must be one of {', '.join(TIERS)}")


def _create_view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id, name=key.name, tier=key.tier, admin=key.is_admin, created_at=format_timestamp(key.created_at_ms)
    )


def _create_new_view(new_key: NewApiKey) -> NewKeyView:
    key = new_key.key
    return NewKeyView(
        id=key.id,
        name=key.name,
        tier=key.tier,
        admin=key.is_admin,
        created_at=format_timestamp(key.created_at_ms),
        key=new_key.text,
        webhook_secret=new_key.webhook_secret,
    )

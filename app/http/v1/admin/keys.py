"""/v1/admin/keys: create, list, rotate and revoke API keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from falcon.asgi import Response

from app.core.callers import TIERS, ApiKey, NewApiKey, RotatedApiKey
from app.core.constraints import schema
from app.core.errors import InvalidRequest, NotFound
from app.core.timestamps import Timestamp, format_optional_timestamp, format_timestamp
from app.http.body import read_json_body
from app.http.decoding import decode
from app.http.request import Request
from app.http.responses import send_json
from app.store.callers.api_keys import ApiKeyStore

__all__ = [
    "KeyRequest",
    "KeyResource",
    "KeysResource",
    "KeysView",
    "NewKeyView",
    "RotateResource",
    "RotatedKeyView",
    "RotationRequest",
]

MAX_NAME_CHARACTERS: Final = 100
MAX_BODY_BYTES: Final = 4096
MAX_EXPIRY_SECONDS: Final = 10 * 366 * 86_400
MAX_GRACE_SECONDS: Final = 30 * 86_400


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
    expires_in_seconds: Annotated[
        int | None,
        schema(
            minimum=1, maximum=MAX_EXPIRY_SECONDS, description="How long the key is valid. Without it: until revoked."
        ),
    ] = None


class RotationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/admin/keys/{id}/rotate."""

    grace_seconds: Annotated[
        int,
        schema(minimum=0, maximum=MAX_GRACE_SECONDS, description="How long the previous key stays valid."),
    ] = 0


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secrets. ``last_used_at`` is accurate to a minute, and None if the key was never used."""

    id: str
    name: str
    tier: str
    admin: bool
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None


class RotatedKeyView(KeyView, frozen=True, kw_only=True):
    """An API key with its new text, ``key``, which is in no other response. The webhook secret has not changed.

    The previous text is valid until ``previous_expires_at``. It is None if the text is invalid now.
    """

    key: str
    previous_expires_at: Timestamp | None


class NewKeyView(KeyView, frozen=True, kw_only=True):
    """A new API key. Its secrets, ``key`` and ``webhook_secret``, are in no other response."""

    key: str
    webhook_secret: str


class KeysView(msgspec.Struct, frozen=True):
    """All API keys, oldest first."""

    keys: list[KeyView]


_DECODER: Final = msgspec.json.Decoder(KeyRequest)
_ROTATION_DECODER: Final = msgspec.json.Decoder(RotationRequest)


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
        new_key = await self._api_keys.create(
            key_request.name,
            key_request.tier,
            key_request.admin,
            self._now_ms(),
            key_request.expires_in_seconds,
        )
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


class RotateResource:
    """/v1/admin/keys/{id}/rotate."""

    def __init__(self, api_keys: ApiKeyStore) -> None:
        self._api_keys = api_keys

    async def on_post(self, request: Request, response: Response, key_id: str) -> None:
        """Replace the text of a key, and send 200 with the new one. Raises InvalidRequest, NotFound."""
        rotation = decode(_ROTATION_DECODER, await read_json_body(request, MAX_BODY_BYTES))
        if not 0 <= rotation.grace_seconds <= MAX_GRACE_SECONDS:
            raise InvalidRequest("grace_seconds", f"must be between 0 and {MAX_GRACE_SECONDS}")
        rotated = await self._api_keys.rotate(key_id, rotation.grace_seconds)
        if rotated is None:
            raise NotFound("no API key has this id")
        send_json(response, 200, _create_rotated_view(rotated))


def _check(key_request: KeyRequest) -> None:
    if not 1 <= len(key_request.name) <= MAX_NAME_CHARACTERS or not key_request.name.isprintable():
        raise InvalidRequest("name", f"must be 1 to {MAX_NAME_CHARACTERS} printable characters")
    if key_request.tier not in TIERS:
        raise InvalidRequest("tier", f"must be one of {', '.join(TIERS)}")
    seconds = key_request.expires_in_seconds
    if seconds is not None and not 1 <= seconds <= MAX_EXPIRY_SECONDS:
        raise InvalidRequest("expires_in_seconds", f"must be between 1 and {MAX_EXPIRY_SECONDS}")


def _view_fields(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "tier": key.tier,
        "admin": key.is_admin,
        "created_at": format_timestamp(key.created_at_ms),
        "expires_at": format_optional_timestamp(key.expires_at_ms),
        "last_used_at": format_optional_timestamp(key.last_used_at_ms),
    }


def _create_view(key: ApiKey) -> KeyView:
    return KeyView(**_view_fields(key))


def _create_new_view(new_key: NewApiKey) -> NewKeyView:
    return NewKeyView(**_view_fields(new_key.key), key=new_key.text, webhook_secret=new_key.webhook_secret)


def _create_rotated_view(rotated: RotatedApiKey) -> RotatedKeyView:
    return RotatedKeyView(
        **_view_fields(rotated.key),
        key=rotated.text,
        previous_expires_at=format_optional_timestamp(rotated.previous_expires_at_ms),
    )
